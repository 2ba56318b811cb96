"""The document of NovelAI's newer stories: MessagePack with JavaScript's extensions, in base64.

Records (extension 0x72) and bundled strings (0x62) are those of the library msgpackr; 20 to 49 are
NovelAI's own and hold a value. Only the sections and their order are used.
"""

import base64
import binascii
import struct
from typing import Any

from game.exchange.parsers import Unreadable
from game.imports import limits
from game.imports.encodings import clean

DEEPEST = 100
PROGRAM = "NovelAI"
NUMBERS = {
    **{0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"},
    **{0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"},
}
LENGTHS = {1: ">B", 2: ">H", 4: ">I"}


def read_sections(document: str) -> list[str]:
    """The paragraphs of a document in their order. Raises Unreadable."""
    try:
        content = base64.b64decode(document, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("base64") from None
    try:
        found = Decoder(content).read()
    except (struct.error, IndexError, UnicodeDecodeError, TypeError, OverflowError):
        raise Unreadable("damaged", PROGRAM) from None
    if not isinstance(found, dict) or not isinstance(found.get("sections"), dict):
        raise Unreadable("damaged", PROGRAM)
    sections, order = found["sections"], found.get("order")
    places = order if isinstance(order, list) else list(sections)
    texts = []
    for place in places:
        each = sections.get(place) if isinstance(place, str | int | float) else None
        if isinstance(each, dict) and isinstance(each.get("text"), str):
            texts.append(clean(each["text"]))
    return texts


class Decoder:
    """Reads one value of MessagePack within limits on depth and number of values."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = self.values = 0
        self.records: dict[int, list[Any]] = {}  # the names of a record's fields, by its id
        self.bundles: tuple[bytes, bytes] | None = None  # UTF-16, so that lengths are JavaScript's
        self.used = [0, 0]

    def take(self, count: int) -> bytes:
        """The next bytes. Raises IndexError at the end."""
        end = self.place + count
        if end > len(self.content):
            raise IndexError("the document ends in mid-value")
        self.place, found = end, self.content[self.place : end]
        return found

    def number(self, form: str) -> Any:
        """The next number in a form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def read(self, depth: int = 0) -> Any:
        """The next value. Raises Unreadable at a limit."""
        self.values += 1
        if depth > DEEPEST:
            raise Unreadable("deep", f"{DEEPEST}")
        if self.values > limits.MOST_VALUES:
            raise Unreadable("many", f"{limits.MOST_VALUES:,}")
        token = self.take(1)[0]
        if token < 0x80:
            return self.record(token, depth) if token in self.records else token
        if token < 0x90:
            return self.map(token & 0x0F, depth)
        if token < 0xA0:
            return self.list(token & 0x0F, depth)
        if token < 0xC0:
            return self.text(token & 0x1F)
        if token >= 0xE0:
            return token - 0x100
        return self.other(token, depth)

    def other(self, token: int, depth: int) -> Any:
        """A value whose first byte says only its kind."""
        if token == 0xC1:
            return self.bundled(self.read(depth + 1))
        if token in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[token]
        if token in NUMBERS:
            return self.number(NUMBERS[token])
        if token in (0xD9, 0xDA, 0xDB):
            return self.text(self.number(LENGTHS[1 << (token - 0xD9)]))
        if token in (0xC4, 0xC5, 0xC6):
            return self.take(self.number(LENGTHS[1 << (token - 0xC4)]))
        if token in (0xDC, 0xDD):
            return self.list(self.number(LENGTHS[2 << (token - 0xDC)]), depth)
        if token in (0xDE, 0xDF):
            return self.map(self.number(LENGTHS[2 << (token - 0xDE)]), depth)
        if token in (0xC7, 0xC8, 0xC9):
            size = self.number(LENGTHS[1 << (token - 0xC7)])
        else:
            size = 1 << (token - 0xD4)
        return self.extension(self.number(">B"), size, depth)

    def text(self, size: int) -> str:
        """A text of this many bytes."""
        return self.take(size).decode("utf-8", "replace")

    def list(self, size: int, depth: int) -> list[Any]:
        """A list of this many values."""
        return [self.read(depth + 1) for _ in range(size)]

    def map(self, size: int, depth: int) -> dict[Any, Any]:
        """A map; names that are no text or number are only skipped."""
        found = {}
        for _ in range(size):
            name, value = self.read(depth + 1), self.read(depth + 1)
            if isinstance(name, str | int | float):
                found[name] = value
        return found

    def record(self, number: int, depth: int) -> dict[Any, Any]:
        """A record: values in the order of names that stood before."""
        names = self.records[number]
        return {name: self.read(depth + 1) for name in names if isinstance(name, str)}

    def extension(self, kind: int, size: int, depth: int) -> Any:
        """A value of an extension."""
        if kind == 0x72:  # the names of a record, and its first values
            number = self.take(size)[0]
            names = self.read(depth + 1)
            self.records[number] = names if isinstance(names, list) else []
            return self.record(number, depth)
        if kind == 0x62:
            return self.bundle(size, depth)
        if 20 <= kind < 50:
            end = self.place + size
            # The library writes an own extension of one empty byte, and the value behind it.
            if size == 1:
                self.take(1)
                return self.read(depth + 1)
            found = self.read(depth + 1)
            self.place = max(self.place, end) if self.bundles is None else self.place
            return found
        return self.take(size)

    def bundle(self, size: int, depth: int) -> Any:
        """A value whose texts stand together behind it."""
        start = self.place
        offset = int.from_bytes(self.take(size), "big")
        inside, self.place = self.place, start + offset
        pair = [self.read(depth + 1), self.read(depth + 1)]
        after = self.place
        coded = [(each if isinstance(each, str) else "").encode("utf-16-le") for each in pair]
        outer, self.bundles = (self.bundles, self.used), (coded[0], coded[1])
        self.used, self.place = [0, 0], inside
        found = self.read(depth + 1)
        self.place = after
        self.bundles, self.used = outer
        return found

    def bundled(self, length: Any) -> str:
        """A text of the bundle: of plain letters, or with a negative length of any."""
        if self.bundles is None or not isinstance(length, int):
            raise Unreadable("damaged", PROGRAM)
        which = 1 if length > 0 else 0
        start = self.used[which]
        self.used[which] = end = start + 2 * abs(length)
        return self.bundles[which][start:end].decode("utf-16-le", "replace")
