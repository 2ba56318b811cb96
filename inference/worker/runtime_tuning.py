"""Tunes the GIL switch interval and the garbage collector for many threads.

For processes with hundreds of replies in progress: with the defaults each token waits for them.
"""

import gc
import sys

# Seconds for which a thread keeps Python to itself while others wait. With the usual 5 ms whoever
# hands on words waits that long for each thread that works on something else.
SWITCH = 0.0001
# Objects made until the young are looked through, and how often that happens until older ones are.
# With the usual 700 a process went through half a million objects in mid-step; with 50,000 one look
# took 50 to 100 ms. What hundreds of replies hold lives for half a minute: to look at it again
# every few seconds finds nothing.
YOUNG, OLDER, ALL = 10_000, 100, 20
# What lived long and ends in cycles is therefore left for good: of a socket 4 KB of its handshake,
# and 20 KB if a cycle comes in, by us or by a library, through what it holds. So after so many ends
# everything is looked through, which takes 0.3 s where two thousand sockets are open.
ENDS = 5_000


def shorten_switch_interval() -> None:
    """Set the GIL switch interval of this process to SWITCH seconds."""
    sys.setswitchinterval(SWITCH)


def reduce_collections() -> None:
    """Collect garbage now, freeze what is left, and set higher thresholds for later collections."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, ALL)


class CollectionCounter:
    """Counts closed long-lived objects that may be in cycles. Not thread-safe."""

    def __init__(self, ends: int = ENDS) -> None:
        self.ends = ends
        self.left = 0

    def add(self) -> None:
        """Count one; run a full collection after every `ends` of them."""
        self.left += 1
        if self.left >= self.ends:
            self.left = 0
            gc.collect()
