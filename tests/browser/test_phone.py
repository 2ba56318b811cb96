"""A phone that reaches the house over the network, by plain http."""

import pytest
from playwright.sync_api import expect

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@pytest.fixture
def phone(visit, installation):
    if installation.on_network == installation.here:
        pytest.skip("this machine has no address on a network")
    return visit(installation.on_network, **PHONE)


def fits(page):
    """Nothing is wider than the phone."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


SMALL_TARGETS = """
() => {
  const small = [];
  for (const target of document.querySelectorAll("a.button, button, summary, select")) {
    const box = target.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const hit = (x, y) => target.contains(document.elementFromPoint(x, y));
    if (!hit(x, y)) continue; // hidden, or scrolled away
    const reach = (dx, dy) => {
      let far = 0;
      while (far < 60 && hit(x + far * dx, y + far * dy)) far += 1;
      return far;
    };
    const size = [reach(-1, 0) + reach(1, 0), reach(0, -1) + reach(0, 1)];
    if (Math.min(...size) < 44) small.push(`${target.textContent.trim()}: ${size.join(" x ")}`);
  }
  return small;
}
"""


# Either the whole reply can be seen, or it is so long that its turn begins at the top.
LED_ALONG = """
(turn) => {
  const story = document.getElementById("scroller").getBoundingClientRect();
  const box = turn.getBoundingClientRect();
  return box.bottom - story.bottom < 48 || box.top - story.top < 48;
}
"""


def flick(window, by):
    """A finger over the last reply where it can be seen, `by` pixels to the right."""
    session = window.browser.context.new_cdp_session(window.page)
    box = window.last.locator(".reply").bounding_box()
    top = max(box["y"], window.page.locator("#scroller").bounding_box()["y"])
    y = top + min(box["y"] + box["height"] - top, 60) / 2
    for kind, points in [
        ("touchStart", [{"x": 195, "y": y}]),
        ("touchMove", [{"x": 195 + by / 2, "y": y}]),
        ("touchMove", [{"x": 195 + by, "y": y}]),
        ("touchEnd", []),
    ]:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.detach()


def test_a_guest_plays_on_a_phone_over_the_network(phone):
    page = (window := phone.window()).page
    assert page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
    assert fits(page)
    window.beginnings.first.tap()
    expect(page.get_by_role("button", name="Begin")).to_be_attached()
    assert fits(page)
    page.get_by_role("button", name="Begin").tap()
    window.ready()
    assert fits(page)
    expect(window.input).not_to_be_focused()  # no keyboard that hides the opening

    window.chips.last.tap()
    expect(window.input).not_to_have_value("")
    window.send.tap()
    window.told(turns=2)
    assert fits(page)
    assert window.agrees()[-1]["reply"]

    # Enter is a new line here; the button sends.
    window.mode.select_option("do")
    window.input.tap()
    page.keyboard.type("sit down")
    window.press("Enter")
    page.keyboard.type("and wait")
    expect(window.input).to_have_value("sit down\nand wait")
    window.send.tap()
    expect(window.deed).to_have_text("You sit down and wait.")
    window.told(turns=3)
    window.agrees()

    # Through the tellings with a finger.
    window.button("Retry").tap()
    expect(window.last.get_by_text("2/2")).to_be_visible()
    window.told(turns=3)
    flick(window, by=150)
    expect(window.last.get_by_text("1/2")).to_be_visible()
    flick(window, by=-150)
    expect(window.last.get_by_text("2/2")).to_be_visible()
    window.agrees()

    # The tools of an older turn come with a tap on it.
    older = window.turns.nth(1)
    older.locator(".reply").tap()
    older.get_by_role("button", name="Go back to here").tap()
    expect(window.turns).to_have_count(2)
    window.agrees()

    page.get_by_label("Menu").tap()
    page.get_by_role("link", name="Your adventures").tap()
    expect(page.get_by_role("heading", level=2)).to_have_count(1)
    assert fits(page)


def test_a_finger_that_was_just_on_the_story_does_not_hold_it_back(phone):
    window = phone.begin()
    window.type("listen")
    window.send.tap()
    window.told(turns=2)
    window.type("wait")
    window.story.evaluate(
        """(story) => {
            story.dispatchEvent(new Event("pointerdown"));
            document.getElementById("send").click();
        }"""
    )
    window.told(turns=3)
    for _ in range(50):  # the page scrolls softly after the last words, later on a slow machine
        if window.last.evaluate(LED_ALONG):
            break
        window.page.wait_for_timeout(200)
    assert window.last.evaluate(LED_ALONG)


def test_a_title_of_one_endless_word_leaves_everything_within_reach(phone):
    window = phone.begin()
    page = window.page
    adventure = page.url
    page.goto(phone.address + "/adventures/")
    page.locator("summary", has_text="More").click()
    page.get_by_role("textbox", name="New title").fill("W" * 120)
    page.get_by_role("button", name="Rename").click()
    for address in (page.url, adventure, f"{adventure}read/"):
        page.goto(address)
        assert fits(page), address
    page.goto(adventure)
    window.ready()
    page.get_by_label("Menu").click()
    expect(page.get_by_role("link", name="Delete this adventure")).to_be_visible()


def test_fingers_find_what_they_aim_at(phone):
    window = phone.begin()
    assert window.page.evaluate(SMALL_TARGETS) == []
    window.type("wait")
    window.send.tap()
    window.told(turns=2)
    window.page.wait_for_timeout(1000)  # the page scrolls after the last words
    assert window.page.evaluate(SMALL_TARGETS) == []
