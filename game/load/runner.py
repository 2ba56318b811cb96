"""Runs a load test, from its first socket to its last turn."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from game.load.figures import Delays
from game.load.players import ENDS, Measurements, RequestedTurn, VirtualPlayer
from game.load.report import DELAY_LABELS, Moment
from game.load.setup import VirtualAccount

LEAVE_SECONDS = 20.0  # over which players stop acting, at most as long as the ramp
FINISH_SECONDS = 180.0  # for turns that are under way at the end


@dataclass(frozen=True)
class Plan:
    """Settings of a load test. Times are in seconds."""

    url: str  # of the socket's server: ws://127.0.0.1:8000
    origin: str
    think: float
    seconds: float
    ramp: float  # over which the sockets open, evenly
    look_every: float
    web_pid: int = 0
    seed: int = 0


class LoadTest:
    """All virtual players, and what they measured."""

    def __init__(
        self, plan: Plan, accounts: list[VirtualAccount], show: Callable[[Moment], None]
    ) -> None:
        self.plan = plan
        self.show = show
        rng = random.Random(plan.seed)  # noqa: S311  nothing secret
        # Shared by all players: adding up thousands while they play would distort the delays.
        self.measured = Measurements()
        self.players = [
            VirtualPlayer(
                plan.url,
                plan.origin,
                account,
                plan.think,
                random.Random(rng.random()),  # noqa: S311
                self.measured,
            )
            for account in accounts
        ]
        self.moments: list[Moment] = []
        self.began = 0.0

    async def run(self) -> None:
        """Open every socket, play, and wait for the turns that are under way at the end."""
        self.began = time.monotonic()
        watch = asyncio.create_task(self.watch())
        tasks = []
        for player in self.players:
            tasks.append(asyncio.create_task(player.play()))
            await asyncio.sleep(self.plan.ramp / len(self.players))
        await self.wait_until_all_open()
        self.measured.all_open = True
        left = self.began + self.plan.seconds - time.monotonic()
        await asyncio.sleep(max(0.0, left))
        self.measured.all_open = False
        # Thousands of players would not stop in the same moment.
        for player in self.players:
            player.stopping.set()
            await asyncio.sleep(min(self.plan.ramp, LEAVE_SECONDS) / len(self.players))
        done, late = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
        watch.cancel()
        for task in done:
            task.result()  # raises if a virtual player failed: an error of the test

    async def wait_until_all_open(self) -> None:
        """Wait until every player is connected, at most until the end of the test."""
        ends = self.began + self.plan.seconds
        while time.monotonic() < ends and not all(player.open for player in self.players):
            await asyncio.sleep(0.2)

    async def watch(self) -> None:
        """Record and show a moment every `look_every` seconds, until cancelled."""
        then, words, on_the_way = time.monotonic(), 0, Delays()
        while True:
            await asyncio.sleep(self.plan.look_every)
            now = time.monotonic()
            measured, total = self.measured, self.measured.words
            self.moments.append(
                Moment(
                    seconds=round(now - self.began, 1),
                    sockets=sum(player.open for player in self.players),
                    telling=sum(player.current is not None for player in self.players),
                    told=measured.counts["told"],
                    failed=measured.counts["failed"],
                    words_per_second=round((total - words) / (now - then), 1),
                    first_token_p50=measured.first_token.at(0.5),
                    first_token_p99=measured.first_token.at(0.99),
                    on_the_way_p99=measured.on_the_way.since(on_the_way).at(0.99),
                    web_memory=memory_of(self.plan.web_pid),
                )
            )
            then, words, on_the_way = now, total, measured.on_the_way.copy()
            self.show(self.moments[-1])

    @property
    def requested(self) -> list[RequestedTurn]:
        """The turns that all players requested."""
        return [turn for player in self.players for turn in player.requested]

    def delays(self) -> dict[str, Delays]:
        """Each kind of delay over all players; kinds without measurements are left out."""
        found: dict[str, Delays] = {name: getattr(self.measured, name) for name in DELAY_LABELS}
        return {name: delays for name, delays in found.items() if delays.count}

    def counts(self) -> dict[str, int]:
        """Turns by how they ended, words, refusals and lost connections."""
        requested = self.requested
        all_counts = self.measured.counts
        return {
            "asked": len(requested),
            "accepted": sum(each.accepted for each in requested),
            "words": self.measured.words,
            **{how: all_counts[how] for how in ENDS if all_counts[how]},
            **{name: n for name, n in sorted(all_counts.items()) if name not in ENDS},
        }


def memory_of(pid: int) -> int:
    """Resident memory of a local process in bytes; 0 if there is none with this id."""
    if pid:
        with suppress(OSError, IndexError, ValueError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
    return 0


__all__ = ["LoadTest", "Measurements", "Plan"]
