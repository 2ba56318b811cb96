"""Which story cards fire: keys found in text, in any script and case. Pure.

A key is found as whole words. Text and keys are compared in NFC and casefolded, with one kind of
apostrophe, single spaces, and without invisible marks. What is a word depends on the script:

- letters, digits and the marks on them make words, in every script that puts spaces between them;
- Chinese, Japanese, Thai, Lao, Khmer, Myanmar and Tibetan do not: there a key is found anywhere;
- Korean glues its particles to the end of a word: a key must begin a word and need not end it.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from inference.contract.request import Card, Passage
from inference.reply import neutralise, shown_action, spaceless

STEPS = 2  # how deep cards may name other cards

# The newest turns whose mentions may bring a card into a prompt: about as many as a window holds.
CARD_TURNS = 40
CARD_BYTES = 40_000
# The other cards are sent too if they take no more bytes than this: the reply may mention them, and
# the worker reads the next prompt ahead with the cards it has.
OTHER_CARD_BYTES = 6_000

INVISIBLE = {
    code: None for code in (0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0x2061, 0xFEFF)
} | {0x2018: "'", 0x2019: "'", 0x02BC: "'"}


class Found(NamedTuple):
    """A card that fired, its key, and the end of the key's last match in the text."""

    card: Card
    key: str
    place: int


def card_text(card: Card) -> str:
    """The card as the narrator reads it."""
    return neutralise(card.text).strip()


def folded(text: str) -> str:
    """`text` normalised for comparison with keys. Line ends stay: no key matches across them."""
    text = unicodedata.normalize("NFC", text).translate(INVISIBLE).casefold()
    text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    return unicodedata.normalize("NFC", text)


class Key(NamedTuple):
    """A folded key, and its first word; none in scripts whose words need no spaces."""

    text: str
    word: str


@lru_cache(maxsize=50_000)
def key_of(key: str) -> Key | None:
    """The normalised key; None for an empty one. Cached."""
    text = " ".join(folded(key).split())
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

    def __init__(self, text: str) -> None:
        self.text = folded(text)
        between = {ord(each): " " for each in set(self.text) if each == "_" or glued(each)}
        words = word_pattern().finditer(self.text.translate(between))
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


def fired(cards: Iterable[Card], text: str) -> list[Found]:
    """The cards with a key in `text`, each once, the last mentioned first."""
    return fired_in(cards, SearchIndex(text))


def fired_in(cards: Iterable[Card], searched: SearchIndex) -> list[Found]:
    """The cards with a key in an indexed text, the last mentioned first."""
    found: list[Found] = []
    for card in cards:
        best = -1
        for written in card.keys:
            key = key_of(written)
            if key is not None and (place := searched.last(key)) > best:
                best, best_key = place, written
        if best >= 0:
            found.append(Found(card, best_key, best))
    return sorted(found, key=lambda each: -each.place)  # stable: else in the cards' order


def named(cards: Iterable[Card], sources: Sequence[Card]) -> list[tuple[Found, Card]]:
    """The cards whose keys occur in the texts of `sources`, each with the source that names it.

    Cards that the first source names come first.
    """
    backwards = sources[::-1]  # so that the last mention is the first source's
    texts = [folded(card_text(source)) for source in backwards]
    searched = SearchIndex("\n".join(texts))
    ends = list(accumulate(len(text) + 1 for text in texts))
    return [
        (found, backwards[bisect_left(ends, found.place)]) for found in fired_in(cards, searched)
    ]


def reachable(cards: Sequence[Card], text: str) -> list[Card]:
    """The cards that may enter a prompt whose recent text is `text`, in order of priority.

    Pinned cards, those that the text mentions, and those that they name, STEPS deep.
    """
    result = [card for card in cards if card.pinned]
    rest = [card for card in cards if not card.pinned]
    mentioned = [found.card for found in fired(rest, text)]
    new = result + mentioned
    result = list(new)
    for _ in range(STEPS):
        seen = {id(card) for card in mentioned}
        rest = [card for card in rest if id(card) not in seen]
        if not new or not rest:
            break
        new = mentioned = [found.card for found, _ in named(rest, new)]
        result += new
    return result


def cards_for(cards: list[Card], story: tuple[Passage, ...]) -> tuple[Card, ...]:
    """The cards that could fire, most likely first, at most CARD_BYTES.

    An adventure may have thousands. The worker decides which of them fire, since it knows the
    budget.
    """
    latest = story[-CARD_TURNS:]
    text = "\n".join(
        part
        for each in latest
        for part in (shown_action(each.kind, each.action, each.player), each.reply)
    )
    likely = reachable(cards, text)
    sent = cards_within(likely, CARD_BYTES)
    reachable_ids = {id(card) for card in likely}
    others = [card for card in cards if id(card) not in reachable_ids]
    all_fit = len(cards_within(others, OTHER_CARD_BYTES)) == len(others)
    return (*sent, *others) if all_fit else tuple(sent)


def cards_within(cards: list[Card], room: int) -> list[Card]:
    """The first cards that take at most `room` bytes together."""
    found: list[Card] = []
    for card in cards:
        room -= len(card.model_dump_json().encode())
        if room < 0:
            break
        found.append(card)
    return found


# ---- words


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
