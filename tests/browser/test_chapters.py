"""Chapters: closed below a turn, listed in the panel, jumped to, in every window, on a phone."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.test_everyone import EVERY_RULE, wrong
from tests.browser.test_light import LENGTHEN
from tests.dungeon.test_play import ROOT

# Three chapters in a story of 250 turns, a summary that proposes a fourth, and another branch.
CHAPTERS = """
from game.models import Chapter, Summary
aune, rain = "Captain Aune counts the steps.", "Captain Aune counts the steps. It rains."
Turn.objects.create(
    adventure=found, parent=made[12], kind="say", status="told", action="Is anybody there?",
    reply="A heron answers, and the stairs are gone.",
)
for number, title in [(9, "The long stairs"), (59, "Captain Aune"), (119, "門の向こう")]:
    Chapter.objects.create(turn=made[number], title=title)
Summary.objects.create(turn=made[55], by="extract", text=aune)
Summary.objects.create(turn=made[199], by="extract", text=rain)
"""


@pytest.fixture
def long_story(installation):
    """Gives an adventure of 250 turns with chapters to a browser that has none of it open."""

    def lengthen(browser):
        window = browser.begin()
        path = window.adventure
        window.page.goto("about:blank")
        code = LENGTHEN.format(turns=250, adventure=path.split("/")[2]) + CHAPTERS
        environ = {**installation.environ, "LOG_LEVEL": "ERROR"}
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        subprocess.run(command, cwd=ROOT, env=environ, check=True)
        window.page.goto(browser.address + path)
        window.ready()
        return window

    return lengthen


def open_chapters(page):
    page.get_by_label("Menu").click()
    page.get_by_role("link", name="Chapters").click()
    chapters = page.get_by_role("region", name="Chapters")
    expect(chapters).to_be_visible()
    return chapters


def test_a_chapter_is_closed_below_a_turn_and_every_window_has_it(alice):
    window = alice.begin()
    page = window.page
    other = alice.window(window.adventure)
    other.ready()
    window.tool("Chapter").click()
    dialog = page.get_by_role("dialog", name="End a chapter here")
    field = dialog.get_by_role("textbox", name="Title of the chapter")
    expect(field).to_be_focused()
    page.keyboard.type("The first <b>night</b>")
    page.keyboard.press("Enter")
    for each in (window, other):
        heading = each.story.get_by_role("heading", name="The first <b>night</b>")
        expect(heading).to_be_visible()
        expect(each.last).to_contain_text("End of the chapter “The first <b>night</b>”")
    expect(page.get_by_role("dialog")).to_have_count(0)

    # The story goes on: a line without a title, until this part has one too.
    window.act("look around")
    window.ready()
    expect(window.last.locator("hr.chapter")).to_have_count(1)
    assert wrong(page, EVERY_RULE) == []
    shot(page, "chapters-begun")

    # By keyboard alone: renamed and removed again.
    window.turns.first.get_by_role("button", name="Chapter").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Title of the chapter")).to_be_focused()
    page.keyboard.type("Another title")
    page.keyboard.press("Enter")
    expect(other.story.get_by_role("heading", name="Another title")).to_be_visible()
    window.turns.first.get_by_role("button", name="Chapter").focus()
    page.keyboard.press("Enter")
    shot(page, "chapters-dialog")
    page.get_by_role("button", name="Remove chapter").press("Enter")
    expect(other.story.get_by_role("heading", name="Another title")).to_have_count(0)
    expect(window.story.locator(".chapter")).to_have_count(0)


def search_all_adventures(page, browser):
    """The list of adventures shows some passages, and leads to all of them."""
    page.goto(f"{browser.address}/adventures/?q=steep")
    expect(page.locator(".passage mark")).to_have_count(3)
    more = page.get_by_role("link", name="247 more turns")
    expect(more).to_be_visible()
    shot(page, f"chapters-list-{page.viewport_size['width']}")
    assert wrong(page, EVERY_RULE) == []
    more.click()
    expect(page.get_by_text("Found in 250 turns, on all branches.")).to_be_visible()


def test_the_panel_lists_chapters_and_jumps_to_turns_that_are_not_on_the_page(visit, long_story):
    alice = visit(viewport={"width": 1440, "height": 900})
    window = long_story(alice)
    page = window.page
    chapters = open_chapters(page)
    expect(chapters.get_by_role("listitem")).to_have_count(3)
    expect(chapters.get_by_role("listitem").nth(1)).to_contain_text("turns 11 to 60")
    expect(chapters).to_contain_text("Captain Aune counts the steps.")
    assert page.evaluate("document.scrollingElement.scrollTop + document.body.scrollTop") == 0
    shot(page, "chapters-panel")
    assert wrong(page, EVERY_RULE) == []
    chapters.get_by_role("link", name="Captain Aune").press("Enter")
    heading = window.story.get_by_role("heading", name="Captain Aune")
    expect(heading).to_be_in_viewport()
    shot(page, "chapters-jumped")

    # What a summary proposes is taken, with another title; the list and the story have it.
    proposal = chapters.get_by_role("textbox", name="Title of the proposed chapter")
    expect(chapters).to_contain_text("A chapter could end with turn 200.")
    proposal.fill("Rain")
    proposal.press("Enter")
    expect(chapters.get_by_role("listitem")).to_have_count(4)
    expect(chapters.get_by_role("textbox", name="Title of the proposed chapter")).to_have_count(0)
    chapters.get_by_role("link", name="Rain").click()
    expect(window.story.get_by_role("heading", name="Rain")).to_be_in_viewport()

    # A title that is too long stays in its field, with what is wrong.
    last = chapters.get_by_role("textbox", name="End a chapter with the latest turn")
    last.evaluate("field => { field.maxLength = 200; field.value = 'x'.repeat(81); }")
    with alice.expecting("422"):
        last.press("Enter")
        expect(chapters.get_by_text("A chapter’s title has 1 to 80 characters.")).to_be_visible()
    expect(last).to_have_value("x" * 81)

    # Found by words: each passage says its turn's number.
    page.get_by_role("tab", name="Search").click()
    page.get_by_role("searchbox", name="Search this adventure").fill("take step 241")
    page.get_by_role("searchbox", name="Search this adventure").press("Enter")
    expect(page.locator(".results a")).to_have_count(1)
    expect(page.locator(".results a")).to_contain_text("turn 242")
    shot(page, "chapters-search")
    page.get_by_role("searchbox", name="Search this adventure").fill("heron answers")
    page.get_by_role("searchbox", name="Search this adventure").press("Enter")
    expect(page.locator(".results a")).to_contain_text("turn 14 · on another branch")
    page.locator(".results a").click()
    expect(window.last).to_contain_text("A heron answers")
    expect(window.line).to_contain_text("You are on another branch now.")
    page.get_by_role("tab", name="Plot").click()
    expect(chapters.get_by_role("listitem")).to_have_count(1)  # of this branch's past
    search_all_adventures(page, alice)


def test_chapters_are_for_a_phone_too(visit, long_story):
    window = long_story(visit(viewport={"width": 360, "height": 740}, has_touch=True))
    page = window.page
    chapters = open_chapters(page)
    expect(chapters.get_by_role("listitem")).to_have_count(3)
    shot(page, "chapters-phone")
    assert wrong(page, EVERY_RULE) == []
    chapters.get_by_text("Change").first.click()
    shot(page, "chapters-phone-change")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    chapters.get_by_role("link", name="門の向こう").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(window.story.get_by_role("heading", name="門の向こう")).to_be_in_viewport()
    shot(page, "chapters-phone-jumped")
    turn = window.story.locator("article", has=page.get_by_text("You take step 60.", exact=True))
    turn.locator(".reply").tap()
    turn.get_by_role("button", name="Chapter").tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    shot(page, "chapters-phone-dialog")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    search_all_adventures(page, window.browser)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def shot(page, name):
    if os.environ.get("SHOTS"):
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png")
