"""How it looks: `shots/`, for human eyes."""

import os
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from tests.browser.test_everyone import PAGES, THEMES
from tests.browser.test_phone import PHONE, fits

SIZES = {
    "1280": {"viewport": {"width": 1280, "height": 900}},
    "390": PHONE,
}
WIDTHS = (360, 768, 1440)
DRESS = """async (theme) => {
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new CustomEvent("looks", { detail: { theme } }));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


@pytest.mark.parametrize(("size", "theme"), [("1280", "dark"), ("390", "light")])
def test_every_page_has_its_picture_taken(visit, size, theme):
    SHOTS.mkdir(exist_ok=True)
    browser = visit(**SIZES[size], color_scheme=theme)

    def take(page, name):
        page.evaluate("document.fonts.ready")
        page.screenshot(path=SHOTS / f"{name}-{size}-{theme}.png")

    window = browser.window()
    page = window.page
    take(page, "home")
    window.beginnings.first.click()
    take(page, "scenario")
    page.get_by_role("button", name="Begin").click()
    window.ready()
    take(page, "opening")
    window.chips.first.click()
    window.send.click()
    expect(window.turns).to_have_count(2)
    take(page, "waiting")
    window.in_mid_reply()
    page.wait_for_timeout(200)
    take(page, "mid-reply")
    window.told(turns=2)
    page.wait_for_timeout(1000)  # the last words fade in, and the page scrolls after them
    take(page, "told")
    assert fits(page)
    page.goto(browser.address + "/adventures/")
    take(page, "adventures")
    page.goto(browser.address)
    take(page, "home-again")


@pytest.mark.skipif("SHOTS" not in os.environ, reason="SHOTS=all takes every page in every theme")
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_every_width_in_every_theme(visit, width):
    SHOTS.mkdir(exist_ok=True)
    options = {"viewport": {"width": width, "height": 900}, "reduced_motion": "reduce"}
    if width < 500:
        options = {**PHONE, **options, "viewport": {"width": width, "height": 740}}
    browser = visit(**options)
    window = browser.window()
    page = window.page
    too_wide = []

    def take(name, whole=True):
        page.evaluate("document.fonts.ready")
        for theme in THEMES:
            page.evaluate(DRESS, theme)
            page.screenshot(path=SHOTS / f"{name}-{width}-{theme}.png", full_page=whole)
        if not fits(page):
            too_wide.append(name)

    take("home-of-a-stranger")
    page.goto(browser.address + "/scenarios/?q=nothing-like-this")
    take("no-scenarios")
    with browser.expecting("404"):
        page.goto(browser.address + "/adventures/nowhere/")
        take("404")
    page.goto(browser.address)
    window.beginnings.first.click()
    take("scenario")
    page.get_by_role("button", name="Begin").click()
    window.ready()
    take("opening", whole=False)
    for turns in (2, 3):
        window.chips.first.click() if turns == 2 else window.type("look around")
        window.send.click()
        window.told(turns)
    window.button("Retry").click()
    window.told(3)
    take("told", whole=False)
    window.tool("Edit").click()
    take("editor", whole=False)
    window.press("Escape")
    page.get_by_label("Menu").click()
    take("menu", whole=False)
    page.get_by_role("button", name="Settings").last.click()
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(300)
        take(f"panel-{tab.inner_text().strip().lower()}", whole=False)
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_label("Menu").click()
    page.get_by_role("button", name=re.compile("Keyboard shortcuts|Gestures")).click()
    take("keys", whole=False)
    adventure = window.adventure
    for path in ("read/", "plot/", "summary/", "cards/", "delete/"):
        page.goto(browser.address + adventure + path)
        take("of-one-" + path.strip("/"))
    for path in ("/", *PAGES, "/scenarios/", "/policy/", "/notices/"):
        page.goto(browser.address + path)
        take("page-" + (path.strip("/").replace("/", "-") or "home"))
    assert too_wide == []
