"""For everyone: no page, in no theme, has anything that axe-core finds wrong."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.test_phone import PHONE

# Of a player with an adventure. The pages of one story are looked at in its course.
PAGES = (
    *("/adventures/", "/scenarios/", "/scenarios/new/", "/scenarios/mine/", "/shares/"),
    *("/accounts/", "/accounts/login/", "/accounts/signup/"),
    *("/accounts/delete/", "/offline/"),
)
THEMES = ["night", "paper", "terminal"]
# The rules of WCAG 2.2 at levels A and AA, and what axe's makers hold for good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
EVERY_RULE = {"runOnly": RULES, "resultTypes": ["violations"]}
COLOURS = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
LETTERS = """(box) => {
  const style = getComputedStyle(box);
  return [parseFloat(style.fontSize), style.fontFamily];
}"""


def wrong(page, options):
    """What axe-core finds: rule, and the places it means."""
    # axe-core is half a megabyte, and stays in a page once it was put there.
    there = page.evaluate("typeof axe") != "undefined"
    axe = Axe("0") if there else Axe()
    found = axe.run(page, options=options).response["violations"]
    return [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing_wrong(visit, size):
    """Every rule in one theme; a theme changes colours alone, so in the others those."""
    still = {"reduced_motion": "reduce"}  # a colour that fades in is not the colour
    browser = visit(**still, **PHONE) if size == "phone" else visit(**still)
    window = browser.window()
    window.page.evaluate("localStorage.setItem('grue:looks', '{\"theme\": \"night\"}')")
    window.page.reload()
    page = window.page
    found = {}

    def look(name):
        for theme in reversed(THEMES):  # back to the first, which the page itself chose
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            if problems := wrong(page, EVERY_RULE if theme == THEMES[0] else COLOURS):
                found[name, theme] = problems

    look("home of a stranger")
    page.goto(browser.address + "/scenarios/?q=the")
    look("scenarios")
    page.goto(browser.address + "/scenarios/?q=nothing-like-this")
    look("no scenarios")
    with browser.expecting("404"):
        page.goto(browser.address + "/adventures/nowhere/")
        look("404")
    page.goto(browser.address)
    window.beginnings.first.click()
    look("scenario")
    page.get_by_role("button", name="Begin").click()
    window.ready()
    look("opening")
    for turns in (2, 3):
        window.type("wait")
        window.send.click()
        window.told(turns)
    window.button("Retry").click()
    window.told(3)
    look("told")
    window.tool("Edit").click()
    look("editor")
    window.last.get_by_role("textbox", name="Reply").fill("It rains.")
    window.last.get_by_role("button", name="Save").click()
    window.last.get_by_role("button", name="1 earlier").click()
    expect(window.last.get_by_role("button", name="Restore")).to_be_visible()
    look("earlier versions")
    page.get_by_label("Menu").click()
    look("menu")
    page.get_by_role("button", name="Settings").last.click()
    for tab in page.get_by_role("tab").all():
        tab.click()
        look(f"panel: {tab.inner_text()}")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_label("Menu").click()
    page.get_by_role("button", name=re.compile("Keyboard shortcuts|Gestures")).click()
    look("keys")
    adventure = window.adventure
    for path in ("read/", "plot/", "summary/", "cards/", "delete/"):
        page.goto(browser.address + adventure + path)
        look(path)
    for path in PAGES:
        page.goto(browser.address + path)
        look(path)
    page.goto(browser.address)
    look("home")
    assert found == {}


# Contrast by WCAG of each text on the dark scene: axe-core does not judge text on a gradient.
IN_THE_DARK = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const scene = getComputedStyle(document.querySelector(".hero")).backgroundColor;
  return [...document.querySelectorAll(".hero :is(h1, p, a, button)")].map((text) => {
    const style = getComputedStyle(text);
    const own = (parts(style.backgroundColor)[3] ?? 1) === 1;
    const [dark, bright] = [light(style.color), light(own ? style.backgroundColor : scene)].sort(
      (one, other) => one - other,
    );
    return [text.textContent.trim().slice(0, 40), (bright + 0.05) / (dark + 0.05)];
  });
}"""


@pytest.mark.parametrize("path", ["/", "/offline/"])
def test_what_stands_in_the_dark_can_be_read_in_every_theme(alice, path):
    page = alice.window(path).page
    for theme in THEMES:
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        texts = page.evaluate(IN_THE_DARK)
        assert texts
        assert [text for text in texts if text[1] < 4.5] == [], theme


def test_settings_are_remembered_and_the_whole_page_follows(alice):
    window = alice.begin()
    page = window.page
    page.get_by_role("button", name="Settings").first.click()
    reply = window.last.locator(".reply")
    before = reply.evaluate(LETTERS)[0]
    page.get_by_role("radio", name="Terminal").check(force=True)
    page.get_by_role("radio", name="very large").check(force=True)
    page.get_by_role("radio", name="Monospace").check(force=True)
    for _ in range(2):
        style = reply.evaluate(LETTERS)
        assert style[0] == pytest.approx(before * 1.5)
        assert "mono" in style[1].lower()
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == (
            "rgb(7, 16, 10)"
        )
        page.reload()
        window.ready()
    page.goto(alice.address)
    expect(page.get_by_label("Theme")).to_have_value("terminal")
    page.get_by_label("Theme").select_option("paper")
    assert page.evaluate("document.documentElement.dataset.theme") == "paper"


def test_the_tree_is_travelled_by_keys(alice):
    window = alice.begin()
    window.act("look up")
    window.told(2)
    window.button("Retry").click()
    expect(window.last.get_by_text("2/2")).to_be_visible()
    window.told(2)
    page = window.page
    page.get_by_role("button", name="Tree").first.click()
    words = page.locator("#tree-label")
    expect(words).to_contain_text("you are here")
    tree = page.get_by_role("application")
    tree.focus()
    window.press("ArrowRight")
    window.press("Enter")
    expect(window.last.get_by_text("1/2")).to_be_visible()
    expect(words).to_contain_text("you are here")
    window.press("Home")
    expect(words).to_contain_text("The opening")
    window.press("Enter")
    expect(window.turns).to_have_count(1)
    window.agrees()
    window.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
