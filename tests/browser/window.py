"""A player's browser, by what a player finds in it: roles, labels and words."""

import json
import re
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import expect

PATIENCE = 60  # seconds for anything that is not the narrator; only ever spent on a hang
TELLING = 120  # seconds for a reply
TRIES = 5  # a reply may end before a test could look at its middle

# Runs in every page before its own code.
#
# - `closeSockets()` is what a lost network does to a connection.
# - `echoes` holds, for each Enter that made a turn appear, the milliseconds from the key until the
#   turn was painted.
# - What the content security policy forbids is said on the console in any case.
INSIDE = """
(() => {
  const sockets = (globalThis.sockets = []);
  globalThis.WebSocket = class extends WebSocket {
    constructor(...address) {
      super(...address);
      sockets.push(this);
    }
  };
  globalThis.closeSockets = () => sockets.forEach((socket) => socket.close());

  globalThis.echoes = [];
  let pressed = 0;
  addEventListener("keydown", ({ key, timeStamp }) => { if (key === "Enter") pressed = timeStamp; },
    true);
  addEventListener("DOMContentLoaded", () => {
    const turns = document.getElementById("turns");
    if (!turns) return;
    new MutationObserver(() => {
      if (!pressed) return;
      const from = pressed;
      pressed = 0;
      // A task after the frame's callbacks: the frame has been painted.
      requestAnimationFrame(() => setTimeout(() => echoes.push(performance.now() - from)));
    }).observe(turns, { childList: true });
  });

  addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) =>
    console.error(`policy: ${effectiveDirective} forbids ${blockedURI}`));
})();
"""

SHOWN = """
() => [...document.querySelectorAll("#turns > article")].map((turn) => ({
  id: turn.dataset.turn,
  status: turn.dataset.status,
  action: turn.querySelector(".action").textContent,
  reply: [...turn.querySelectorAll(".reply p")].map((p) => p.textContent),
}))
"""


class Browser:
    """The browser of one visitor, with cookies of its own. It remembers what it complained of."""

    def __init__(self, chromium, installation, address, **options):
        self.installation = installation
        self.address = address
        self.complaints = []
        self.expected = []
        self.options = {"viewport": {"width": 1280, "height": 900}, **options}
        self.context = chromium.new_context(**self.options)
        self.context.set_default_timeout(PATIENCE * 1000)
        self.context.add_init_script(INSIDE)
        self.context.on("console", self.heard)
        self.context.on("weberror", lambda problem: self.complaints.append(str(problem.error)))
        self.context.on("request", lambda request: self.asked(request.url))

    def heard(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def asked(self, url):
        parts = urlsplit(url)
        if (
            parts.scheme in ("http", "https", "ws", "wss")
            and parts.netloc not in self.installation.hosts
        ):
            self.complaints.append(f"a request left for {url}")

    @contextmanager
    def expecting(self, words):
        """Complaints with `words` in them are part of the play here."""
        before = len(self.complaints)
        yield
        self.complaints[before:] = [line for line in self.complaints[before:] if words not in line]

    def window(self, path="/"):
        """A new window, at `path` of the installation or at a full address."""
        window = Window(self, self.context.new_page())
        window.page.goto(path if "://" in path else self.address + path)
        return window

    def begin(self, nth=0, narrator=""):
        """Home, the `nth` of its beginnings, Begin: a window where the story starts.

        The installation's first narrator tells it, or the one that is called `narrator`.
        """
        window = self.window()
        window.beginnings.nth(nth).click()
        window.page.get_by_role("button", name="Begin").click()
        window.ready()
        if narrator:
            window.have_told_by(narrator)
        return window

    def get(self, path):
        """The answer to a request of this visitor, outside any page."""
        return self.context.request.get(self.address + path)

    def leave(self):
        self.context.close()


class Window:
    """One window of a visitor's browser."""

    def __init__(self, browser, page):
        self.browser = browser
        self.page = page
        self.sockets = []  # for each connection, the events that came through it
        page.on("websocket", self.connected)

        self.beginnings = (
            page.get_by_role("region", name="Scenarios")
            .get_by_role("heading", level=3)
            .get_by_role("link")
        )
        self.story = page.get_by_role("main", name="The story")
        self.turns = self.story.get_by_role("article")
        self.last = self.turns.last
        self.deed = self.last.locator(".action")  # the narrator may well repeat its words
        self.chips = page.get_by_role("group", name="Suggested first actions").get_by_role("button")
        self.input = page.get_by_role("textbox", name=re.compile("What do you|What happens next"))
        self.mode = page.get_by_role("combobox", name="Mode")
        self.dock = page.get_by_role("form", name="Your turn")
        self.line = self.dock.get_by_role("alert")
        self.connection = self.dock.get_by_role("status")
        self.send = self.button("Send")
        self.stop = self.button("Stop")

    def connected(self, socket):
        self.browser.asked(socket.url)
        events = []
        self.sockets.append(events)
        socket.on("framereceived", lambda frame: events.append(json.loads(frame)))

    def button(self, name):
        return self.dock.get_by_role("button", name=name, exact=True)

    def tool(self, name, turn=None):
        """A tool of a turn, the last one unless told, brought to light as a mouse does it."""
        turn = turn or self.last
        turn.hover()
        return turn.get_by_role("button", name=name)

    @property
    def adventure(self):
        return urlsplit(self.page.url).path

    # What the player does

    def press(self, key):
        self.page.keyboard.press(key)

    def type(self, text, mode="do"):
        """Put words into the input, without sending them."""
        self.mode.select_option(mode)
        self.input.fill(text)

    def have_told_by(self, narrator):
        """Choose another narrator in the panel."""
        self.page.get_by_role("link", name="Plot", exact=True).click()
        self.page.get_by_role("tab", name="Settings").click()
        choice = self.page.locator("#narrator-form").get_by_role("combobox")
        choice.select_option(choice.get_by_role("option", name=narrator).get_attribute("value"))
        self.sockets.clear()  # the page comes anew, with a connection of its own
        self.page.locator("#narrator-form").get_by_role("button", name="Change").click()
        expect(self.page.get_by_text(f"narrator: {narrator}")).to_be_visible()
        self.ready()

    def until_caught(self, look, text="tell the whole story of your life"):
        """Act, and `look` in mid-reply; act again where the reply was over before. The turns."""
        for _ in range(TRIES):
            self.act(text)
            if self.in_mid_reply() and look():
                return self.turns.count()
            self.ready()
        raise AssertionError(f"{TRIES} replies were over too soon to be looked at")

    def act(self, text, mode="do"):
        """Send an action with Enter, and see it on the page."""
        before = self.turns.count()
        self.type(text, mode)
        self.input.press("Enter")
        expect(self.turns).to_have_count(before + 1)

    # What the page shows

    def ready(self):
        """The page is connected, and nobody speaks."""
        expect(self.send).to_be_enabled(timeout=TELLING * 1000)

    def told(self, turns, status="told"):
        """The story has `turns` turns, and the last one has been told."""
        expect(self.turns).to_have_count(turns)
        expect(self.last).to_have_attribute("data-status", status, timeout=TELLING * 1000)
        self.ready()

    def in_mid_reply(self):
        """Wait for the last reply's first word. False when the rest was there with it."""
        self.last.and_(self.page.locator("article:has(.reply p)")).wait_for(timeout=TELLING * 1000)
        return self.last.get_attribute("data-status") == "running"

    @property
    def words(self):
        """The last reply as it stands."""
        return " ".join(self.last.locator(".reply p").all_inner_texts())

    def shown(self):
        return self.page.evaluate(SHOWN)

    # What the server has

    def export(self):
        """The story on the server, as export.json has it: the path to the head, oldest first."""
        answer = self.browser.get(f"{self.adventure}export.json")
        assert answer.ok, answer.status
        content = answer.json()
        turns = {turn["id"]: turn for turn in content["turns"]}
        path = []
        turn = turns[content["adventure"]["head"]]
        while turn:
            path.append(turn)
            turn = turns.get(turn["parent"])
        return path[::-1]

    def kept(self):
        """The same, as `shown` tells it."""
        return [
            {
                "id": turn["id"],
                "status": turn["status"],
                "action": turn["shown"],
                "reply": [line for line in turn["reply"].split("\n") if line.strip()],
            }
            for turn in self.export()
        ]

    def agrees(self):
        """The page shows what the server has, word for word."""
        deadline = time.monotonic() + PATIENCE
        while (shown := self.shown()) != (kept := self.kept()) and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        assert shown == kept
        return kept
