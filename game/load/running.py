"""A load test from its first socket to its last turn."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from game.load.figures import Delays
from game.load.making import Seat
from game.load.players import ENDS, Asked, Seen, VirtualPlayer
from game.load.report import WHAT, Moment

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

    def __init__(self, plan: Plan, seats: list[Seat], show: Callable[[Moment], None]) -> None:
        self.plan = plan
        self.show = show
        chance = random.Random(plan.seed)  # noqa: S311  nothing secret
        self.players = [
            VirtualPlayer(
                plan.url,
                plan.origin,
                seat,
                plan.think,
                random.Random(chance.random()),  # noqa: S311
            )
            for seat in seats
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
        left = self.began + self.plan.seconds - time.monotonic()
        await asyncio.sleep(max(0.0, left))
        for player in self.players:
            player.stopping.set()
        done, late = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
        watch.cancel()
        for task in done:
            task.result()  # a virtual player that broke is an error of the test

    async def watch(self) -> None:
        then, words = time.monotonic(), 0
        while True:
            await asyncio.sleep(self.plan.look_every)
            now = time.monotonic()
            seen = [player.seen for player in self.players]
            total = sum(each.words for each in seen)
            first = Delays().merge(each.first_token for each in seen)
            on_the_way = Delays().merge(each.on_the_way for each in seen)
            self.moments.append(
                Moment(
                    seconds=round(now - self.began, 1),
                    sockets=sum(player.open for player in self.players),
                    telling=sum(player.current is not None for player in self.players),
                    told=sum(each.counts["told"] for each in seen),
                    failed=sum(each.counts["failed"] for each in seen),
                    words_per_second=round((total - words) / (now - then), 1),
                    first_token_p50=first.at(0.5),
                    first_token_p99=first.at(0.99),
                    on_the_way_p99=on_the_way.at(0.99),
                    web_memory=memory_of(self.plan.web_pid),
                )
            )
            then, words = now, total
            self.show(self.moments[-1])

    @property
    def asked(self) -> list[Asked]:
        return [turn for player in self.players for turn in player.asked]

    def delays(self) -> dict[str, Delays]:
        """Each kind of delay over all players; what nobody measured is left out."""
        merged = {
            name: Delays().merge(getattr(player.seen, name) for player in self.players)
            for name in WHAT
        }
        return {name: delays for name, delays in merged.items() if delays.count}

    def counts(self) -> dict[str, int]:
        asked = self.asked
        all_counts: Counter[str] = Counter()
        for seen in (player.seen for player in self.players):
            all_counts.update(seen.counts)
        return {
            "asked": len(asked),
            "accepted": sum(each.accepted for each in asked),
            "words": sum(player.seen.words for player in self.players),
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
