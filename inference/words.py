"""Words of texts in any script, and an index of a text in which many words are looked for. Pure.

Texts and keys are compared in NFC and casefolded, with one kind of apostrophe, single spaces, and
without invisible marks. What is a word depends on the script:

- letters, digits and the marks on them make words, in every script that puts spaces between them;
- Chinese, Japanese, Thai, Lao, Khmer, Myanmar and Tibetan do not: there a key is found anywhere;
- Korean glues its particles to the end of a word: a key must begin a word and need not end it.
"""

import re
import unicodedata
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from inference.reply.characters import spaceless

INVISIBLE = {
    code: None for code in (0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0x2061, 0xFEFF)
} | {0x2018: "'", 0x2019: "'", 0x02BC: "'"}


def folded(text: str, cased: bool = False) -> str:
    """`text` normalised for comparison with keys, its capitals kept if `cased`.

    Line ends stay: no key matches across them.
    """
    text = unicodedata.normalize("NFC", text).translate(INVISIBLE)
    text = text if cased else text.casefold()
    text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    return unicodedata.normalize("NFC", text)


class Key(NamedTuple):
    """A folded key, and its first word; none in scripts whose words need no spaces."""

    text: str
    word: str


@lru_cache(maxsize=50_000)
def key_of(key: str, cased: bool = False) -> Key | None:
    """The normalised key; None for an empty one. Cached."""
    text = " ".join(folded(key, cased).split())
    if not text:
        return None
    if any(glued(each) for each in text):
        return Key(text, "")
    word = word_pattern().search(text.replace("_", " "))
    return Key(text, word[0] if word else "")


class SearchIndex:
    """A text that is searched for many keys.

    Most keys do not occur, and a table lookup is far cheaper than a search: so the last end of each
    word and all pairs of adjacent characters are indexed.
    """

    def __init__(self, text: str, cased: bool = False) -> None:
        self.text = folded(text, cased)
        between = {ord(each): " " for each in set(self.text) if each == "_" or glued(each)}
        self.separated = self.text.translate(between)
        words = word_pattern().finditer(self.separated)
        self.words = {word[0]: word.end() for word in words}
        self.pairs = set(map("".join, pairwise(self.text))) if between else None

    def last(self, key: Key) -> int:
        """The end of the last match of `key` as whole words; -1 without a match."""
        if key.word:
            end = self.words.get(key.word, -1)
            if end < 0 or key.word == key.text:
                return end
        elif self.pairs is not None and len(key.text) > 1 and key.text[:2] not in self.pairs:
            return -1
        place = self.text.rfind(key.text)
        while place >= 0:
            end = place + len(key.text)
            if begins_word(self.text, place) and ends_word(self.text, end):
                return end
            place = self.text.rfind(key.text, 0, end - 1)
        return -1


# ---- where words begin and end


def begins_word(text: str, place: int) -> bool:
    """Whether a word may begin at `place`."""
    before, after = text[place - 1 : place], text[place]
    return not before or spaceless(before) or spaceless(after) or not joined(before, after)


def ends_word(text: str, end: int) -> bool:
    """Whether a word may end before `end`."""
    before, after = text[end - 1], text[end : end + 1]
    if not after or spaceless(before) or spaceless(after):
        return True
    return (hangul(before) and hangul(after)) or not joined(before, after)


def joined(left: str, right: str) -> bool:
    """Whether two adjacent characters belong to one word."""
    return wordlike(left) and wordlike(right)


def wordlike(each: str) -> bool:
    """Whether a character is a letter, a digit or a mark."""
    return each.isalnum() or unicodedata.category(each)[0] == "M"


def glued(each: str) -> bool:
    """Whether words of the character's script are not separated by spaces on both sides."""
    return each > "\u0dff" and (spaceless(each) or hangul(each))


def hangul(each: str) -> bool:
    """Whether a character is Korean."""
    return "\uac00" <= each <= "\ud7a3" or "\u1100" <= each <= "\u11ff"


@cache
def word_pattern() -> re.Pattern[str]:
    r"""A word: `\w` leaves out the vowel signs of Indian scripts and every other mark."""
    marks = [
        code
        for code in (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0))
        if unicodedata.category(chr(code))[0] == "M"
    ]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return re.compile(
        "[\\w" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]+"
    )
