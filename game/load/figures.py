"""Delays in bins: a million take a few kilobytes, with percentiles within 2 %."""

import math
from collections import Counter
from dataclasses import dataclass, field

FINEST = 1e-4  # seconds; shorter delays count as this
STEP = math.log(1.02)  # width of a bin, of the logarithm


@dataclass
class Delays:
    """Many measurements in seconds."""

    bins: Counter[int] = field(default_factory=Counter)
    count: int = 0
    total: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        """Add a measurement in seconds."""
        self.bins[round(math.log(max(seconds, FINEST) / FINEST) / STEP)] += 1
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)

    def at(self, share: float) -> float:
        """The percentile `share` (0 to 1) in seconds; 0 without measurements."""
        left = math.ceil(share * self.count)
        for number in sorted(self.bins):
            left -= self.bins[number]
            if left <= 0:
                return min(FINEST * math.exp(number * STEP), self.longest)
        return 0.0

    def since(self, earlier: "Delays") -> "Delays":
        """The measurements added after `earlier` was copied; `longest` is of all."""
        bins = self.bins - earlier.bins
        return Delays(bins, self.count - earlier.count, self.total - earlier.total, self.longest)

    def copy(self) -> "Delays":
        """A copy that later measurements do not change."""
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
