"""Whatever a narrator or a player writes stands on the page as it was written, and inside it."""

import pytest

from tests.browser.test_phone import PHONE, fits

TEXTS = {
    "markup": "<img src=x onerror=\"document.title='ran'\"><b>"
    "<script>document.title='ran'</script> &amp;",
    "a word of ten thousand letters": "Grr" + "r" * 10_000 + "!",
    "a word of ten thousand slashes": "/" * 10_000,
    "Arabic": "انفتح الباب ببطء، وخرج منه ضوء أصفر. قال الرجل: «ادخل!» ثم English words، ثم صمت.",
    "emoji": "👩‍👩‍👧‍👦🏴‍☠️" * 400,
    "letters that climb": "Z̴̡̢͎͉̮̓̈́̽͐a̵̧̛͓̪̅͝l̶̢̤̈́g̸̖̈́o" * 200,
    "no spaces at all": "扉がゆっくりと開き、" * 500,
    "lines": "\n".join(["one", "", "", "two"] * 300),
    "turned around": "\u202ereversed\u202c \u2067and isolated\u2069 " * 50,
}

# A turn as the server sends it, through the page's own socket.
TELL = """
([action, reply]) => {
  const socket = sockets.at(-1);
  const id = crypto.randomUUID?.() ?? String(Math.random());
  const parent = document.querySelector("#turns > article:last-child").dataset.turn;
  const hear = (event) => socket.onmessage({ data: JSON.stringify(event) });
  const turn = { id, parent, kind: "do", action, shown: action, reply: "", status: "queued",
    attempt: 1, siblings: [id] };
  hear({ type: "turn.queued", id: "1-0", turn, position: 0, eta_seconds: 1 });
  hear({ type: "turn.started", id: "1-1", turn: id, attempt: 1, telling: "t" });
  hear({ type: "turn.token", id: "1-2", turn: id, attempt: 1, index: 0, text: reply });
  hear({ type: "turn.told", id: "1-3", turn: { ...turn, reply, status: "told" } });
}
"""
SHOWN = """
() => {
  const last = document.querySelector("#turns > article:last-child");
  return {
    action: last.querySelector(".action").textContent,
    reply: [...last.querySelectorAll(".reply p")].map((p) => p.textContent),
    elements: last.querySelectorAll(".reply :not(p, .new-text)").length,
    title: document.title,
  };
}
"""
INSIDE = """
() => [...document.querySelectorAll("#turns p, .bar, .dock")].every((box) => {
  const { left, right } = box.getBoundingClientRect();
  return left >= -1 && right <= innerWidth + 1;
})
"""


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_any_text_stays_text_and_stays_in_its_column(visit, size):
    window = (visit(**PHONE) if size == "phone" else visit()).begin()
    page = window.page
    for name, text in TEXTS.items():
        page.evaluate(TELL, [text.replace("\n", " "), text])
        page.wait_for_timeout(250)
        shown = page.evaluate(SHOWN)
        assert shown["action"] == text.replace("\n", " "), name
        assert shown["reply"] == [line for line in text.split("\n") if line], name
        assert shown["elements"] == 0, name
        assert "ran" not in shown["title"], name
        assert fits(page), name
        assert page.evaluate(INSIDE), name


def test_what_is_written_right_to_left_is_read_so(visit):
    window = visit().begin()
    page = window.page
    page.evaluate(TELL, ["أفتح الباب", TEXTS["Arabic"]])
    direction = "(p) => getComputedStyle(p).direction"
    assert window.last.locator(".reply p").first.evaluate(direction) == "rtl"
    assert window.last.locator(".action").evaluate(direction) == "rtl"
    window.input.fill("أفتح الباب")
    assert window.input.evaluate(direction) == "rtl"
