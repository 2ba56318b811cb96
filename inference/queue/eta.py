"""Estimates how long a waiting turn will wait, from how long recent turns took. Pure."""

import heapq
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median

SIMULATIONS = 15  # of the queue; the estimate is their median
SIMULATED_POSITIONS = 200  # in the queue; beyond them the wait follows from the mean


@dataclass(frozen=True)
class NarratorStats:
    """The throughput of a narrator's workers together. Times are in seconds.

    `running` holds how long each turn under way has been running, `recent_seconds` how long the
    last turns took from their lease to their end.
    """

    workers: int
    slots: int
    running: tuple[float, ...] = ()
    recent_seconds: tuple[float, ...] = ()
    loaded: int = 0  # how many of the workers have the model in memory

    def seconds_until_started(self, position: int) -> int | None:
        """How long the turn at `position` (0 is next) waits for a slot; None without workers."""
        if self.workers == 0 or self.slots == 0:
            return None
        if position < self.slots - len(self.running):
            return 0
        return max(1, round(self.wait(position)))

    def wait(self, position: int) -> float:
        """The estimated wait at `position` where all slots are taken, in seconds."""
        near = self.simulated_waits(position)
        if position < len(near):
            return near[position]
        # Far down the queue randomness averages out.
        return near[-1] + (position - len(near) + 1) * fmean(self.durations) / self.slots

    @cached_property
    def durations(self) -> list[float]:
        """Seconds that recent turns took, ascending; one second where there are none."""
        return sorted(max(0.01, seconds) for seconds in self.recent_seconds) or [1.0]

    @cached_property
    def _waits(self) -> list[float]:
        return []

    def simulated_waits(self, position: int) -> Sequence[float]:
        """The waits of the first positions, up to `position` or SIMULATED_POSITIONS. Cached."""
        wanted = min(SIMULATED_POSITIONS, max(2 * position, 2 * self.slots))
        if len(self._waits) < min(position + 1, SIMULATED_POSITIONS):
            generator = random.Random(0)  # noqa: S311 - the same queue gets the same estimate
            runs = [self.simulate(wanted, generator) for _ in range(SIMULATIONS)]
            self._waits[:] = [median(starts) for starts in zip(*runs, strict=True)]
        return self._waits

    def simulate(self, positions: int, generator: random.Random) -> list[float]:
        """When each of the first positions gets a slot, with durations drawn at random.

        A running turn takes as long as one of the recent turns that took longer than it has so far.
        """
        free_at = [self.remaining(elapsed, generator) for elapsed in self.running]
        free_at += [0.0] * (self.slots - len(free_at))
        heapq.heapify(free_at)
        starts = []
        for _ in range(positions):
            start = heapq.heappop(free_at)
            starts.append(start)
            heapq.heappush(free_at, start + generator.choice(self.durations))
        return starts

    def remaining(self, elapsed: float, generator: random.Random) -> float:
        """A random number of seconds that a running turn still takes."""
        longer = self.durations[bisect_right(self.durations, elapsed) :]
        if not longer:
            return fmean(self.durations) / 2  # it runs longer than any of them
        return generator.choice(longer) - elapsed
