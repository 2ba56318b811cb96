"""How it looks: `shots/`, for human eyes."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from tests.browser.test_phone import PHONE, fits

SIZES = {
    "1280": {"viewport": {"width": 1280, "height": 900}},
    "390": PHONE,
}


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
