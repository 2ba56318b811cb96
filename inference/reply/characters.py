"""Characters: which the story keeps, and how scripts differ."""

import re
import unicodedata
from functools import cache

MOST_MARKS = 30  # on one letter: Unicode's stream-safe text format (UAX 15)
NO_LETTERS = re.compile(r"[\W_]+")  # what str.isalnum says no to
UNUSUAL = re.compile(r"[^\x20-\x7e\n]")


def clean(text: str) -> str:
    """NFC, line ends as \\n, without control characters and bidirectional overrides."""
    text = text.replace("\r\n", "\n")
    return unicodedata.normalize("NFC", UNUSUAL.sub(lambda found: character(found[0]), text))


def composed(text: str) -> str:
    """`text` in NFC, with at most MOST_MARKS marks on a letter.

    Sorting the marks takes unicodedata quadratic time: 64 KB of them, which is one message of a
    socket, keep Python's lock for six seconds.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", marks_in_excess().sub(r"\1", text))


@cache
def marks_in_excess() -> re.Pattern[str]:
    """A run of more than MOST_MARKS marks; its first group is what stays."""
    # Decomposed: some that are no marks themselves (U+0F73) are two of them.
    every = map(chr, range(0x300, 0x20000))  # beyond are no marks
    marks = "".join(c for c in every if unicodedata.combining(unicodedata.normalize("NFD", c)[0]))
    return re.compile(f"([{marks}]{{{MOST_MARKS}}})[{marks}]+")


def character(each: str) -> str:
    """One character as the story keeps it: itself, a plainer one, or nothing."""
    if " " <= each <= "~" or each == "\n":
        return each
    if each in "\r\x0b\x0c\x85\u2028\u2029":
        return "\n"
    category = unicodedata.category(each)
    if each == "\t" or category == "Zs":
        return each if each == "\u3000" else " "
    if category in ("Cc", "Cs", "Co", "Cn") or each in "\ufeff\ufffd":
        return ""
    if category == "Cf" and each not in "\u200c\u200d\u200e\u200f":
        return ""
    return each


def spaceless(each: str) -> bool:
    """Whether `each` belongs to a script that puts no spaces between words."""
    code = ord(each)
    return code >= 0x0E00 and (
        0x0E00 <= code <= 0x0EFF  # Thai, Lao
        or 0x1000 <= code <= 0x109F  # Myanmar
        or 0x1780 <= code <= 0x17FF  # Khmer
        or 0x0F00 <= code <= 0x0FFF  # Tibetan
        or 0x2E80 <= code <= 0x9FFF  # CJK and kana
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFFEF
        or 0x20000 <= code <= 0x3FFFF
    )


def extends(each: str) -> bool:
    """Whether `each` belongs to the grapheme before it."""
    return unicodedata.category(each) in ("Mn", "Mc", "Me") or each in "\u200c\u200d"


def wider(space: str, more: str) -> str:
    """The white space before a word, at most one empty line wide."""
    if more == "\n":
        return "\n\n" if "\n" in space else "\n"
    return space if space else " "


def letters(sentence: str) -> str:
    """What two tellings of a sentence have in common: its letters and digits."""
    return NO_LETTERS.sub("", sentence.casefold())


def invisible(text: str) -> bool:
    """Whether `text` shows nothing: white space, marks without width, control characters."""
    return all(each.isspace() or unicodedata.category(each)[0] in "CZ" for each in text)
