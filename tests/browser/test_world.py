"""The page World: what is known at a turn, why, and what the player makes of it."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from tests.browser.test_everyone import EVERY_RULE, wrong
from tests.browser.test_phone import PHONE, fits

WIDE = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}
NARROW = {**PHONE, "viewport": {"width": 360, "height": 740}, "reduced_motion": "reduce"}

SUGGEST = """
(turn) => sockets.at(-1).onmessage({ data: JSON.stringify({
  type: "turn.suggested", id: "9999999999999-0", turn,
  actions: ["ask who is there", "open the <b>hatch</b>", "wait & listen"],
}) })
"""


def begin(visit, size):
    """A window of that size where Quill tells, who is chosen where there is room for it."""
    window = visit(**{**size, "viewport": WIDE["viewport"]}).begin(narrator="Quill")
    window.page.set_viewport_size(size["viewport"])
    return window


def open_world(page):
    page.get_by_label("Menu").click()
    page.get_by_role("button", name="World: people").click()
    expect(page.locator("#tab-world").get_by_role("heading", name="People")).to_be_visible()


def add(page, what, **values):
    """Add an entry to the World, its values by their labels."""
    world = page.locator("#tab-world")
    world.get_by_role("button", name=f"Add {what}").click()
    for label, value in values.items():
        if label == "State":
            world.get_by_role("combobox", name=label).select_option(value)
        else:
            world.get_by_role("textbox", name=label).fill(value)
    world.get_by_role("button", name="Save").click()
    expect(world.locator("form")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "360"])
def test_a_player_looks_at_the_world_and_changes_it(visit, size, request):
    window = begin(visit, size)
    browser = window.browser
    window.type("wait")
    window.send.click()
    window.told(2)
    page = window.page
    open_world(page)
    world = page.locator("#tab-world")
    expect(world.get_by_text("After turn 1")).to_be_visible()

    add(page, "a person", Name="Teague <b>Marsh</b>", State="elsewhere")
    teague = world.get_by_role("button", name="Teague <b>Marsh</b>")
    expect(teague).to_contain_text("changed")
    expect(teague).to_contain_text("set by you")
    expect(teague).to_be_focused()
    page.wait_for_timeout(600)  # the event of one's own change has come back by now
    expect(world.get_by_role("status")).to_contain_text("Saved")
    add(page, "an aim", Aim="reach the mainland before the storm reaches the lighthouse")

    # Why, and an edit by the keyboard alone.
    teague.press("Enter")
    details = world.locator(".world-details")
    expect(details).to_contain_text("Set by you · turn 1")
    name = details.get_by_label("Name")
    name.focus()
    details.get_by_role("combobox", name="State").select_option("dead")
    name.press("Enter")
    expect(world.get_by_role("heading", name="Dead")).to_be_visible()
    expect(teague).to_be_focused()

    # What is wrong is said, and nothing is lost.
    world.get_by_role("button", name="Add a fact").click()
    fact = details.get_by_role("textbox", name="Fact")
    fact.fill("x" * 201)
    fact.press("Enter")
    expect(details.get_by_role("alert")).to_contain_text("the limit is 200")
    teague.click()
    expect(details.get_by_role("alert")).to_contain_text("Save or cancel this first")
    expect(fact).to_have_value("x" * 201)
    fact.fill("The bridge is down.")
    with browser.expecting("ERR_INTERNET_DISCONNECTED"):
        browser.context.set_offline(True)
        fact.press("Enter")
        expect(details.get_by_role("alert")).to_contain_text("Could not save")
        browser.context.set_offline(False)
    fact.press("Enter")
    expect(world.get_by_role("button", name="The bridge is down.")).to_be_visible()
    assert fits(page)
    assert not wrong(page, EVERY_RULE)
    shot(page, request, "world")

    # It is kept, belongs to the turn, and the story takes it back where the player says so.
    page.reload()
    window.ready()
    open_world(page)
    expect(world.get_by_role("heading", name="Dead")).to_be_visible()
    teague.click()
    shot(page, request, "entry")
    assert fits(page)
    details.get_by_role("button", name="turn 1").click()
    expect(window.last).to_have_class("turn last highlighted")
    if size is NARROW:
        expect(page.get_by_role("dialog")).to_have_count(0)
        open_world(page)
    details.get_by_role("button", name="Let the story decide").click()
    expect(teague).to_have_count(0)
    expect(world.get_by_role("button", name="The bridge is down.")).to_be_visible()


def test_the_world_goes_along_with_the_story_and_leaves_what_is_typed(visit):
    window = visit(**WIDE).begin(narrator="Quill")
    window.act("wait")
    window.told(2)
    page = window.page
    open_world(page)
    world = page.locator("#tab-world")
    add(page, "a thing", Name="lantern")
    lantern = world.get_by_role("button", name="lantern")
    expect(lantern).to_contain_text("changed")
    window.act("look")
    window.told(3)
    expect(world.get_by_text("After turn 2")).to_be_visible()
    expect(lantern).not_to_contain_text("changed")

    world.get_by_role("button", name="Add a fact").click()
    fact = world.get_by_role("textbox", name="Fact")
    fact.fill("The tide is")
    window.button("Undo").click()
    expect(window.turns).to_have_count(2)
    expect(world.get_by_role("status")).to_contain_text("This has changed meanwhile")
    expect(fact).to_have_value("The tide is")
    fact.press("Escape")
    expect(world.get_by_text("After turn 1")).to_be_visible()
    window.button("Undo").click()
    expect(world.get_by_text("After the opening")).to_be_visible()
    expect(lantern).to_have_count(0)

    # The panel is a column or a drawer as the window's width has it.
    page.set_viewport_size({"width": 390, "height": 800})
    expect(world).to_be_visible()
    page.set_viewport_size(WIDE["viewport"])
    expect(world).to_be_visible()
    assert page.evaluate("document.body.classList.contains('with-panel')")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "360"])
def test_a_suggested_action_is_put_into_the_input_and_not_sent(visit, size, request):
    window = begin(visit, size)
    window.type("wait")
    window.send.click()
    window.told(2)
    page = window.page
    suggested = page.get_by_role("group", name="Suggested actions").get_by_role("button")
    expect(suggested).to_have_count(0)
    page.evaluate(SUGGEST, window.last.get_attribute("data-turn"))
    expect(suggested).to_have_text(["ask who is there", "open the <b>hatch</b>", "wait & listen"])
    expect(page.locator("#live-region")).to_contain_text("Suggested actions: ask who is there")
    shot(page, request, "suggested")
    suggested.nth(1).focus()
    suggested.nth(1).press("Enter")
    expect(window.input).to_have_value("open the <b>hatch</b>")
    expect(window.turns).to_have_count(2)
    suggested.nth(0).click()
    expect(window.input).to_have_value("ask who is there")
    assert fits(page)
    assert not wrong(page, EVERY_RULE)
    window.send.click()
    expect(suggested).to_have_count(0)
    window.told(3)
    expect(suggested).to_have_count(0)


def shot(page, request, name):
    if "SHOTS" in os.environ:
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}-{request.node.callspec.id}.png")
