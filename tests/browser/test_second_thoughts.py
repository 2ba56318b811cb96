"""What a player takes back: a reply by Stop, an edit, an action, and the way not taken."""

import re

import pytest
from playwright.sync_api import expect

ENDED = re.compile("told|stopped")


def status(window, wanted):
    expect(window.last).to_have_attribute("data-status", wanted)


def test_stop_works_at_once_and_a_double_click_on_send_never_stops(alice):
    window = alice.begin(narrator="Quill")
    window.type("climb the stairs")
    window.send.dblclick()
    expect(window.stop).to_be_visible()
    window.page.wait_for_timeout(700)
    status(window, "running")
    window.stop.click()
    status(window, "stopped")

    # A click that is none of a double one stops as soon as the button says so.
    window.type("climb on")
    window.input.press("Enter")
    expect(window.stop).to_be_enabled()
    window.stop.click()
    status(window, "stopped")
    window.type("and on")
    window.send.click()
    expect(window.stop).to_be_enabled()
    window.stop.click()
    status(window, "stopped")

    # Nor does the second click on Retry stop what the first one asked for.
    turns = window.turns.count()
    window.button("Retry").dblclick()
    window.page.wait_for_timeout(500)
    status(window, "running")
    expect(window.last.get_by_text("2/2")).to_be_hidden()
    window.stop.click()
    expect(window.last.get_by_text("2/2")).to_be_visible()
    expect(window.turns).to_have_count(turns)


def test_an_edit_can_be_taken_back_and_an_earlier_version_restored(alice):
    window = alice.begin()
    opening = window.turns.first
    before = window.agrees()[0]["reply"]

    def edit(text):
        window.tool("Edit", opening).click()
        opening.get_by_role("textbox", name="Reply").fill(text)
        opening.get_by_role("button", name="Save").click()
        expect(opening.get_by_text(text)).to_be_visible()

    def reply():
        return window.agrees()[0]["reply"]

    undo, redo = window.button("Undo"), window.button("Redo")
    expect(undo).to_be_disabled()
    edit("You wake up.")
    edit("You wake up, and it is late.")
    earlier = opening.get_by_role("button", name="2 earlier")
    expect(opening.get_by_text("edited, 2 earlier")).to_be_visible()

    undo.click()
    expect(opening.get_by_text("You wake up.", exact=True)).to_be_visible()
    assert reply() == ["You wake up."]
    redo.click()
    expect(opening.get_by_text("You wake up, and it is late.")).to_be_visible()

    earlier.click()
    items = opening.get_by_role("listitem")
    expect(items).to_have_count(2)
    expect(items.last).to_contain_text("Original reply")
    items.last.get_by_role("button", name="Restore").click()
    expect(items.first).to_be_hidden()
    expect(opening.locator(".reply")).to_contain_text(before[0])
    assert reply() == before
    undo.click()  # a restored version is an edit as well
    expect(opening.get_by_text("You wake up, and it is late.")).to_be_visible()


def test_undo_gives_the_words_back(alice):
    window = alice.begin(narrator="Quill")
    for text in ("climb the stairs", "say nothing"):
        window.act(text)
        expect(window.stop).to_be_enabled()
        window.stop.click()
        status(window, "stopped")
    window.button("Undo").click()
    expect(window.input).to_have_value("say nothing")
    window.input.focus()
    window.press("Control+z")  # not typed there: the key means the story
    expect(window.turns).to_have_count(1)
    expect(window.input).to_have_value("climb the stairs")
    window.button("Redo").click()
    expect(window.turns).to_have_count(2)
    expect(window.input).to_have_value("")
    window.type("my own words")
    window.button("Undo").click()
    expect(window.turns).to_have_count(1)
    expect(window.input).to_have_value("my own words")


def test_replies_to_one_action_and_other_actions_are_two_things(alice):
    window = alice.begin(narrator="Quill")
    for text in ("climb the stairs", "run"):
        window.act(text)
        expect(window.stop).to_be_enabled()
        window.stop.click()
        status(window, "stopped")
        if text != "run":
            window.button("Undo").click()
            expect(window.turns).to_have_count(1)
            window.input.fill("")
    other = window.last.get_by_role("button", name="1 other action")
    expect(other).to_be_visible()
    expect(window.last.get_by_role("button", name="Previous reply")).to_be_hidden()
    window.button("Retry").click()
    expect(window.stop).to_be_enabled()
    window.stop.click()
    expect(window.last.get_by_text("2/2")).to_be_visible()
    other.click()
    window.last.get_by_role("button", name="You climb the stairs.").click()
    expect(window.deed).to_have_text("You climb the stairs.")
    expect(window.last.get_by_text("2/2")).to_be_hidden()
    expect(other).to_be_visible()
    window.agrees()


def test_the_title_of_a_window_in_the_background_says_that_a_reply_has_ended(alice):
    window = alice.begin()
    page = window.page
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    before = page.title()
    window.type("look around")
    window.input.press("Enter")
    expect(page).to_have_title(f"Reply ready · {before}")
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title(before)


@pytest.mark.parametrize("phone", [False, True])
def test_the_menu_has_keys_or_gestures_and_says_where_there_are_no_voices(visit, phone):
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    window = visit(**options if phone else {}).begin()
    page = window.page
    page.evaluate("speechSynthesis.getVoices = () => []")
    menu = page.locator("summary[aria-label=Menu]")
    menu.click()
    names = ["Keyboard shortcuts", "Gestures"]
    for name in names:
        button = page.get_by_role("button", name=name)
        expect(button).to_be_visible(visible=(name == "Gestures") == phone)
    page.get_by_role("button", name=names[phone]).click()
    dialog = page.get_by_role("dialog", name=names[phone])
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    menu.click()
    page.get_by_role("button", name="Read aloud").click()
    expect(window.line).to_contain_text("no voices")


def test_a_card_that_is_deleted_beside_the_story_comes_back_by_undo(alice):
    window = alice.begin()
    page = window.page
    page.get_by_role("link", name="Plot", exact=True).click()
    page.get_by_role("tab", name="Cards").click()
    panel = page.get_by_role("tabpanel", name="Cards")
    panel.get_by_role("button", name="Show me everything").click()
    cards = panel.locator("[data-card]")
    expect(cards.first).to_be_visible()
    count = cards.count()
    cards.first.get_by_role("button", name="Delete").click()
    expect(panel.get_by_text("was deleted")).to_be_visible()
    expect(cards).to_have_count(count - 1)
    panel.get_by_role("button", name="Undo").click()
    expect(panel.get_by_text("was restored")).to_be_visible()
    expect(cards).to_have_count(count)
