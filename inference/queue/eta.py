"""How long a waiting turn will wait, from how long turns took lately. Pure."""

import heapq
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median

RUNS = 15  # futures that are tried; the wait told is their median
FAR = 200  # places in the line after which the rest goes by the mean


@dataclass(frozen=True)
class Pace:
    """How a narrator's workers do together, in seconds.

    `running` holds for how long each turn under way has been told, `lately` what the last turns
    took, from their lease to their end.
    """

    workers: int
    slots: int
    running: tuple[float, ...] = ()
    lately: tuple[float, ...] = ()
    loaded: int = 0  # how many of the workers have the model in memory

    def seconds_until_started(self, position: int) -> int | None:
        """How long the turn at `position` (0 is next) waits for a slot. None: nobody knows."""
        if self.workers == 0 or self.slots == 0:
            return None
        if position < self.slots - len(self.running):
            return 0
        return max(1, round(self.wait(position)))

    def wait(self, position: int) -> float:
        near = self.waits_of_the_nearest(position)
        if position < len(near):
            return near[position]
        # Far down the line chance evens out: so many turns, so many at once.
        return near[-1] + (position - len(near) + 1) * fmean(self.known) / self.slots

    @cached_property
    def known(self) -> list[float]:
        return sorted(max(0.01, seconds) for seconds in self.lately) or [1.0]

    @cached_property
    def _waits(self) -> list[float]:
        return []

    def waits_of_the_nearest(self, position: int) -> Sequence[float]:
        """The waits of the first places, at least up to `position` or FAR; kept once computed."""
        wanted = min(FAR, max(2 * position, 2 * self.slots))
        if len(self._waits) < min(position + 1, FAR):
            chance = random.Random(0)  # noqa: S311 - the same line gets the same answer
            futures = [self.future(wanted, chance) for _ in range(RUNS)]
            self._waits[:] = [median(starts) for starts in zip(*futures, strict=True)]
        return self._waits

    def future(self, places: int, chance: random.Random) -> list[float]:
        """One way in which it may go: when each of the first places gets a slot.

        A turn that is told already lasts as long as one of those lately that lasted longer still.
        """
        free_at = [self.rest_of(elapsed, chance) for elapsed in self.running]
        free_at += [0.0] * (self.slots - len(free_at))
        heapq.heapify(free_at)
        starts = []
        for _ in range(places):
            start = heapq.heappop(free_at)
            starts.append(start)
            heapq.heappush(free_at, start + chance.choice(self.known))
        return starts

    def rest_of(self, elapsed: float, chance: random.Random) -> float:
        longer = self.known[bisect_right(self.known, elapsed) :]
        if not longer:
            return fmean(self.known) / 2  # longer than any: nobody knows
        return chance.choice(longer) - elapsed
