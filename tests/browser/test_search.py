"""Search in an adventure: what is found is shown, and the story goes there."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.test_light import LENGTHEN
from tests.dungeon.test_play import ROOT

BRANCH = """
Turn.objects.create(
    adventure=found, parent=made[4], kind="say", status="told", action="Is anybody there?",
    reply="A heron answers, and the stairs are gone.",
)
"""


@pytest.fixture
def long_story(alice, installation):
    """A story of 320 turns with a branch near its beginning, in a window that knows none of it."""
    window = alice.begin()
    path = window.adventure
    window.page.goto("about:blank")
    code = LENGTHEN.format(turns=320, adventure=path.split("/")[2]) + BRANCH
    environ = {**installation.environ, "LOG_LEVEL": "ERROR"}
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code], cwd=ROOT, env=environ, check=True
    )
    window.page.goto(alice.address + path)
    window.ready()
    return window


def search(page, words):
    field = page.get_by_role("searchbox", name="Search this adventure")
    field.fill(words)
    field.press("Enter")


def in_sight(element):
    """Whether its middle can be seen in the story."""
    return element.evaluate(
        """(element) => {
          const box = element.getBoundingClientRect();
          const room = document.getElementById("scroller").getBoundingClientRect();
          return box.bottom > room.top && box.top < room.bottom;
        }"""
    )


def test_what_is_found_is_shown_on_any_page_and_any_branch(long_story, alice):
    window, page = long_story, long_story.page
    page.get_by_label("Menu").click()
    page.get_by_role("link", name="Search this adventure").click()
    search(page, "take step 7")
    hits = page.locator(".results a")
    expect(hits).to_have_count(11)  # 7 and 70 to 79
    expect(hits.first.locator("mark")).to_have_text("take step 7")
    shot(page, "search")

    head = window.turns.last.get_attribute("data-turn")
    hits.filter(has_text="You take step 7.").click()
    step = window.story.locator("article", has=page.get_by_text("You take step 7.", exact=True))
    expect(step).to_have_class("turn highlighted")
    assert in_sight(step)
    marked = page.evaluate("[...CSS.highlights.get('found')].map(String)")
    assert [text.lower() for text in marked] == ["take step 7"]
    assert window.turns.count() <= 300
    shot(page, "found")

    search(page, "heron")
    expect(hits).to_have_count(1)
    expect(hits).to_contain_text("on another branch")
    hits.click()
    expect(window.last).to_contain_text("A heron answers")
    expect(window.last).to_have_class("turn last highlighted")
    assert in_sight(window.last)

    # From the list of adventures: the passage leads to the branch that was left.
    page.goto(f"{alice.address}/adventures/")
    page.get_by_role("searchbox", name="Search your adventures").fill("step 300 steep")
    page.get_by_role("button", name="Search", exact=True).click()
    passage = page.locator(".passage a").first
    expect(passage.locator("mark")).to_be_visible()
    shot(page, "list")
    passage.click()
    expect(page.get_by_text("This is on another branch.")).to_be_visible()
    shot(page, "elsewhere")
    window.ready()
    page.get_by_role("button", name="Go to that branch").click()
    expect(window.last).to_contain_text("Step 300")
    assert window.last.get_attribute("data-turn") != head


def test_what_is_found_is_shown_on_a_phone(visit, installation):
    browser = visit(viewport={"width": 360, "height": 740}, has_touch=True)
    window = browser.begin()
    page = window.page
    word = window.words.split()[0]
    page.get_by_label("Menu").click()
    page.get_by_role("link", name="Search this adventure").click()
    search(page, word + "zzz")
    expect(page.get_by_text("Found in 0 turns")).to_be_visible()
    search(page, word)
    expect(page.locator(".results a")).to_have_count(1)
    shot(page, "phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".results a").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(window.turns.first).to_have_class("turn last highlighted")


def shot(page, name):
    if os.environ.get("SHOTS"):
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png")
