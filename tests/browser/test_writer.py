"""The writer's settings behind More: found, filled in, kept, and refused where they are wrong."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from tests.browser.test_everyone import EVERY_RULE, wrong
from tests.browser.test_phone import PHONE, fits

WIDE = {"viewport": {"width": 1440, "height": 900}}
NARROW = {**PHONE, "viewport": {"width": 360, "height": 740}}


def settings(page):
    """Settings, More."""
    if page.viewport_size["width"] < 700:
        page.get_by_label("Menu").click()
        page.get_by_role("button", name="Settings").last.click()
    else:
        page.get_by_role("button", name="Settings").first.click()
    page.locator("#writer > summary").click()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "360"])
def test_a_writer_bans_a_phrase_and_sets_the_temperature(visit, size, request):
    browser = visit(**size)
    window = browser.begin()
    page = window.page
    settings(page)
    part = page.locator("#tab-writer")
    preset = part.get_by_label("Preset")
    expect(preset).to_have_value("balanced")
    expect(part.get_by_label("Temperature")).to_be_hidden()
    expect(part).to_contain_text("does not know DRY, logit bias, XTC")
    preset.select_option("custom")
    part.get_by_label("Temperature").fill("9")
    part.get_by_label("Banned phrases").fill("a testament to\nlittle did you know")
    page.wait_for_timeout(100)
    assert fits(page)
    assert not wrong(page, EVERY_RULE)
    if "SHOTS" in os.environ:
        SHOTS.mkdir(exist_ok=True)
        page.locator("#writer").scroll_into_view_if_needed()
        page.locator("#writer").evaluate("box => box.scrollIntoView()")
        for number in range(4):
            page.screenshot(path=SHOTS / f"writer-{request.node.callspec.id}-{number}.png")
            page.locator("#tab-settings").evaluate("box => box.scrollBy(0, box.clientHeight - 80)")
    part.get_by_label("Temperature").evaluate("field => field.removeAttribute('max')")
    with browser.expecting("422"):
        part.get_by_role("button", name="Save").click()
        expect(part).to_contain_text("Temperature is a number from 0 to 2.")
    expect(part.get_by_label("Banned phrases")).to_have_value("a testament to\nlittle did you know")
    part.get_by_label("Temperature").fill("0.55")
    part.get_by_role("button", name="Save").click()
    expect(part).to_contain_text("Saved")
    page.reload()
    window.ready()
    settings(page)
    expect(part.get_by_label("Temperature")).to_have_value("0.55")
    expect(part.get_by_label("Preset")).to_have_value("custom")
