"""Measures card matching: `python -m inference.prompts.measure [CARDS] [CHARACTERS]`.

Prints one JSON object a figure, in milliseconds: the median and the slowest of 50 texts, each new.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Iterator

from inference.contract.request import Card
from inference.prompts import cards as story_cards

ROUNDS = 50
SCRIPTS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "cyrillic": "абвгдежзиклмнопрстуфхцчшщыэюя",
    "devanagari": "कखगघचजटडणतदनपबमयरलवशसह",
    "chinese": "".join(map(chr, range(0x4E00, 0x4E00 + 800))),
}


def figures(cards: int, characters: int) -> Iterator[dict[str, object]]:
    """The measured times of each script."""
    for script, letters in SCRIPTS.items():
        dice = random.Random(script)  # noqa: S311  nothing secret
        spaces = "" if script == "chinese" else " "
        # A third of what is told are words that cards fire on.
        keys = [word(dice, letters, script) for _ in range(cards * 3)]
        words = keys + [word(dice, letters, script) for _ in range(cards * 6)]
        shelf = [
            Card(
                title=f"Card {index}",
                keys=tuple(dice.sample(keys, 3)),
                text=spaces.join(dice.choices(words, k=60)),
            )
            for index in range(cards)
        ]
        story = [spaces.join(dice.choices(words, k=characters))[:characters] for _ in range(ROUNDS)]
        yield {"script": script, "cards": cards, **timed(shelf, story)}


def word(dice: random.Random, letters: str, script: str) -> str:
    """A random word."""
    length = dice.randint(2, 3) if script == "chinese" else dice.randint(3, 9)
    return "".join(dice.choices(letters, k=length))


def timed(shelf: list[Card], story: list[str]) -> dict[str, object]:
    """The times of ROUNDS texts, and the number of cards that fired in the last."""
    found = 0
    times = []
    for text in [story[0], *story]:  # the first one folds the keys, once for the whole process
        began = time.perf_counter()
        found = len(story_cards.fired(shelf, text))
        times.append(1000 * (time.perf_counter() - began))
    return {
        "characters": len(story[0]),
        "fired": found,
        "first_ms": round(times[0], 2),
        "median_ms": round(statistics.median(times[1:]), 2),
        "slowest_ms": round(max(times[1:]), 2),
    }


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    for figure in figures(*(numbers + [1000, 8000][len(numbers) :])):
        sys.stdout.write(json.dumps(figure) + "\n")
