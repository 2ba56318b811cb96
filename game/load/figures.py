"""Delays in bins: a million take a few kilobytes, and a percentile is off by 2 % at most."""

import math
from collections import Counter
from dataclasses import dataclass, field

FINEST = 1e-4  # seconds: what is quicker counts as this
STEP = math.log(1.02)


@dataclass
class Delays:
    """Seconds of many measurements."""

    bins: Counter[int] = field(default_factory=Counter)
    count: int = 0
    total: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        self.bins[round(math.log(max(seconds, FINEST) / FINEST) / STEP)] += 1
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)

    def at(self, share: float) -> float:
        """What so large a share of them stays below; 0 where there are none."""
        left = math.ceil(share * self.count)
        for number in sorted(self.bins):
            left -= self.bins[number]
            if left <= 0:
                return min(FINEST * math.exp(number * STEP), self.longest)
        return 0.0

    def since(self, earlier: "Delays") -> "Delays":
        """What was added after `earlier` was copied; of the longest, all that is known."""
        bins = self.bins - earlier.bins
        return Delays(bins, self.count - earlier.count, self.total - earlier.total, self.longest)

    def copy(self) -> "Delays":
        return Delays(self.bins.copy(), self.count, self.total, self.longest)

    def figures(self) -> dict[str, float]:
        """Count, mean, percentiles and the longest, in seconds."""
        mean = self.total / self.count if self.count else 0.0
        return {
            "count": self.count,
            "mean": round(mean, 4),
            "p50": round(self.at(0.5), 4),
            "p90": round(self.at(0.9), 4),
            "p99": round(self.at(0.99), 4),
            "longest": round(self.longest, 4),
        }
