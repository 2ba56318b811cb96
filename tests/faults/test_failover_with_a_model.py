"""The worker that tells is killed in mid-reply; the other one goes on, with the built-in model."""

import os
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from inference.queue.keys import lease_key
from tests.faults.history import History
from tests.faults.installation import NARRATORS, ROOT, Installation
from tests.faults.page import settled
from tests.faults.players import Tally, Window

pytestmark = [pytest.mark.faults, pytest.mark.model, pytest.mark.full, pytest.mark.timeout(300)]
HANG = 120  # seconds


def pieces(window, turn):
    """The pieces of a reply as they came: when, and the event."""
    frames = [(r["at"], r["event"]) for r in window.history if r["what"] == "frame"]
    return [
        (at, event)
        for at, event in frames
        if event["type"] == "turn.token" and event["turn"] == turn
    ]


async def test_a_reply_that_was_cut_off_goes_on_from_the_word_where_players_saw_it_end():
    narrators = yaml.safe_load((ROOT / "narrators.yaml").read_text())
    # A reply of some length, so that it can be cut off in the middle.
    narrators["narrators"][0]["sampling"]["max_tokens"] = 120
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        async with Installation(
            Path(folder), narrators, MODELS_DIR=os.environ["MODELS_DIR"]
        ) as installation:
            await installation.whole()
            [guest] = await installation.invite(1)
            window = Window(
                f"ws://127.0.0.1:{installation.port}/ws/adventures/{guest['adventure']}/",
                f"http://127.0.0.1:{installation.port}",
                guest["session"],
                History("player", guest["adventure"]),
                Tally(hang_seconds=HANG),
                "player",
            )
            window.start()
            assert await window.until(lambda: window.at_rest, HANG)
            turn, shown = await cut_off(installation, window)
            assert await window.until(lambda: settled(window.state["turns"][turn]), HANG)
            told = window.state["turns"][turn]
            await window.close()

    assert (told["status"], told["attempt"]) == ("told", 2)
    assert told["reply"].startswith(shown)
    joined = ""
    for _, event in pieces(window, turn):
        assert event["index"] == len(joined), "a piece was lost or doubled"
        joined += event["text"]
    assert joined == told["reply"]
    times = [at for at, _ in pieces(window, turn)]
    pause = max(later - earlier for earlier, later in pairwise(times))
    print(f"cut off after {len(shown)} characters; the longest pause was {pause:.1f} s")


async def cut_off(installation, window):
    """Act until a reply is caught in the middle, and kill the worker that tells it."""
    for _ in range(10):
        text = "look around the room, and tell me of everything that is in it"
        answer = await window.answer(await window.command("take_action", kind="do", text=text))
        turn = answer["turn"]
        assert await window.until(
            lambda turn=turn: len(pieces(window, turn)) > 3 or ended(window, turn), HANG
        )
        lease = installation.redis.get(lease_key(turn))
        if lease is not None:
            pid = int(lease.decode().split(":")[1])
            teller = next(n for n in NARRATORS if installation.processes[n].running.pid == pid)
            await installation.kill(teller)
            shown = "".join(event["text"] for _, event in pieces(window, turn))
            if not ended(window, turn):
                return turn, shown
            await installation.restart(teller)
        assert await window.until(lambda turn=turn: ended(window, turn), HANG)
    raise AssertionError("no reply was caught before its end")


def ended(window, turn):
    return turn in window.state["turns"] and settled(window.state["turns"][turn])
