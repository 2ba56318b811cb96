"""A load test from its first socket to its last turn."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from game.load.figures import Delays
from game.load.players import ENDS, Asked, Seen, VirtualPlayer
from game.load.report import WHAT, Moment
from game.load.setup import VirtualAccount

LEAVE_SECONDS = 20.0  # in which all stop acting, where the sockets took no less to open
FINISH_SECONDS = 180.0  # for turns that are under way when the time is up


@dataclass(frozen=True)
class Plan:
    """What is to be played. Times in seconds."""

    url: str  # of the socket's server: ws://127.0.0.1:8000
    origin: str
    think: float
    seconds: float
    ramp: float  # over which the sockets open, evenly
    look_every: float
    web_pid: int = 0
    seed: int = 0


class LoadTest:
    """All virtual players, and what they saw."""

    def __init__(
        self, plan: Plan, accounts: list[VirtualAccount], show: Callable[[Moment], None]
    ) -> None:
        self.plan = plan
        self.show = show
        chance = random.Random(plan.seed)  # noqa: S311  nothing secret
        # One for all: to add up thousands while they play would hold up what is measured.
        self.seen = Seen()
        self.players = [
            VirtualPlayer(
                plan.url,
                plan.origin,
                account,
                plan.think,
                random.Random(chance.random()),  # noqa: S311
                self.seen,
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
        await self.until_all_are_open()
        self.seen.all_open = True
        left = self.began + self.plan.seconds - time.monotonic()
        await asyncio.sleep(max(0.0, left))
        self.seen.all_open = False
        # Nobody closes thousands of windows in the same moment.
        for player in self.players:
            player.stopping.set()
            await asyncio.sleep(min(self.plan.ramp, LEAVE_SECONDS) / len(self.players))
        done, late = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
        watch.cancel()
        for task in done:
            task.result()  # a virtual player that broke is an error of the test

    async def until_all_are_open(self) -> None:
        ends = self.began + self.plan.seconds
        while time.monotonic() < ends and not all(player.open for player in self.players):
            await asyncio.sleep(0.2)

    async def watch(self) -> None:
        then, words, ways = time.monotonic(), 0, Delays()
        while True:
            await asyncio.sleep(self.plan.look_every)
            now = time.monotonic()
            seen, total = self.seen, self.seen.words
            self.moments.append(
                Moment(
                    seconds=round(now - self.began, 1),
                    sockets=sum(player.open for player in self.players),
                    telling=sum(player.current is not None for player in self.players),
                    told=seen.counts["told"],
                    failed=seen.counts["failed"],
                    words_per_second=round((total - words) / (now - then), 1),
                    first_token_p50=seen.first_token.at(0.5),
                    first_token_p99=seen.first_token.at(0.99),
                    on_the_way_p99=seen.on_the_way.since(ways).at(0.99),
                    web_memory=memory_of(self.plan.web_pid),
                )
            )
            then, words, ways = now, total, seen.on_the_way.copy()
            self.show(self.moments[-1])

    @property
    def asked(self) -> list[Asked]:
        return [turn for player in self.players for turn in player.asked]

    def delays(self) -> dict[str, Delays]:
        """Each kind of delay over all players; what nobody measured is left out."""
        found: dict[str, Delays] = {name: getattr(self.seen, name) for name in WHAT}
        return {name: delays for name, delays in found.items() if delays.count}

    def counts(self) -> dict[str, int]:
        asked = self.asked
        all_counts = self.seen.counts
        return {
            "asked": len(asked),
            "accepted": sum(each.accepted for each in asked),
            "words": self.seen.words,
            **{how: all_counts[how] for how in ENDS if all_counts[how]},
            **{name: n for name, n in sorted(all_counts.items()) if name not in ENDS},
        }


def memory_of(pid: int) -> int:
    """Resident bytes of a process on this machine; 0 where it is none or elsewhere."""
    if pid:
        with suppress(OSError, IndexError, ValueError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
    return 0


__all__ = ["LoadTest", "Plan", "Seen"]
