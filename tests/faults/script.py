"""What the narrator of the fault tests says: texts in which no word stands twice.

A repeated, missing or changed word therefore shows, and so does a reply that was put together from
two tellings.
"""

import random
import re
from itertools import product
from typing import Any

NARRATOR = "scribe"
LENGTHS = (6, 8, 10, 14, 20, 28, 40, 60)  # words
PACE = 40  # words a second
CUTS = re.compile(r"(?<=[\w.])(?= |$)")


def replies(lengths: tuple[int, ...] = LENGTHS) -> tuple[str, ...]:
    """One reply of each length; all of their words are different."""
    random_ = random.Random("scribe")
    syllables = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
    words = ["".join(each) for each in product(syllables, repeat=3)]
    chosen = random_.sample(words, sum(lengths))
    told = []
    for length in lengths:
        said = [chosen.pop() for _ in range(length)]
        said = [f"{word}." if at % 7 == 6 else word for at, word in enumerate(said)]
        told.append(" ".join(said).rstrip(".") + ".")
    return tuple(told)


REPLIES = replies()


def narrators(**options: Any) -> dict[str, Any]:
    """The narrators file of an installation in which nothing but the installation is tested."""
    return {
        "default": NARRATOR,
        "narrators": [
            {
                "name": NARRATOR,
                "line": "Says what it was taught, and no word twice.",
                "engine": "scripted",
                "context": 8192,
                "slots": 8,
                "options": {"replies": list(REPLIES), "pace": PACE, **options},
            }
        ],
    }


def is_whole(reply: str, kind: str) -> bool:
    """Whether a told reply is one of the script's, from its first word to its last.

    A "continue" after a reply that was broken off may tell the rest of that one.
    """
    if kind == "continue":
        return any(each.endswith(reply) for each in REPLIES) and bool(reply)
    return reply in REPLIES


def is_beginning(reply: str, kind: str) -> bool:
    """Whether the words of a reply that was broken off are those that the script begins with."""
    begins = [each for each in REPLIES if each.startswith(reply)]
    if kind == "continue":
        begins = [each for each in REPLIES if reply in each]
    if not begins:
        return False
    # Pieces end where words do: never inside one.
    return not reply or any(
        not each[each.index(reply) + len(reply) :][:1].isalnum() for each in begins
    )
