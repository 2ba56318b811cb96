"""What a GGUF file says of itself, read from its first bytes.

The package gguf reads all of the header, tokens and all: 3 s and 190 MB for SmolLM2. This steps
over what nobody asked for, and needs nothing installed. A file is a stranger's: every length is
held to a limit before it is followed, where that package sets no limit on lengths, keys or nested
lists and makes several arrays of each token.
"""

import os
import struct
from collections import Counter
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

# The value types of GGUF that struct can read: uint8 … uint64, int64, float64 by their numbers.
NUMBERS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
LONGEST_KEY = 1 << 16
VERSIONS = (2, 3)
MOST_DIMENSIONS = 4
# What a header may hold, so that a hostile one is not read for ever. The longest known lists are
# vocabularies of 262,144 tokens and as many merges; the files with most tensors have some 20,000.
MOST_KEYS = 65_536
MOST_TENSORS = 262_144
MOST_LISTED = 4_194_304  # values in one list
MOST_WORDS = 1 << 21  # in one list; the largest vocabularies have a fifth of it
MOST_BYTES = 1 << 28  # of a whole header

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
    tensors: dict[str, tuple[int, ...]] = field(default_factory=dict)  # shapes: outputs, inputs
    keys: dict[str, int | float | str] = field(default_factory=dict)  # numbers and short strings

    @property
    def parameters(self) -> int:
        """The number of weights of all types."""
        return sum(self.values.values())

    @property
    def chat(self) -> bool:
        """Whether it brings a chat template."""
        return "tokenizer.chat_template" in self.keys

    def number(self, key: str) -> int:
        """A whole number that the file gives for its family; 0 where it gives none."""
        value = self.keys.get(f"{self.family}.{key}", 0)
        return value if isinstance(value, int) else 0


def read_header(path: Path) -> Header:
    """What `path` says of itself, and whether all of its weights are there.

    Raises ValueError in one line, OSError.
    """
    with path.open("rb") as file:
        try:
            tensors, found = read_keys(file, everything=True)
            listed = [read_tensor(file) for _ in range(tensors)]
        except DAMAGE as error:
            raise ValueError(f"{path.name} has a damaged header") from error
        check_length(file, listed, found.get("general.alignment", 32))
    values: Counter[str] = Counter()
    for tensor in listed:
        kind = TENSORS[tensor.kind][0] if tensor.kind in TENSORS else f"type {tensor.kind}"
        values[kind] += prod(tensor.shape)
    family = str(found.get("general.architecture", ""))
    header = Header(family, 0, 0, 0, {}, {}, found)
    number = header.number
    heads = number("attention.head_count") or 1
    width = number("attention.key_length") or number("embedding_length") // heads
    kept = 2 * (number("attention.head_count_kv") or heads) * width * number("block_count")
    return Header(
        family,
        number("context_length"),
        number("block_count"),
        kept,
        dict(values),
        {tensor.name: tuple(reversed(tensor.shape)) for tensor in listed},
        found,
    )


@dataclass(frozen=True)
class Tensor:
    """An entry of a file's table: its shape as ggml counts, its type, where its values begin."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int

    @property
    def end(self) -> int:
        """The offset after its last value; its first where nobody knows how long the type is."""
        if self.kind not in TENSORS:
            return self.offset + 1
        _, block, size = TENSORS[self.kind]
        return self.offset + prod(self.shape) // block * size


def read_tensor(file: BinaryIO) -> Tensor:
    """Read one tensor's description from the header. Raises OverflowError, struct.error."""
    name = read_string(file)
    (dimensions,) = unpack(file, "I")
    if dimensions > MOST_DIMENSIONS:
        raise OverflowError("a tensor has too many dimensions")
    shape = unpack(file, f"{dimensions}Q")
    kind, offset = unpack(file, "IQ")
    return Tensor(name, shape, kind, offset)


def check_length(file: BinaryIO, tensors: list[Tensor], alignment: int | float | str) -> None:
    """Raises ValueError where the file ends before its last tensor does."""
    if not isinstance(alignment, int) or not 1 <= alignment <= MOST_BYTES:
        raise ValueError(f"{Path(file.name).name} has a damaged header")
    begin = -(-file.tell() // alignment) * alignment
    wanted = begin + max((tensor.end for tensor in tensors), default=0)
    there = os.fstat(file.fileno()).st_size
    if wanted > there:
        raise ValueError(
            f"{Path(file.name).name} is cut short: it has {there:,} bytes of {wanted:,}; "
            "fetch it again"
        )


CONTROL, USER_DEFINED = 3, 4  # kinds of tokens, from llama.h
TOKENS, TOKEN_KINDS = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"


def read_token_kinds(path: Path) -> dict[int, list[str]]:
    """The names of a vocabulary's control tokens, and of those that its makers added.

    By kind. Empty where the file does not say of what kind its tokens are. Raises ValueError,
    OSError.
    """
    names: list[bytes] = []
    kinds: tuple[int, ...] = ()
    with path.open("rb") as file:
        try:
            keys = read_beginning(file)[1]
            for _ in range(keys):
                key, kind = read_string(file), unpack(file, "I")[0]
                if key == TOKENS and kind == ARRAY:
                    names = read_strings(file)
                elif key == TOKEN_KINDS and kind == ARRAY:
                    inner, length = list_of(file)
                    kinds = unpack(file, f"{length}{NUMBERS[inner]}")
                else:
                    read_or_skip(file, kind, strings=False)
                if names and kinds:
                    break
        except DAMAGE as error:
            raise ValueError(f"{path.name} has a damaged header") from error
    found: dict[int, list[str]] = {CONTROL: [], USER_DEFINED: []}
    for name, kind in zip(names, kinds, strict=False):
        if kind in found:
            found[kind].append(name.decode(errors="replace"))
    return found


def read_strings(file: BinaryIO) -> list[bytes]:
    """The list of strings that begins at this place."""
    kind, length = list_of(file)
    if length > MOST_WORDS:
        raise OverflowError("more words than any model has")
    if kind != STRING:
        raise OverflowError("a list of words holds something else")
    found = []
    for _ in range(length):
        (size,) = unpack(file, "Q")
        if size > LONGEST_KEY:
            raise OverflowError("a word is too long")
        found.append(take(file, size))
    return found


def list_of(file: BinaryIO) -> tuple[int, int]:
    """The kind of a list's values, and how many follow."""
    kind, length = unpack(file, "IQ")
    if length > MOST_LISTED:
        raise OverflowError("a list is longer than any model's")
    return kind, length


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
    tensors, keys = read_beginning(file)
    found: dict[str, int | float | str] = {}
    for _ in range(keys):
        key = read_string(file)
        value = read_or_skip(file, unpack(file, "I")[0], strings=everything)
        if value is not None:
            found[key] = value
        if not everything and key.endswith(ending):
            break
    return tensors, found


def read_beginning(file: BinaryIO) -> tuple[int, int]:
    """How many tensors and keys a file has. Raises ValueError where it is no GGUF."""
    if file.read(4) != b"GGUF":
        raise ValueError(f"{Path(file.name).name} is not a GGUF file")
    version, tensors, keys = unpack(file, "IQQ")
    if version not in VERSIONS:
        raise ValueError(f"{Path(file.name).name} is a GGUF of version {version}, which is unknown")
    if keys > MOST_KEYS or tensors > MOST_TENSORS:
        raise OverflowError("more keys or tensors than any model has")
    return tensors, keys


def read_or_skip(file: BinaryIO, kind: int, strings: bool) -> int | float | str | None:
    """The number at this place, or the string where `strings` are wanted."""
    if kind == STRING:
        (length,) = unpack(file, "Q")
        if strings and length < LONGEST_KEY:
            return take(file, length).decode(errors="replace")
        skip(file, length)  # a chat template may be long, and nobody asks for its words
        return "" if strings else None
    if kind == ARRAY:
        kind, length = list_of(file)
        if kind in NUMBERS:
            skip(file, struct.calcsize(f"<{NUMBERS[kind]}") * length)
        elif kind == STRING:
            if length > MOST_WORDS:
                raise OverflowError("more words than any model has")
            for _ in range(length):
                skip(file, unpack(file, "Q")[0])
        else:  # lists of lists, which no model has
            raise OverflowError("a list holds what no list may")
        return None
    number: int | float = unpack(file, NUMBERS[kind])[0]
    return number


def skip(file: BinaryIO, length: int) -> None:
    """Step over so many bytes of a header."""
    if length > MOST_BYTES or file.tell() > MOST_BYTES:
        raise OverflowError("a header is longer than any model's")
    file.seek(length, 1)


def read_string(file: BinaryIO) -> str:
    """Read a string of UTF-8 with its length before it. Raises OverflowError, ValueError."""
    length = unpack(file, "Q")[0]
    if length > LONGEST_KEY:
        raise OverflowError("a name is too long")
    return take(file, length).decode()


def take(file: BinaryIO, length: int) -> bytes:
    """The next bytes of a header, which in all has no more than MOST_BYTES."""
    if file.tell() + length > MOST_BYTES:
        raise OverflowError("a header is longer than any model's")
    return file.read(length)


def unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    """The next values of a little-endian file."""
    return struct.unpack(f"<{layout}", file.read(struct.calcsize(f"<{layout}")))
