"""Samples as rows of tokens: several in one row, each by itself, and only replies to be learnt.

Pure: a tokenizer is a function here.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.finetune.trouble import SamplesError

NOT_LEARNT = -100  # what torch's cross entropy leaves out

Encode = Callable[[str], tuple[list[int], list[tuple[int, int]]]]
"""The tokens of a text, and the code points at which each begins and ends."""


@dataclass(frozen=True)
class Row:
    """Samples behind one another. `positions` begin anew with each: no sample sees another."""

    tokens: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    @property
    def learnt(self) -> int:
        """Tokens that the loss counts."""
        return sum(label != NOT_LEARNT for label in self.labels)

    def add(self, other: "Row") -> None:
        """Append another sample to the row."""
        self.tokens.extend(other.tokens)
        self.labels.extend(other.labels)
        self.positions.extend(other.positions)


def read_samples(file: Path) -> list[dict[str, Any]]:
    """The samples that `finetune prepare` wrote. Raises SamplesError."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
    except OSError as error:
        raise SamplesError(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, ValueError) as error:
        raise SamplesError(f"{file} holds no samples as `finetune prepare` writes them") from error
    if not found:
        side = "train" if file.stem.endswith("train") else "held-out"
        raise SamplesError(
            f"{file} is empty: no adventure is on the {side} side of the split; "
            "add adventures, or change held_out"
        )
    return found


def row_of(sample: dict[str, Any], encode: Encode, window: int) -> Row:
    """A sample as tokens. Raises SamplesError where it is longer than the window."""
    tokens, places = encode(sample["text"])
    if len(tokens) > window:
        raise SamplesError(
            f"{sample['adventure']}: a sample has {len(tokens)} tokens, and the window has "
            f"{window}: prepare the samples with a smaller window"
        )
    labels = [
        token if begin < end and inside(begin, sample["spans"]) else NOT_LEARNT
        for token, (begin, end) in zip(tokens, places, strict=True)
    ]
    labels[:1] = [NOT_LEARNT]  # nothing comes before it to tell it from
    return Row(tokens, labels, list(range(len(tokens))))


def inside(place: int, spans: Sequence[Sequence[int]]) -> bool:
    """Whether a place is in one of the spans, whose ends are excluded."""
    return any(begin <= place < end for begin, end in spans)


def pack(rows: Sequence[Row], window: int) -> list[Row]:
    """The same samples in fewer rows of at most `window` tokens: the longest first, each into the
    first row that has room (first fit decreasing)."""
    packed: list[Row] = []
    for row in sorted(rows, key=lambda each: -len(each.tokens)):
        for open_row in packed:
            if len(open_row.tokens) + len(row.tokens) <= window:
                open_row.add(row)
                break
        else:
            packed.append(Row(list(row.tokens), list(row.labels), list(row.positions)))
    return packed


def padded(rows: Sequence[Row], filler: int) -> dict[str, list[list[int]]]:
    """Rows of one length. What fills them up is a sample of its own, of which nothing is learnt."""
    longest = max(len(row.tokens) for row in rows)
    batch: dict[str, list[list[int]]] = {"input_ids": [], "labels": [], "position_ids": []}
    for row in rows:
        more = longest - len(row.tokens)
        batch["input_ids"].append(row.tokens + [filler] * more)
        batch["labels"].append(row.labels + [NOT_LEARNT] * more)
        batch["position_ids"].append(row.positions + list(range(more)))
    return batch
