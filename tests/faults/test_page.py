"""The page that the checker believes in is the page that players have."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults import page

STORY = Path(__file__).resolve().parents[2] / "static" / "js" / "story.js"
PLAY = """
import {{ empty, path, reduce }} from {story};
import {{ readFileSync }} from "node:fs";
for (const line of readFileSync(0, "utf-8").split("\\n")) {{
  if (!line) continue;
  const state = JSON.parse(line).reduce(reduce, empty());
  console.log(JSON.stringify({{ ...state, path: path(state).map((turn) => turn.id) }}));
}}
"""
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def made_up_events(seed):
    """Events as a server may send them and as none would: late, double, of other attempts."""
    rng = random.Random(seed)
    ids = ["opening", *"abcde"]
    number = 0

    def turn(identity=None):
        identity = identity or rng.choice(ids)
        at = ids.index(identity)
        status = rng.choice(["queued", "running", "told", "stopped", "failed"])
        return {
            "id": identity,
            "parent": ids[rng.randrange(at)] if at else None,
            "kind": "do" if at else "opening",
            "action": "look",
            "shown": "You look.",
            "reply": " ".join(WORDS[: rng.randrange(6)]),
            "status": status if at else "told",
            "attempt": rng.choice([1, 1, 2]),
            "edited": rng.random() < 0.2,
            "siblings": rng.sample(ids[1:], rng.randrange(1, 3)) if at else [identity],
            "reason": "",
            "telling": rng.choice([None, None, "", "x", "y"]),
        }

    def event():
        nonlocal number
        number += rng.random() < 0.9
        logged = {"id": f"{number}-0", "version": rng.choice([number, number, number - 2])}
        kind = rng.choice(list(page.REDUCERS))
        match kind:
            case "snapshot":
                path = ids[: rng.randrange(1, len(ids) + 1)]
                return {
                    "type": kind,
                    "id": logged["id"],
                    "adventure": {"id": "adventure", "version": number},
                    "turns": [turn(each) for each in path],
                    "earlier": False,
                    "head": path[-1],
                    "redo": rng.choice([None, "b"]),
                }
            case "page.sent":
                command = {"type": "take_action", "key": rng.choice("kl"), "text": "look"}
                return {"type": kind, "command": command}
            case "accepted":
                return {"type": kind, "key": rng.choice("kl"), "turn": rng.choice(ids)}
            case "error":
                found = {"type": kind, "code": "busy", "message": "Wait.", "key": rng.choice("kl")}
                return found | rng.choice([{}, {"retry_after": 3}])
            case "turn.waiting":
                place = {"position": rng.randrange(3), "eta_seconds": rng.choice([None, 2])}
                return {"type": kind, "turn": rng.choice(ids), **place}
            case "turn.started":
                telling = {"fresh": rng.random() < 0.5, "telling": rng.choice(["x", "y"])}
                about = {"turn": rng.choice(ids), "attempt": rng.choice([1, 2])}
                return {"type": kind, "id": logged["id"], **about, **telling}
            case "turn.token":
                index = rng.choice([0, 0, 3, 4, 8])
                text = rng.choice(["one", " two", "three four", "ünï😀"])
                about = {"turn": rng.choice(ids), "attempt": rng.choice([1, 2])}
                return {"type": kind, "id": logged["id"], **about, "index": index, "text": text}
            case "turn.failed":
                return {"type": kind, **logged, "turn": rng.choice(ids), "reason": "It broke."}
            case "head.moved":
                redo = rng.choice([None, "c"])
                return {"type": kind, **logged, "head": rng.choice(ids), "undo": True, "redo": redo}
            case "adventure.changed":
                return {"type": kind, **logged, "adventure": {"title": f"Title {number}"}}
            case "chapters.changed":
                return {"type": kind, **logged, "turn": rng.choice(ids), "title": f"Title {number}"}
            case "table.changed":
                table = rng.choice([None, {"order": "free", "members": []}])
                return {"type": kind, **logged, "table": table}
            case "world.changed":
                edit = rng.choice([None, {"turn": "b", "undone": rng.random() < 0.5}])
                return {"type": kind, **logged, "turn": turn(), "last_edit": edit}
            case "turn.queued":
                return {"type": kind, **logged, "turn": turn(), "position": 1, "eta_seconds": 4}
            case _:
                return {"type": kind, **logged, "turn": turn()}

    return [event() for _ in range(rng.randrange(5, 40))]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_same_events_make_the_same_page_in_python_and_in_javascript(tmp_path):
    script = tmp_path / "play.mjs"
    script.write_text(PLAY.format(story=json.dumps(STORY.as_uri())))
    stories = [made_up_events(seed) for seed in range(1500)]
    done = subprocess.run(
        ["node", str(script)],
        input="\n".join(map(json.dumps, stories)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(shown) == len(stories)
    for events, theirs in zip(stories, shown, strict=True):
        ours = page.empty()
        for event in events:
            ours = page.reduce(ours, event)
        path = [turn["id"] for turn in page.path(ours)]
        assert {**ours, "path": path} == theirs, f"after {json.dumps(events)}"
