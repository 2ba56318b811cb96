"""Collects what the reader of a preview must know: equal notes become one with a count."""

from collections.abc import Iterable

from game.imports.documents import Note

Level = str  # "kept", "changed" or "dropped"

MOST_NOTES = 200  # different ones; a file with more has names of fields that are made up
LONGEST_FIELD = 80
LONGEST_DETAIL = 200


class Notes:
    """Notes in the order in which they were first added."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str, str], Note] = {}

    def add(
        self, code: str, field: str = "", level: Level = "kept", count: int = 1, detail: str = ""
    ) -> None:
        """Add a note, or count it to one that is there. `code` is a key of `messages.TEXTS`."""
        field = " ".join(field.split())[:LONGEST_FIELD]
        there = self.found.get((code, field, level))
        if there is not None:
            there.count += count
        elif len(self.found) < MOST_NOTES:
            detail = " ".join(detail.split())[:LONGEST_DETAIL]
            self.found[code, field, level] = Note(code, field, level, count, detail)

    def merge(self, notes: Iterable[Note]) -> None:
        """Add the notes of a document."""
        for each in notes:
            self.add(each.code, each.field, each.level, each.count, each.detail)

    def listed(self) -> list[Note]:
        """The notes, for a FileDocument."""
        return list(self.found.values())
