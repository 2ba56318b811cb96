"""How well rules read what a turn changes, against turns that were labelled by hand.

    python -m inference.lab.world_accuracy [dev|held2] [--wrong]

prints precision and recall for each part of the state, each language and each origin. `--wrong`
lists what was wrong and missed, of the turns that may be read (dev).
"""

import argparse
import sys
from collections.abc import Sequence

from inference.contract.request import Passage
from inference.contract.world import WorldChange
from inference.lab.evaluation.world_labels import (
    OPEN_ENDED,
    Count,
    LabelledTurn,
    compare,
    follows_from,
    is_known,
    kind_of,
    read_turns,
    says,
    score_turns,
    table,
)
from inference.world.rules import read_turn

TITLES = {"dev": "turns that the rules were written with", "held2": "turns kept for scores alone"}


def read_by_rules(turn: LabelledTurn) -> list[WorldChange]:
    """The changes that rules find in a labelled turn."""
    passage = Passage(kind=turn.kind, action=turn.action, reply=turn.reply, outcome=turn.outcome)
    return read_turn(passage, turn.world, frozenset(turn.names), turn.player)


def report(name: str, turns: Sequence[LabelledTurn]) -> str:
    """The figures of some turns, as Markdown."""
    counts = score_turns(turns, read_by_rules)
    lines = [f"{len(turns)} {TITLES[name]}, read by rules:", "", table(counts)]
    by_group: dict[str, Count] = {}
    for turn in turns:
        all_of_it = score_turns([turn], read_by_rules)["all"]
        for group in (f"language: {turn.language}", f"by: {turn.origin}"):
            by_group[group] = by_group.get(group, Count()) + all_of_it
    return "\n".join([*lines, table(by_group)])


def mistakes(turn: LabelledTurn) -> list[str]:
    """What was wrong and what was missed in a turn, in a line each."""
    found = read_by_rules(turn)
    lines = []
    for change in found:
        expected = any(says(label, change) for label in turn.changes)
        fine = is_known(turn, change) or follows_from(turn, change) or change.part in OPEN_ENDED
        if not (expected or fine):
            lines.append(f"wrong {line_of(change)}")
    for label in turn.changes:
        demanded = not label.optional and label.part not in OPEN_ENDED
        if demanded and not any(says(label, change) for change in found):
            lines.append(f"missed {kind_of(label)} {label.name} {label.value}: {label.sentence}")
    return lines


def line_of(change: WorldChange) -> str:
    """A change in a line."""
    return f"{kind_of(change)} {change.name} {change.value}: {change.sentence}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", choices=["dev", "held2"], default=["dev"])
    parser.add_argument("--wrong", action="store_true", help="list the mistakes of dev")
    options = parser.parse_args()
    for name in options.sets:
        turns = read_turns(name)
        sys.stdout.write(f"{report(name, turns)}\n")
        if options.wrong and name == "dev":
            for turn in turns:
                if compare(turn, read_by_rules(turn)) and (lines := mistakes(turn)):
                    shown = [turn.id, f"> {turn.action}", turn.reply, *lines, "", ""]
                    sys.stdout.write("\n".join(shown))


if __name__ == "__main__":
    main()
