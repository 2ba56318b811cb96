"""Finds forbidden phrases in a text as it grows. Pure.

Case, the shape of quotation marks, the amount of white space between words and emphasis (`*`) make
no difference. A phrase is found where its words are whole; in scripts that put no spaces
between words, anywhere.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from inference.reply.characters import character, extends, spaceless

PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
)
UNSEEN = frozenset(("", "*", "`", "\u200c", "\u200d", "\u200e", "\u200f"))


class Found(NamedTuple):
    """A phrase in a text, and the place of its first character, which may be before the text."""

    start: int
    phrase: str


@dataclass(slots=True)
class Node:
    """A node of the tree: its children by character, and the phrase that ends here."""

    on: "dict[str, Node]" = field(default_factory=dict)
    phrase: str = ""
    whole_word: bool = False  # it ends where no letter follows


class Phrases:
    """Phrases as a tree (trie) of their characters. Made once and used for many texts."""

    def __init__(self, phrases: Iterable[str]) -> None:
        """Marks and spaces around a phrase do not count; one without letters is no phrase."""
        root = Node()
        self.roots: tuple[Node, ...] = (root,)
        for phrase in phrases:
            letters = bare(phrase)
            if not letters:
                continue
            node = root
            for each in letters:
                node = node.on.setdefault(each, Node())
            node.phrase = node.phrase or phrase
            node.whole_word = in_words(letters[-1])

    def __bool__(self) -> bool:
        return any(root.on for root in self.roots)

    def with_more(self, others: "Phrases") -> "Phrases":
        """These phrases and others, in no time: a long list is not built again."""
        both = Phrases(())
        both.roots = self.roots + others.roots
        return both


class Watch:
    """Follows one text, character by character."""

    def __init__(self, phrases: Phrases, before: str = "", begins: int = 0) -> None:
        """`before` stands before the text, whose places count from `begins`."""
        self._roots = phrases.roots
        self._begun: list[tuple[int, Node]] = []  # phrases that may stand here, the longest first
        self._last = " "  # the last character that counts
        self._place = begins - len(before)
        for each in before:
            self._take(each)

    def hear(self, text: str) -> Found | None:
        """Take the next characters up to the first phrase in them. Returns that phrase."""
        for each in text:
            found = self._take(each)
            if found:
                return found
        return None

    def end(self) -> Found | None:
        """The phrase that the text ends with, now that nothing follows it."""
        return next((Found(start, node.phrase) for start, node in self._begun if node.phrase), None)

    @property
    def begun(self) -> int | None:
        """Where the end of the text begins to match a phrase; None where it does not."""
        return self._begun[0][0] if self._begun else None

    def _take(self, each: str) -> Found | None:
        found = None
        for plain in plain_form(each):
            found = found or self._step(plain)
        self._place += 1
        return found

    def _step(self, each: str) -> Found | None:
        last, self._last = self._last, each
        if each == " " == last:
            return None  # white space of any width is one space
        inside = extends(each) or (in_words(last) and in_words(each))
        found = None if inside else self._ended_word()
        self._begun = [(start, node.on[each]) for start, node in self._begun if each in node.on]
        if not inside:
            roots = (root for root in self._roots if each in root.on)
            self._begun += [(self._place, root.on[each]) for root in roots]
        return found or self._ended_anywhere()

    def _ended_word(self) -> Found | None:
        """The longest phrase that ends with the word before this place."""
        begun = self._begun
        ended = (Found(at, node.phrase) for at, node in begun if node.whole_word and node.phrase)
        return next(ended, None)

    def _ended_anywhere(self) -> Found | None:
        """The longest phrase that ends here in a script without spaces."""
        begun = self._begun
        ended = (
            Found(at, node.phrase) for at, node in begun if not node.whole_word and node.phrase
        )
        return next(ended, None)


def in_words(each: str) -> bool:
    """Whether `each` is part of a word that spaces set apart."""
    return (each.isalnum() or extends(each)) and not spaceless(each)


@lru_cache(maxsize=4096)
def plain_form(each: str) -> str:
    """A character as phrases are compared: in lower case, decomposed, without emphasis."""
    kept = character(each)
    if kept in UNSEEN:
        return ""
    if kept.isspace():
        return " "
    if spaceless(kept):  # a kana with its mark is another one than the kana
        return kept.casefold()
    return unicodedata.normalize("NFD", kept.casefold()).translate(PLAIN)


def bare(phrase: str) -> str:
    """A phrase as it is searched for: from its first letter to its last."""
    composed = unicodedata.normalize("NFC", phrase)
    text = " ".join("".join(map(plain_form, composed)).split())
    kept = [at for at, each in enumerate(text) if each.isalnum() or extends(each)]
    return text[kept[0] : kept[-1] + 1] if kept else ""
