"""What a GGUF file says of itself, read from its first bytes.

The package gguf reads all of the header, tokens and all: 3 s and 190 MB for SmolLM2. This steps
over what nobody asked for, and needs nothing installed.
"""

import struct
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

# The value types of GGUF that struct can read: uint8 … uint64, int64, float64 by their numbers.
NUMBERS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
LONGEST_KEY = 1 << 16

# ggml's tensor types by number: name, values in a block, bytes in a block (from ggml.h).
TENSORS = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    30: ("BF16", 1, 2),
}


@dataclass(frozen=True)
class Header:
    """A GGUF's header. Numbers that the file does not give are 0."""

    family: str
    context: int  # tokens
    layers: int
    cache_values: int  # keys and values kept for one token, in all layers together
    values: dict[str, int]  # how many weights it has of each type

    @property
    def parameters(self) -> int:
        return sum(self.values.values())


def read_header(path: Path) -> Header:
    """What `path` says of itself. Raises ValueError in one line, OSError."""
    with path.open("rb") as file:
        try:
            tensors, found = read_keys(file, everything=True)
            values: Counter[str] = Counter()
            for _ in range(tensors):
                read_string(file)
                shape = unpack(file, f"{unpack(file, 'I')[0]}Q")
                kind, _offset = unpack(file, "IQ")
                values[TENSORS[kind][0] if kind in TENSORS else f"type {kind}"] += prod(shape)
        except DAMAGE as error:
            raise ValueError(f"{path.name} has a damaged header") from error
    family = str(found.get("general.architecture", ""))

    def number(key: str) -> int:
        value = found.get(f"{family}.{key}", 0)
        return value if isinstance(value, int) else 0

    heads = number("attention.head_count") or 1
    width = number("attention.key_length") or number("embedding_length") // heads
    kept = 2 * (number("attention.head_count_kv") or heads) * width * number("block_count")
    return Header(family, number("context_length"), number("block_count"), kept, dict(values))


def first_number(file: BinaryIO, ending: str) -> int | float | None:
    """The first number in a GGUF's header whose key has this ending. Raises ValueError."""
    try:
        _, found = read_keys(file, ending)
    except DAMAGE as error:
        raise ValueError(f"{Path(file.name).name} has a damaged header") from error
    value = next((each for key, each in found.items() if key.endswith(ending)), None)
    return value if isinstance(value, int | float) else None


DAMAGE = (struct.error, KeyError, UnicodeDecodeError, OverflowError, MemoryError)


def read_keys(
    file: BinaryIO, ending: str = "", everything: bool = False
) -> tuple[int, dict[str, int | float | str]]:
    """How many tensors follow, and the numbers and strings; up to `ending` unless all are wanted.

    Lists are stepped over.
    """
    if file.read(4) != b"GGUF":
        raise ValueError(f"{Path(file.name).name} is not a GGUF file")
    _version, tensors, keys = unpack(file, "IQQ")
    found: dict[str, int | float | str] = {}
    for _ in range(keys):
        key = read_string(file)
        value = read_or_skip(file, unpack(file, "I")[0], strings=everything)
        if value is not None:
            found[key] = value
        if not everything and key.endswith(ending):
            break
    return tensors, found


def read_or_skip(file: BinaryIO, kind: int, strings: bool) -> int | float | str | None:
    """The number at this place, or the string where `strings` are wanted."""
    if kind == STRING:
        length = unpack(file, "Q")[0]
        if strings and length < LONGEST_KEY:  # a chat template may be long, and nobody asks for it
            return file.read(length).decode(errors="replace")
        file.seek(length, 1)
        return None
    if kind == ARRAY:
        kind, length = unpack(file, "IQ")
        if kind in NUMBERS:
            file.seek(struct.calcsize(f"<{NUMBERS[kind]}") * length, 1)
        else:
            for _ in range(length):
                read_or_skip(file, kind, strings=False)
        return None
    number: int | float = unpack(file, NUMBERS[kind])[0]
    return number


def read_string(file: BinaryIO) -> str:
    length = unpack(file, "Q")[0]
    if length > LONGEST_KEY:
        raise OverflowError("a name is too long")
    return file.read(length).decode()


def unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    """The next values of a little-endian file."""
    return struct.unpack(f"<{layout}", file.read(struct.calcsize(f"<{layout}")))
