"""Real workers of which a host changes the narrator, or which he asks to go, in mid-story."""

import signal
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import yaml

from inference.contract.prompt_report import unpack
from inference.queue.keys import lease_key
from tests.faults import script
from tests.faults.history import History
from tests.faults.installation import NARRATORS, Installation
from tests.faults.page import settled
from tests.faults.players import Tally, Window

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
HANG = 120  # seconds
STORIES = 8
REPLIES = script.replies((40,) * 12)  # one that repeats an earlier one would be told again


def narrators(revision, pace):
    """One narrator, in whose replies no word stands twice."""
    found = script.narrators(replies=list(REPLIES), pace=pace)
    found["narrators"][0].update(revision=revision, sampling={"max_tokens": 200})
    return found


async def open_windows(installation, players):
    windows = []
    for at, guest in enumerate(await installation.invite(players)):
        window = Window(
            f"ws://127.0.0.1:{installation.port}/ws/adventures/{guest['adventure']}/",
            f"http://127.0.0.1:{installation.port}",
            guest["session"],
            History(f"player-{at}", guest["adventure"]),
            Tally(hang_seconds=HANG),
            f"player-{at}",
        )
        window.start()
        windows.append(window)
    for window in windows:
        assert await window.until(lambda window=window: window.at_rest, HANG)
    return windows


async def act(window):
    key = await window.command("take_action", kind="do", text="listen")
    answer = await window.answer(key)
    assert answer["type"] == "accepted", answer
    return answer["turn"]


def pieces(window, turn):
    frames = [record["event"] for record in window.history if record["what"] == "frame"]
    return [each for each in frames if each["type"] == "turn.token" and each["turn"] == turn]


async def told(window, turn):
    """A turn at its end; its pieces are looked at on the way."""
    assert await window.until(
        lambda: turn in window.state["turns"] and settled(window.state["turns"][turn]), HANG
    )
    joined = ""
    for event in pieces(window, turn):
        assert event["index"] == len(joined), "a piece was lost or doubled"
        joined += event["text"]
    shown = window.state["turns"][turn]
    assert (shown["status"], shown["attempt"]) == ("told", 1)
    assert joined == shown["reply"]
    assert joined in REPLIES
    return shown


def revisions(installation):
    """Which revision told each turn."""
    with installation.database() as cursor:
        cursor.execute("SELECT turn_id, details FROM game_turncontext")
        return {str(turn): unpack(details).revision for turn, details in cursor.fetchall()}


async def test_a_narrator_is_swapped_under_eight_stories_and_no_turn_fails():
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        async with Installation(Path(folder), narrators("first", pace=8)) as installation:
            await installation.whole()
            pids = {name: installation.processes[name].running.pid for name in NARRATORS}
            windows = await open_windows(installation, STORIES)
            begun = [await act(window) for window in windows]
            for window, turn in zip(windows, begun, strict=True):
                assert await window.until(lambda w=window, t=turn: pieces(w, t), HANG)
            text = yaml.safe_dump(narrators("second", pace=30))
            (installation.folder / "narrators.yaml").write_text(text, encoding="utf-8")
            for name in NARRATORS:
                installation.processes[name].kill(signal.SIGHUP)
            # Everybody plays on meanwhile, until every worker has the second one.
            for window, turn in zip(windows, begun, strict=True):
                await told(window, turn)
            turns = [(window, await act(window)) for window in windows]
            for window, turn in turns:
                await told(window, turn)
            swapped = f"narrator {installation.told_by} is second now"
            await installation.until(
                lambda: len(installation.said(swapped)) == len(NARRATORS), swapped
            )
            last = [(window, await act(window)) for window in windows]
            for window, turn in last:
                await told(window, turn)
            for window in windows:
                await window.close()
            by = revisions(installation)
            assert {by[turn] for turn in begun} == {"first"}
            assert {by[turn] for _, turn in last} == {"second"}
            print(Counter(by.values()))
            now = {name: installation.processes[name].running.pid for name in NARRATORS}
            assert now == pids, "a worker was started again"
            await installation.until(
                lambda: all(len(installation.engines(name)) == 1 for name in NARRATORS),
                "the end of the old engines",
            )


async def test_a_worker_that_is_asked_to_go_hands_its_story_over_in_mid_reply():
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        file = narrators("first", pace=8)
        async with Installation(Path(folder), file, DRAIN_SECONDS="1") as installation:
            await installation.whole()
            [window] = await open_windows(installation, 1)
            turn = await act(window)
            assert await window.until(lambda: len(pieces(window, turn)) > 3, HANG)
            pid = int(installation.redis.get(lease_key(turn)).decode().split(":")[1])
            name = next(n for n in NARRATORS if installation.processes[n].running.pid == pid)
            teller = installation.processes[name]
            teller.wanted = False
            teller.kill(signal.SIGTERM)
            await told(window, turn)
            starts = [
                record["event"]["telling"]
                for record in window.history
                if record["what"] == "frame" and record["event"]["type"] == "turn.started"
            ]
            assert len(set(starts)) == 2, "two workers told it, one after the other"
            await installation.until(lambda: not teller.alive, "the end of the worker")
            assert teller.running.returncode == 0
            assert installation.said("1 turns were requeued")
            await window.close()
