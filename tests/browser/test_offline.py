"""Without a network: the last adventure can be read, and nobody else's ever."""

from playwright.sync_api import expect

KEPT = """
async () => {
  if (!(await caches.has("grue-story"))) return "";
  const cache = await caches.open("grue-story");
  const [request] = await cache.keys();
  return request ? (await cache.match(request)).text() : "";
}
"""
SECONDS = 60


def kept(page, words):
    """Wait until a story with these words is kept in the browser; without words, until none is."""
    for _ in range(SECONDS * 10):
        found = page.evaluate(KEPT)
        if words in found if words else not found:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"kept is {found[-2000:]!r}, without {words!r}")


def dark(page, address):
    """Open a page that is not kept, with the network off: a service worker may notice it late."""
    for _ in range(20):
        page.goto(address)
        if page.get_by_role("heading", name="You’re offline").is_visible():
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{address} came over a network that is off")


def begun(alice):
    """An adventure with one turn, kept by the browser."""
    window = alice.begin(narrator="Quill")
    window.act("climb the stairs")
    window.told(2)
    kept(window.page, "You climb the stairs to the lamp room.")
    return window


def test_the_last_adventure_is_read_without_a_network(alice):
    window = begun(alice)
    path = window.adventure
    page = window.page
    title = page.locator("#title").inner_text()
    with alice.expecting("ERR_INTERNET_DISCONNECTED"):
        alice.context.set_offline(True)
        page.goto(alice.address + path)
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.get_by_text("You climb the stairs to the lamp room.")).to_be_visible()
        expect(page.get_by_text("This is the copy saved on this device.")).to_be_visible()
        dark(page, alice.address + "/scenarios/")
        page.get_by_role("link", name=f"Read {title}").click()
        expect(page.get_by_text("You climb the stairs to the lamp room.")).to_be_visible()
        alice.context.set_offline(False)
    page.goto(alice.address + path)
    window.ready()
    expect(window.turns).to_have_count(2)


def test_what_is_kept_goes_with_its_player(alice):
    window = begun(alice)
    page = window.page
    with alice.expecting("ERR_INTERNET_DISCONNECTED"):
        # As when somebody logged out in another window, or a session came to its end.
        alice.context.clear_cookies()
        page.goto(alice.address)
        kept(page, "")
        alice.context.set_offline(True)
        dark(page, window.browser.address + "/adventures/")
        expect(page.locator("#kept")).to_be_hidden()
        alice.context.set_offline(False)


def test_grue_can_be_installed(alice):
    page = alice.window().page
    manifest = alice.get(page.locator("link[rel=manifest]").get_attribute("href")).json()
    assert manifest["name"] == "Grue"
    assert manifest["display"] == "standalone"
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        answer = alice.get(icon["src"])
        assert answer.ok
        assert answer.headers["content-type"] == icon["type"]
    assert page.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)") == (
        alice.address + "/"
    )
