"""Tunes the GIL switch interval and the garbage collector for many threads.

For processes with hundreds of replies in progress: with the defaults each token waits for them.
"""

import gc
import sys

# Seconds until a thread gives up the GIL while others wait. With the default of 5 ms the thread
# that passes on text waits that long for each busy thread.
SWITCH = 0.0001
# The thresholds of the three generations of the collector. With the default of 700 a process went
# through half a million objects in mid-step; with 50,000 one collection took 50 to 100 ms. Objects
# of replies live for half a minute: collections every few seconds would find nothing.
YOUNG, OLDER, ALL = 10_000, 100, 20
# Long-lived objects that end in cycles would never be collected: 4 KB of each socket's handshake,
# and 20 KB where a cycle, of ours or of a library, holds more of it. So after so many ends there is
# a full collection, which takes 0.3 s where two thousand sockets are open.
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
