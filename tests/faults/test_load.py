"""Twenty players on four slots, one of them in a hundred windows: who is served, and the waits."""

import asyncio
import random
import tempfile
import time
from pathlib import Path

import pytest

from tests.faults import script
from tests.faults.history import History
from tests.faults.installation import Installation
from tests.faults.players import Tally, Window
from tests.game.play.test_waiting import jain

pytestmark = [pytest.mark.faults, pytest.mark.full, pytest.mark.timeout(500)]
SECONDS = 240
PLAYERS, WINDOWS, SLOTS = 20, 100, 2  # slots of each of the two narrators


class Restless(Window):
    """Acts again and again; notes how long it was told to wait, and how long it waited."""

    def __init__(self, installation, guest, tally):
        super().__init__(
            f"ws://127.0.0.1:{installation.port}/ws/adventures/{guest['adventure']}/",
            f"http://127.0.0.1:{installation.port}",
            guest["session"],
            History(guest["adventure"], guest["adventure"]),
            tally,
            guest["adventure"],
        )
        self.words = 0
        self.waits = []
        self.queued = {}

    def heard(self, event):
        super().heard(event)
        now = time.monotonic()
        match event["type"]:
            case "turn.queued":
                self.queued[event["turn"]["id"]] = (now, event["eta_seconds"])
            case "turn.started" if event["turn"] in self.queued:
                came, told = self.queued.pop(event["turn"])
                self.waits.append((told, now - came))
            case "turn.told":
                self.words += len(event["turn"]["reply"].split())

    async def play(self):
        chance = random.Random(self.session)
        while True:
            await self.until(lambda: self.at_rest, 300)
            # The script draws a reply by the prompt: words of its own, or all would tell in step.
            text = f"count to {chance.randrange(10**6)}"
            key = await self.command("take_action", kind="do", text=text)
            answer = await self.answer(key)
            if answer and answer["type"] == "error":
                await asyncio.sleep(chance.uniform(2, 6))
            await asyncio.sleep(chance.uniform(0, 0.2))


async def test_a_hundred_windows_of_one_slow_nobody_and_waits_are_what_was_said():
    narrators = script.narrators(pace=12)
    narrators["narrators"][0]["slots"] = SLOTS
    tally = Tally(hang_seconds=300)
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        async with Installation(Path(folder), narrators, LOG_LEVEL="WARNING") as installation:
            await installation.whole()
            guests = await installation.invite(PLAYERS - 1, WINDOWS)
            windows = [Restless(installation, guest, tally) for guest in guests]
            for window in windows:
                window.start()
            playing = [asyncio.create_task(window.play()) for window in windows]
            await asyncio.sleep(SECONDS)
            for task in playing:
                task.cancel()
            await asyncio.gather(*(window.close() for window in windows))
    modest = windows[: PLAYERS - 1]
    served = [window.words for window in modest]
    served.append(sum(window.words for window in windows[PLAYERS - 1 :]))
    fairness = jain(served)
    # What was told while narrators had measured nothing yet is a guess.
    waits = [wait for window in modest for wait in window.waits[2:] if wait[0] is not None]
    right = [told <= 2 * waited and waited <= 2 * told for told, waited in waits]
    close = [abs(told - waited) <= 1 for told, waited in waits]
    good = sum(a or b for a, b in zip(right, close, strict=True)) / len(waits)
    print(
        f"words to {PLAYERS - 1} players: {min(served[:-1])} to {max(served[:-1])}, "
        f"to the one with {WINDOWS} windows: {served[-1]}; Jain index {fairness:.3f}\n"
        f"{len(waits)} waits of up to {max(waited for _, waited in waits):.0f} s: "
        f"{sum(right) / len(right):.0%} within a factor of two, {good:.0%} with those "
        "that were off by less than a second"
    )
    assert len(waits) > 100
    assert fairness >= 0.95
    assert good >= 0.9
