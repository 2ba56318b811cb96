"""The state of the world as it is stored."""

from collections.abc import Iterable
from typing import Any

from inference.world.folding import Entries, Entry

# Raise it where the same changes give another state than before: stored states of another format
# are not read.
FORMAT = 1


def dump(entries: Entries) -> list[dict[str, Any]]:
    """The state as JSON data."""
    return [
        {
            "part": entry.part,
            "name": entry.name,
            "field": entry.field,
            "value": entry.value,
            "source": entry.source,
            "turn": entry.turn,
            "number": entry.number,
            "seen": entry.seen,
            **({"sentence": entry.sentence} if entry.sentence else {}),
            **({"hidden": True} if entry.hidden else {}),
        }
        for entry in entries.values()
    ]


def load(data: Iterable[dict[str, Any]]) -> Entries:
    """The state that `dump` returned as JSON data."""
    entries = (Entry(**each) for each in data)
    return {entry.key: entry for entry in entries}
