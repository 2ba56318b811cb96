"""How Python shares its time among threads, and when it looks for garbage in cycles.

For processes in which hundreds of stories are under way: what is usual holds up every word.
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


def share_finely() -> None:
    """Have threads take turns often."""
    sys.setswitchinterval(SWITCH)


def collect_seldom() -> None:
    """Look for garbage in small portions, and never again at what is there now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, ALL)


class Leftovers:
    """Counts the ends of what lives long and might leave itself in cycles. For one thread."""

    def __init__(self, ends: int = ENDS) -> None:
        self.ends = ends
        self.left = 0

    def add(self) -> None:
        """One more has ended. Looks through everything where that makes `ends` of them."""
        self.left += 1
        if self.left >= self.ends:
            self.left = 0
            gc.collect()
