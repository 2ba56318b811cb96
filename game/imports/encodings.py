"""Turns bytes of a file into text: UTF-8, UTF-16 and UTF-32, without control characters."""

import codecs
import re

from game.exchange.parsers import Unreadable

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Control characters but tab and line ends, and halves of surrogate pairs: PostgreSQL and UTF-8
# cannot hold some of them, and none of them is visible.
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
PICKLE = re.compile(rb"\x80[\x02-\x05]|\(dp\d|\(lp\d|\(i[a-z_]+\n|ccopy_reg|c__builtin__|cposix\n")


def decode(content: bytes) -> str:
    """The text of a file. Raises Unreadable for bytes that are none."""
    try:
        return content.decode(encoding_of(content))
    except UnicodeDecodeError:
        raise Unreadable("encoding") from None


def encoding_of(content: bytes) -> str:
    """The encoding by its mark, or by where the zero bytes are."""
    for mark, name in MARKS:
        if content.startswith(mark):
            return name
    if content[:2].count(0) == 1 and len(content) % 2 == 0:
        return "utf-16-be" if content[0] == 0 else "utf-16-le"
    return "utf-8"


def clean(text: str) -> str:
    """The text without control characters and lone surrogates, with plain line ends."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return UNSAFE.sub("", text) if UNSAFE.search(text) else text


def is_pickle(content: bytes) -> bool:
    """Whether a file begins as Python's pickles do."""
    return PICKLE.match(content) is not None
