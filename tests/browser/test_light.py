"""Light: what the play page costs to bring, and whether it keeps up. Figures are printed."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.dungeon.test_play import ROOT

HEAVIEST = 120 * 1024  # bytes over the wire, fonts apart
LONG = 2000  # turns

PROPER = """
() => {
  const [page] = performance.getEntriesByType("navigation");
  const all = [page, ...performance.getEntriesByType("resource")];
  return {
    bytes: all.reduce((sum, each) => sum + each.transferSize, 0),
    paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
  };
}
"""

LENGTHEN = """
import uuid
from game.models import Adventure, Turn
found = Adventure.objects.get(pk={adventure!r})
parent = found.head
made = []
for number in range({turns}):
    parent = Turn(
        id=uuid.uuid4(), adventure=found, parent=parent, kind="do", status="told",
        action=f"take step {{number}}", reply=f"Step {{number}} is as steep as the last. " * 12,
    )
    made.append(parent)
Turn.objects.bulk_create(made, batch_size=500)
Adventure.objects.filter(pk=found.pk).update(head=parent, version=found.version + 1)
"""

# A hundred words a second through the page's own socket, and how long its tasks take.
TELL = """
async () => {
  const long = [];
  new PerformanceObserver((list) => long.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask" });
  const socket = sockets.at(-1);
  const id = crypto.randomUUID();
  const head = document.querySelector("#turns > article:last-child").dataset.turn;
  const hear = (event) => socket.onmessage({ data: JSON.stringify(event) });
  const turn = { id, parent: head, kind: "do", action: "run", shown: "You run.", reply: "",
    status: "queued", attempt: 1, siblings: [id] };
  hear({ type: "turn.queued", id: "1-0", turn, position: 0, eta_seconds: 1 });
  hear({ type: "turn.started", id: "1-1", turn: id, attempt: 1, telling: "t" });
  let reply = "";
  for (let word = 0; word < 600; word += 1) {
    const text = word % 60 === 59 ? "so.\\n\\n" : `word${word} `;
    hear({ type: "turn.token", id: `2-${word}`, turn: id, attempt: 1, index: reply.length, text });
    reply += text;
    await new Promise((done) => setTimeout(done, 10));
  }
  await new Promise((done) => setTimeout(done, 500));
  const shown = [...document.querySelectorAll("#turns > article:last-child .reply p")];
  return { long, words: shown.map((p) => p.textContent).join(" ").split(/\\s+/).length };
}
"""


def nodes(page):
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    found = session.send("Memory.getDOMCounters")["nodes"]
    session.detach()
    return found


@pytest.fixture
def long_story(alice, installation):
    """A story of LONG turns, in a window that has not been told of them yet."""
    window = alice.begin()
    path = window.adventure
    window.page.goto("about:blank")
    environ = {**installation.environ, "LOG_LEVEL": "ERROR"}
    code = LENGTHEN.format(turns=LONG, adventure=path.split("/")[2])
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code], cwd=ROOT, env=environ, check=True
    )
    return window, path


def test_the_play_page_is_light(alice, visit, capsys):
    path = alice.begin().adventure
    window = visit(storage_state=alice.context.storage_state()).window(path)  # knows none of it
    window.ready()
    cost = window.page.evaluate(PROPER)
    with capsys.disabled():
        print(
            f"\n  the play page brings {cost['bytes'] / 1024:.0f} KB; "
            f"its first paint comes after {cost['paint']:.0f} ms"
        )
    assert 10_000 < cost["bytes"] < HEAVIEST


def test_words_may_come_at_a_hundred_a_second(alice, capsys):
    window = alice.begin()
    told = window.page.evaluate(TELL)
    with capsys.disabled():
        print(
            f"\n  100 words a second for 6 s: long tasks {[round(each) for each in told['long']]}"
        )
    assert told["words"] >= 599


def test_a_story_of_two_thousand_turns_opens_at_its_end_and_is_read_up(long_story, capsys):
    window, path = long_story
    page = window.page
    page.goto(f"{window.browser.address}{path}")
    window.ready()
    ready = page.evaluate("performance.now()")
    at_end = window.turns.count()
    assert at_end == 100
    assert f"step {LONG - 1}." in window.last.inner_text()
    counted = [nodes(page)]
    up = "document.getElementById('scroller').scrollTop = 0"
    for _ in range(LONG // 100):
        first = window.turns.first.get_attribute("data-turn")
        page.evaluate("document.getElementById('scroller').dispatchEvent(new Event('wheel'))")
        page.evaluate(up)
        page.locator("#earlier").wait_for(state="attached")
        page.wait_for_function(
            "(id) => document.querySelector('#turns > article').dataset.turn !== id", arg=first
        )
        counted.append(nodes(page))
    assert window.turns.first.get_attribute("data-kind") == "opening"
    assert window.turns.count() <= 300
    # And back to the end, where it can be played on.
    page.get_by_role("button", name="To the end").click()
    window.act("sit down")
    window.told(101)
    with capsys.disabled():
        print(
            f"\n  a story of {LONG} turns can be played {ready:.0f} ms after its address; nodes "
            f"in the page while it is read from end to beginning: {min(counted)}–{max(counted)}"
        )
    assert max(counted[4:]) < 1.5 * min(counted[4:]), "the page grows no further"
    assert urlsplit(page.url).path == path


# Five hundred short turns through the page's own socket, some of them looked at.
PLAY_ON = """
async (turns) => {
  const socket = sockets.at(-1);
  const hear = (event) => socket.onmessage({ data: JSON.stringify(event) });
  let parent = document.querySelector("#turns > article:last-child").dataset.turn;
  for (let number = 0; number < turns; number += 1) {
    const id = crypto.randomUUID();
    const turn = { id, parent, kind: "do", action: "go on", shown: "You go on.", reply: "",
      status: "queued", attempt: 1, siblings: [id] };
    hear({ type: "turn.queued", id: `3-${number}`, turn, position: 0, eta_seconds: 1 });
    const reply = `Step ${number} is as steep as the last. `.repeat(12);
    hear({ type: "turn.token", id: `4-${number}`, turn: id, attempt: 1, index: 0, text: reply });
    hear({ type: "turn.told", id: `5-${number}`, turn: { ...turn, reply, status: "told" } });
    parent = id;
    if (number % 5 === 4) await new Promise((done) => setTimeout(done, 20));
  }
  const scroller = document.getElementById("scroller");
  scroller.scrollTop = scroller.scrollHeight;
  await new Promise((done) => setTimeout(done, 400));
}
"""


def heap(page):
    """Bytes that the page's script holds, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    found = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return found


def test_memory_stays_flat_over_five_hundred_turns(alice, capsys):
    window = alice.begin()
    page = window.page
    page.evaluate(PLAY_ON, 300)  # until the page has as many turns as it keeps
    measured = [(nodes(page), heap(page))]
    for _ in range(5):
        page.evaluate(PLAY_ON, 100)
        measured.append((nodes(page), heap(page)))
    with capsys.disabled():
        print(
            "\n  nodes and MB of script after 300 turns, and after each hundred of 500 more: "
            + ", ".join(f"{count} {size / 1e6:.1f}" for count, size in measured)
        )
    (first_nodes, first_heap), (last_nodes, last_heap) = measured[0], measured[-1]
    assert last_nodes < 1.5 * first_nodes
    assert last_heap < 1.5 * first_heap + 2_000_000
    assert window.turns.count() <= 400
