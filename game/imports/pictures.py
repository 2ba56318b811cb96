"""PNG files that carry a character or a lorebook in text chunks."""

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from game.exchange.parsers import Unreadable
from game.imports import encodings, limits

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PARTS = ("ccv3", "chara", "naidata")  # the first that is there is read
SHOWN = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND")  # what a picture needs
TEXTS = (b"tEXt", b"zTXt", b"iTXt")


@dataclass
class Picture:
    """What a PNG carries: the text of `part`, and itself in base64 without any text."""

    part: str
    text: str
    picture: str
    others: list[str] = field(default_factory=list)  # parts beside it, which are not read


def read_png(content: bytes) -> Picture:
    """The data and the picture of a PNG. Raises Unreadable."""
    shown: list[tuple[bytes, bytes]] = []
    texts: dict[str, tuple[bytes, bytes]] = {}
    for kind, data in chunks_of(content):
        if kind in TEXTS:
            name, _, rest = data.partition(b"\0")
            if (word := name.decode("latin-1").lower()) in PARTS:
                texts.setdefault(word, (kind, rest))
        elif kind in SHOWN:
            shown.append((kind, data))
    if not texts:
        raise Unreadable("png_empty")
    part = next(each for each in PARTS if each in texts)
    return Picture(
        part,
        decode_text(text_of(*texts[part])),
        base64.b64encode(written(shown)).decode() if fits(shown) else "",
        [each for each in PARTS if each in texts and each != part and each == "naidata"],
    )


def chunks_of(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG as (type, data), until IEND. Raises Unreadable."""
    place = len(SIGNATURE)
    for _ in range(limits.MOST_CHUNKS):
        if place + 12 > len(content):
            raise Unreadable("png")
        length, kind = struct.unpack_from(">I4s", content, place)
        if place + 12 + length > len(content):
            raise Unreadable("png")
        yield kind, content[place + 8 : place + 8 + length]
        if kind == b"IEND":
            return
        place += 12 + length
    raise Unreadable("png")


def text_of(kind: bytes, rest: bytes) -> bytes:
    """The text of a chunk after its keyword, decompressed. Raises Unreadable."""
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return inflate(rest[1:])
    compressed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    return inflate(rest) if compressed else rest


def inflate(data: bytes) -> bytes:
    """Decompress at most LARGEST_PART bytes. Raises Unreadable."""
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(data, limits.LARGEST_PART)
    except zlib.error:
        raise Unreadable("png") from None
    if unpacker.unconsumed_tail:
        raise Unreadable("bomb", f"{limits.LARGEST_PART // limits.MIB}")
    return found


def decode_text(data: bytes) -> str:
    """The JSON in a text chunk: base64, or as it is. Raises Unreadable."""
    if data.lstrip()[:1] == b"{":
        return encodings.decode(data)
    data = re.sub(rb"\s+", b"", data)
    try:
        return encodings.decode(base64.b64decode(data + b"=" * (-len(data) % 4), validate=True))
    except (binascii.Error, ValueError):
        raise Unreadable("base64") from None


def without_text(content: bytes) -> bytes:
    """A PNG with its picture alone; b"" for what is no PNG that can be shown."""
    if not content.startswith(SIGNATURE):
        return b""
    try:
        shown = [each for each in chunks_of(content) if each[0] in SHOWN]
    except Unreadable:
        return b""
    return written(shown) if fits(shown) else b""


def fits(shown: list[tuple[bytes, bytes]]) -> bool:
    """Whether this is a picture whose size is not too large to be shown."""
    if not shown or shown[0][0] != b"IHDR" or len(shown[0][1]) != 13:
        return False
    width, height = struct.unpack_from(">II", shown[0][1])
    return bool(0 < width * height <= limits.MOST_PIXELS)


def written(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks."""
    parts = [SIGNATURE]
    for kind, data in chunks:
        parts += [struct.pack(">I", len(data)), kind, data]
        parts.append(struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(parts)
