"""The index of one adventure in memory: which turns have a term, and the terms of each turn.

An entry is what is stored of a turn: its terms in order, each in four bytes: the number of its
sentence, and the term (`game.recall.terms`). It belongs to the texts that its stamp names; a turn
that was edited since has another stamp, so that no entry is ever used for a text that has changed.
"""

import sys
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from game.play.tree import Step
from game.recall.terms import HASH, NAME, Sentence

SENTENCE_SHIFT = 24
# Of all adventures that a process keeps; a term takes about fourteen bytes.
MOST_CACHED_TERMS = 3_000_000
# An index is built anew once so many of its turns are no longer what the story says.
MOST_OUTDATED = 50


class Stamp(NamedTuple):
    """Which texts of a turn an entry was made of: their length, and the last edit's id."""

    bytes: int
    edit: int

    @classmethod
    def of(cls, step: Step) -> "Stamp":
        """The stamp of the texts that a turn has at present."""
        return cls(step.bytes, step.edit)


def packed(sentences: Iterable[Sentence]) -> bytes:
    """An entry's terms as they are stored: little endian on every machine."""
    values = array(
        "I",
        (each.number << SENTENCE_SHIFT | term for each in sentences for term in each.terms),
    )
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpacked(stored: bytes) -> "array[int]":
    """The values that `packed` stored."""
    values = array("I")
    values.frombytes(stored)
    if sys.byteorder == "big":
        values.byteswap()
    return values


class AdventureIndex:
    """Entries of the turns of an adventure, on any branch. A slot is a place in its lists."""

    def __init__(self) -> None:
        self.lock = Lock()  # held while it is read or extended
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.slots: dict[UUID, int] = {}
        self.turns: list[UUID] = []
        self.stamps: list[Stamp] = []
        self.entries: list[array[int]] = []
        self.postings: dict[int, array[int]] = {}  # by term: slot * 2, + 1 where it is a name
        self.terms = 0
        self.outdated = 0

    def has(self, step: Step) -> bool:
        """Whether the index knows a turn with the texts that it has at present."""
        slot = self.slots.get(step.id)
        return slot is not None and self.stamps[slot] == Stamp.of(step)

    def add(self, turn: UUID, stamp: Stamp, values: "array[int]") -> None:
        """Add a turn, in place of what the index knew of it."""
        if turn in self.slots:
            self.outdated += 1
        slot = len(self.stamps)
        self.slots[turn] = slot
        self.turns.append(turn)
        self.stamps.append(stamp)
        self.entries.append(values)
        self.terms += len(values)
        names = {value & HASH for value in values if value & NAME}
        for term in {value & HASH for value in values}:
            found = self.postings.get(term)
            if found is None:
                found = self.postings[term] = array("I")
            found.append(slot * 2 + (term in names))

    def sentences(self, slot: int) -> list[tuple[int, list[int]]]:
        """The sentences of a turn that have terms: their numbers with their terms."""
        found: dict[int, list[int]] = {}
        for value in self.entries[slot]:
            found.setdefault(value >> SENTENCE_SHIFT, []).append(value & HASH)
        return list(found.items())

    def numbers(self, path: Sequence[Step]) -> "array[int]":
        """By slot the number of its turn on the path; -1 where it is not on it, or outdated."""
        found = array("i", [-1]) * len(self.stamps)
        slots, stamps = self.slots, self.stamps
        for number, step in enumerate(path):
            slot = slots.get(step.id)
            if slot is not None and stamps[slot] == (step.bytes, step.edit):
                found[slot] = number
        return found


@dataclass
class IndexCache:
    """The indexes of the adventures that a process used last."""

    most_terms: int = MOST_CACHED_TERMS

    def __post_init__(self) -> None:
        self.lock = Lock()
        self.indexes: OrderedDict[UUID, AdventureIndex] = OrderedDict()

    def of(self, adventure: UUID) -> AdventureIndex:
        """The index of an adventure, empty if it was not used lately."""
        with self.lock:
            index = self.indexes.setdefault(adventure, AdventureIndex())
            self.indexes.move_to_end(adventure)
            if index.outdated > MOST_OUTDATED + len(index.slots) // 4:
                index = self.indexes[adventure] = AdventureIndex()
            return index

    def trim(self) -> None:
        """Evict the indexes that were not used for longest, down to `most_terms`."""
        with self.lock:
            total = sum(index.terms for index in self.indexes.values())
            while total > self.most_terms and len(self.indexes) > 1:
                total -= self.indexes.popitem(last=False)[1].terms

    def forget(self, adventure: UUID) -> None:
        """Drop the index of an adventure."""
        with self.lock:
            self.indexes.pop(adventure, None)
