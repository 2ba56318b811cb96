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
from itertools import chain
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from game.recall.terms import HASH, NAME, Sentence

if TYPE_CHECKING:
    from game.play.tree import Step  # with it come Django's models

SENTENCE_SHIFT = 24
# What a place of a term takes, and what a term takes that is in no other turn: arrays and tables.
PLACE_BYTES, TERM_BYTES = 10, 200
MOST_CACHED_BYTES = 64 * 1024**2  # of all adventures that a process keeps
MOST_INDEX_BYTES = 48 * 1024**2  # of one adventure
# An index is built anew once so many of its turns are no longer what the story says.
MOST_OUTDATED = 50


class Stamp(NamedTuple):
    """Which texts of a turn an entry was made of: their length, and the last edit's id."""

    bytes: int
    edit: int

    @classmethod
    def of(cls, step: "Step") -> "Stamp":
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


SIZE_OF, EDIT_OF = attrgetter("bytes"), attrgetter("edit")


class AdventureIndex:
    """Entries of the turns of an adventure, on any branch, and the path that is followed now.

    A slot is a place in its lists; a turn whose texts change gets a new one. What it says of the
    path is changed turn by turn, so that the next turn of a long story costs no more than that of a
    short one. It is the same as if it had been made for this path alone.
    """

    def __init__(self) -> None:
        self.lock = Lock()  # held while it is read or changed
        self.slots: dict[UUID, int] = {}
        self.stamps: list[Stamp] = []
        self.entries: list[array[int]] = []
        self.postings: dict[int, array[int]] = {}  # by term the slots that have it
        self.terms = 0
        self.outdated = 0
        # The path: its turns with their slots (-1: not known), and the stamps that they have.
        self.path: list[UUID] = []
        self.path_sizes: list[int] = []
        self.path_edits: list[int] = []
        self.path_slots: list[int] = []
        self.numbers = array("i")  # by slot its number on the path, -1 elsewhere
        self.frequencies: dict[int, int] = {}  # in how many turns of the path a term is
        self.name_frequencies: dict[int, int] = {}
        self.turns = 0  # of the path that are known
        self.length = 0  # in terms, of all of these

    def has(self, step: "Step") -> bool:
        """Whether the index knows a turn with the texts that it has at present."""
        slot = self.slots.get(step.id)
        return slot is not None and self.stamps[slot] == (step.bytes, step.edit)

    def missing(self, path: "Sequence[Step]") -> "list[Step]":
        """The turns of a path that the index does not know with their present texts."""
        common = self.common(path)
        numbers = chain(self.outdated_numbers(path, common), range(common, len(path)))
        return [path[number] for number in numbers if not self.has(path[number])]

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return self.terms * PLACE_BYTES + len(self.postings) * TERM_BYTES

    @property
    def full(self) -> bool:
        """Whether it takes no more turns. What it does not know is not recalled."""
        return self.size >= MOST_INDEX_BYTES

    def add(self, turn: UUID, stamp: Stamp, values: "array[int]") -> None:
        """Add a turn, in place of what the index knew of it. A full index stays as it is."""
        if self.full:
            return
        if turn in self.slots:
            self.outdated += 1
        slot = len(self.stamps)
        self.slots[turn] = slot
        self.stamps.append(stamp)
        self.entries.append(values)
        self.numbers.append(-1)
        self.terms += len(values)
        for term in terms_in(values):
            self.postings.setdefault(term, array("I")).append(slot)

    def sentences(self, slot: int) -> list[tuple[int, list[int]]]:
        """The sentences of a turn that have terms: their numbers with their terms."""
        found: dict[int, list[int]] = {}
        for value in self.entries[slot]:
            found.setdefault(value >> SENTENCE_SHIFT, []).append(value & HASH)
        return list(found.items())

    # ---- the path

    def common(self, path: "Sequence[Step]") -> int:
        """How many turns a path has in common with the one that is followed.

        A turn has one path only: where both have the same turn at a place, all before is the same.
        """
        low, high = 0, min(len(path), len(self.path))
        while low < high:
            middle = (low + high + 1) // 2
            if path[middle - 1].id == self.path[middle - 1]:
                low = middle
            else:
                high = middle - 1
        return low

    def follow(self, path: "Sequence[Step]") -> None:
        """Make `path` the one that is followed."""
        common = self.common(path)
        for number in range(common, len(self.path)):
            self.leave(number)
        for each in (self.path, self.path_sizes, self.path_edits, self.path_slots):
            del each[common:]
        for number in self.outdated_numbers(path, common):
            self.leave(number)
            step = path[number]
            self.path_sizes[number], self.path_edits[number] = step.bytes, step.edit
            self.path_slots[number] = self.enter(number, step)
        for number in range(common, len(path)):
            step = path[number]
            self.path.append(step.id)
            self.path_sizes.append(step.bytes)
            self.path_edits.append(step.edit)
            self.path_slots.append(self.enter(number, step))

    def outdated_numbers(self, path: "Sequence[Step]", common: int) -> list[int]:
        """Which of the `common` first turns are not known, or have other texts than before."""
        # Lists of numbers: tuples by the thousand would wake the garbage collector.
        front = path[:common]
        sizes, edits = list(map(SIZE_OF, front)), list(map(EDIT_OF, front))
        slots = self.path_slots[:common]
        known = self.path_sizes[:common], self.path_edits[:common]
        if (sizes, edits) == known and -1 not in slots:
            return []
        return [
            number
            for number in range(common)
            if slots[number] < 0
            or sizes[number] != self.path_sizes[number]
            or edits[number] != self.path_edits[number]
        ]

    def enter(self, number: int, step: "Step") -> int:
        """Count a turn that is on the path now. Returns its slot, -1 if it is not known."""
        if not self.has(step):
            return -1
        slot = self.slots[step.id]
        self.numbers[slot] = number
        self.count(slot, 1)
        return slot

    def leave(self, number: int) -> None:
        """Count a turn of the path no more."""
        slot = self.path_slots[number]
        if slot >= 0:
            self.numbers[slot] = -1
            self.path_slots[number] = -1
            self.count(slot, -1)

    def count(self, slot: int, step: int) -> None:
        """Add a slot's terms to the figures of the path (1), or take them off (-1)."""
        values = self.entries[slot]
        frequencies, names = self.frequencies, self.name_frequencies
        for term in terms_in(values):
            frequencies[term] = frequencies.get(term, 0) + step
        for term in {value & HASH for value in values if value & NAME}:
            names[term] = names.get(term, 0) + step
        self.turns += step
        self.length += step * len(values)


def terms_in(values: "array[int]") -> set[int]:
    """The terms of an entry, without the number of their sentence."""
    return {value & HASH for value in values}


@dataclass
class IndexCache:
    """The indexes of the adventures that a process used last."""

    most_bytes: int = MOST_CACHED_BYTES

    def __post_init__(self) -> None:
        self.lock = Lock()
        self.indexes: OrderedDict[UUID, AdventureIndex] = OrderedDict()

    def of(self, adventure: UUID) -> AdventureIndex:
        """The index of an adventure, empty if it was not used lately."""
        with self.lock:
            index = self.indexes.setdefault(adventure, AdventureIndex())
            self.indexes.move_to_end(adventure)
            others = index.full and index.turns < len(index.stamps)  # room for those of the path
            if others or index.outdated > MOST_OUTDATED + len(index.slots) // 4:
                index = self.indexes[adventure] = AdventureIndex()
            return index

    def trim(self) -> None:
        """Evict the indexes that were not used for longest, down to `most_bytes`."""
        with self.lock:
            total = sum(index.size for index in self.indexes.values())
            while total > self.most_bytes and len(self.indexes) > 1:
                total -= self.indexes.popitem(last=False)[1].size

    def forget(self, adventure: UUID) -> None:
        """Drop the index of an adventure."""
        with self.lock:
            self.indexes.pop(adventure, None)
