"""Playing together: an invite, a round in turn and a vote, on a desk and on a phone."""

import re

from playwright.sync_api import expect

from tests.browser.test_everyone import EVERY_RULE, wrong
from tests.browser.test_phone import PHONE, fits

SMALL = {**PHONE, "viewport": {"width": 360, "height": 740}}


def set_rules(window, order, changes="owner"):
    """As the owner: another order of turns, on the page of the players."""
    page = window.browser.context.new_page()
    page.goto(f"{window.browser.address}{window.adventure}table/")
    page.get_by_label("Order of turns").select_option(order)
    page.get_by_label("Who may retry").select_option(changes)
    page.get_by_role("region", name="Rules").get_by_role("button", name="Save").click()
    page.wait_for_load_state()
    page.close()


def invite(window, name, role="player"):
    """As the owner: a name for oneself, and the code of an invite."""
    page = window.browser.context.new_page()
    page.goto(f"{window.browser.address}{window.adventure}table/")
    own = page.get_by_role("region", name="Your character")
    own.get_by_label("Your character’s name").fill(name)
    own.get_by_role("button", name="Save").click()
    page.get_by_label("Invite", exact=True).select_option(role)
    page.get_by_role("button", name="Create an invite").click()
    code = page.get_by_role("heading", name=f"For {role}s").locator("code").inner_text()
    page.close()
    return code


def join(browser, code, name):
    """As a guest: type the code, choose a name, and be on the play page."""
    window = browser.window("/join/")
    page = window.page
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Your character’s name").fill(name)
    page.get_by_role("button", name="Join").click()
    window.ready()
    return window


def players(window):
    return window.dock.get_by_role("region", name="Players")


def proposals(window):
    return window.dock.get_by_role("list", name="Proposals").get_by_role("listitem")


def test_three_play_a_round_and_a_vote(alice, visit):
    owner = alice.begin(narrator="Quill")
    expect(players(owner)).to_be_hidden()  # one alone has no table
    code = invite(owner, "Mira")
    tom = join(visit(**SMALL), code, "Tom")
    ann = join(visit(**PHONE), code, "Ann")
    windows = [owner, tom, ann]
    for window in windows:
        expect(players(window).get_by_role("listitem")).to_have_count(3)

    set_rules(owner, "round")
    for window in (tom, ann):
        expect(players(window)).to_contain_text("It is the turn of Mira.")
        expect(window.send).to_be_disabled()
    expect(players(owner)).to_contain_text("It is your turn.")
    # What is typed out of turn stays.
    tom.type("follow her")
    for turns, (window, name, does) in enumerate(
        [(owner, "Mira", "open the hatch"), (tom, "Tom", ""), (ann, "Ann", "shut the door")], 2
    ):
        expect(players(window)).to_contain_text("It is your turn.")
        if does:
            window.type(does)
        window.send.click()
        for each in windows:
            expect(each.turns).to_have_count(turns)
            expect(each.last).to_have_attribute("data-status", "told")
            expect(each.deed).to_contain_text(name)
            expect(each.deed.locator(".speaker")).to_have_text(name)
    expect(players(owner)).to_contain_text("It is your turn.")

    set_rules(owner, "vote")
    propose = tom.button("Propose")
    expect(propose).to_be_enabled()
    tom.type("light the lamp")
    propose.click()
    for window in windows:
        expect(proposals(window)).to_have_text(re.compile("Tom.*light the lamp"))
    expect(tom.turns).to_have_count(4)
    owner.type("go to sleep")
    owner.input.press("Enter")
    for window in (owner, tom):
        expect(proposals(window)).to_have_count(2)
        assert fits(window.page)
        assert wrong(window.page, EVERY_RULE) == []
    for window in windows:
        button = window.dock.get_by_role("button", name="Vote: Tom")
        button.focus()
        window.press("Enter")
    for window in windows:
        expect(window.turns).to_have_count(5)
        expect(window.deed).to_contain_text("Tom")
        expect(proposals(window)).to_have_count(0)
        expect(window.last).to_have_attribute("data-status", "told")
    assert owner.shown() == tom.shown() == ann.shown()


def watch(browser, code):
    """Somebody who only reads."""
    window = browser.window("/join/")
    window.page.get_by_label("Code").fill(code)
    window.page.get_by_role("button", name="Continue").click()
    window.page.get_by_role("button", name="Watch").click()
    return window


def test_a_game_master_approves_in_other_words_and_an_undo_takes_two(alice, visit):
    owner = alice.begin(narrator="Quill")
    tom = join(visit(**SMALL), invite(owner, "Mira"), "Tom")
    reader = watch(visit(**SMALL), invite(owner, "Mira", "spectator"))
    set_rules(owner, "master", changes="vote")
    tom.type("fly to the moon")
    tom.button("Propose").click()
    expect(proposals(tom)).to_contain_text("fly to the moon")
    owner.dock.get_by_role("button", name="Edit: Tom").click()
    owner.dock.get_by_role("textbox", name="What is told in its place").fill("look at the moon")
    owner.press("Enter")
    for window in (owner, tom, reader):
        expect(window.deed).to_have_text("Tom looks at the moon.")
    # Who watches sees who plays, and has nothing to press.
    expect(players(reader).get_by_role("listitem")).to_have_count(2)
    expect(reader.dock.get_by_role("button")).to_have_count(0)
    expect(reader.input).to_be_hidden()
    assert wrong(reader.page, EVERY_RULE) == []
    # A proposal that is taken back returns to the input.
    expect(tom.last).to_have_attribute("data-status", "told")
    tom.type("sing")
    tom.button("Propose").click()
    tom.button("Withdraw").click()
    expect(proposals(tom)).to_have_count(0)
    expect(tom.input).to_have_value("sing")

    # An undo waits for the other player.
    tom.button("Undo").click()
    expect(players(owner)).to_contain_text("Tom asks to undo (1 of 2 agree).")
    expect(owner.turns).to_have_count(2)
    expect(tom.button("Agree")).to_be_hidden()
    expect(tom.input).to_have_value("sing")
    owner.button("Agree").click()
    for window in (owner, tom, reader):
        expect(window.turns).to_have_count(1)
