"""Blind reading: replies of several runs, shuffled, without saying whose each is.

    python -m inference.lab.evaluation.blind sheet ONE.jsonl OTHER.jsonl …
                                               [--replies 100] [--seed 1] [--trap dice]
    python -m inference.lab.evaluation.blind count ONE.jsonl OTHER.jsonl … --yes 3,8,9 …

`sheet` prints an action and a reply under each number: write down the numbers of those that take
up what the player did. With `--trap dice` it is situations in which the dice fell, and how: write
down those in which what they decided is told. `count`, with the same files, seed and trap, says how
many of each run they are, and between what shares the truth lies in 95 of 100 such readings
(Wilson's interval). Files are what `manage.py evaluate --save` writes. Pure chance decides which
replies are read; those of a continue are not, since the player did nothing.
"""

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from inference.lab.evaluation.scores import Score


class Card(NamedTuple):
    """A reply to be read, and the number of the run it is of."""

    run: int
    score: Score


def shuffled(
    runs: Sequence[Sequence[Score]], replies: int, seed: int, trap: str = ""
) -> list[Card]:
    """As many of each run, drawn and mixed. Raises ValueError where a run has too few.

    `trap`: of situations with this one alone.
    """
    dice = random.Random(seed)  # noqa: S311  nothing secret
    each = replies // len(runs)
    cards: list[Card] = []
    for run, scores in enumerate(runs):
        answered = [score for score in scores if score.action and score.reply]
        answered = [score for score in answered if trap in ("", score.trap)]
        cards += [Card(run, score) for score in dice.sample(answered, each)]
    dice.shuffle(cards)
    return cards


def sheet(cards: Sequence[Card]) -> str:
    return "\n".join(
        f"{number}. > {' '.join(card.score.action.split())[:300]}{rolled(card.score)}\n"
        f"   {card.score.reply}\n"
        for number, card in enumerate(cards, 1)
    )


def rolled(score: Score) -> str:
    return f" ({score.dice})" if score.dice else ""


def counted(cards: Sequence[Card], yes: set[int]) -> Counter[int]:
    """How many of each run have one of the numbers."""
    return Counter(card.run for number, card in enumerate(cards, 1) if number in yes)


def interval(found: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z, share = 1.96, found / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    whole = 1 + z * z / of
    return (middle - spread) / whole, (middle + spread) / whole


def read(file: Path) -> list[Score]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Score.model_validate_json(line) for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description="Replies of two runs, shuffled and unlabelled.")
    parser.add_argument("do", choices=["sheet", "count"])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--replies", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trap", default="", help="of such situations alone: dice")
    parser.add_argument("--yes", default="", help="numbers, with commas")
    given = parser.parse_args()
    runs = [read(file) for file in given.runs]
    try:
        cards = shuffled(runs, given.replies, given.seed, given.trap)
    except ValueError:
        parser.error(f"a run has fewer than {given.replies // len(runs)} such replies: --replies")
    if given.do == "sheet":
        sys.stdout.write(sheet(cards))
        return
    yes = {int(number) for number in given.yes.split(",") if number.strip()}
    of_run = Counter(card.run for card in cards)
    for run, file in enumerate(given.runs):
        found, of = counted(cards, yes)[run], of_run[run]
        low, high = interval(found, of)
        sys.stdout.write(f"{file}: {found} of {of}, {100 * low:.0f} to {100 * high:.0f} %\n")


if __name__ == "__main__":
    main()
