"""Which adventures are held out: measured with, never trained on. Pure.

By a hash of the title: the answer for one adventure never changes when others come or go, on any
machine. A file is on one side with all its branches.
"""

import hashlib
import unicodedata
from typing import Literal

Side = Literal["train", "held-out"]

HELD_OUT = 0.15  # share of the adventures


def side_of(title: str, held_out: float = HELD_OUT) -> Side:
    """The side of the adventure with this title. Case and spaces do not count."""
    known = " ".join(unicodedata.normalize("NFKC", title).casefold().split())
    first = int.from_bytes(hashlib.sha256(known.encode()).digest()[:8], "big")
    return "held-out" if first < held_out * 2**64 else "train"
