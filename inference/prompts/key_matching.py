"""Where a key of a card stands in a text, by the options of the card. Pure.

A key is found as whole words (`inference.words`), and so are other forms of its words
(`inference.word_forms`): hyphens then count as spaces. A card may ask for the words as they are
written, for capitals, for any place in a word, or have regular expressions as keys.
"""

import unicodedata
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

from inference.contract.cards import CardOptions
from inference.contract.request import Card
from inference.prompts.card_patterns import last_match
from inference.word_forms import (
    SHORTEST,
    language_for,
    same_word,
    shared_start,
    singular,
    without_marks,
)
from inference.words import SearchIndex, key_of, word_pattern, wordlike

START = SHORTEST  # letters that the forms of a word begin with
JOINERS = frozenset((" ", "-", "\u2010", "\u2011"))


class Word(NamedTuple):
    """A word of a text or a key, its end there, and the text between it and the word before."""

    text: str
    end: int
    gap: str


class FormKey(NamedTuple):
    """The words of a key, and the letters that forms of the first one may begin with."""

    words: tuple[Word, ...]
    starts: tuple[str, ...]


class FormIndex(SearchIndex):
    """An index that also finds other forms of a key's words."""

    @cached_property
    def every_word(self) -> list[Word]:
        """The words of the text in order."""
        return list(words_in(self.separated))

    @cached_property
    def by_start(self) -> dict[str, list[str]]:
        """The words by the letters that their forms begin with, accents and capitals aside."""
        found: dict[str, list[str]] = {}
        for word in self.words:
            for start in starts(word.casefold()):
                found.setdefault(start, []).append(word)
        return found

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """For each word its places in `every_word`."""
        found: dict[str, list[int]] = {}
        for place, word in enumerate(self.every_word):
            found.setdefault(word.text, []).append(place)
        return found

    def last_form(self, key: FormKey, card_text: str) -> int:
        """The end of the last place where forms of all words of a key follow each other; else -1.

        `card_text` tells the language.
        """
        first = key.words[0].text
        candidates = [word for start in key.starts for word in self.by_start.get(start, ())]
        if not candidates:
            return -1
        language = language_for(first, card_text)
        forms = [word for word in candidates if forms_of_one(first, word, language)]
        if len(key.words) == 1:
            return max((self.words[word] for word in forms), default=-1)
        return max((self.last_run(key.words, word, language) for word in forms), default=-1)

    def last_run(self, key: tuple[Word, ...], first: str, language: str) -> int:
        """The end of the last run of forms of a key's words that begins with `first`; else -1."""
        for place in reversed(self.places[first]):
            found = self.every_word[place : place + len(key)]
            if follows(key, found, language):
                return found[-1].end
        return -1


class SearchedText:
    """A text that is searched for keys, indexed as far as the cards need it."""

    def __init__(self, text: str) -> None:
        self.original = text
        self.index = FormIndex(text)

    @cached_property
    def cased(self) -> FormIndex:
        """The index with capitals."""
        return FormIndex(self.original, cased=True)

    def last(self, written: str, card: Card) -> int:
        """The end of a key's last match in the folded text; -1 without a match."""
        options = card.options
        if options.regex:
            return self.uncased(last_match(written, options.case_sensitive, self.cased.text))
        if options.case_sensitive:
            return self.uncased(last_in(self.cased, written, card))
        return last_in(self.index, written, card)

    def uncased(self, place: int) -> int:
        """A place of the text with capitals in the folded one, where it may be longer."""
        if place <= 0:
            return place
        return len(unicodedata.normalize("NFC", self.cased.text[:place].casefold()))


def last_in(index: FormIndex, written: str, card: Card) -> int:
    """The end of a key's last match in an index; -1 without a match."""
    options = card.options
    cased = options.case_sensitive
    key = key_of(written, cased)
    if key is None:
        return -1
    if not options.whole_words:
        place = index.text.rfind(key.text)
        best = place + len(key.text) if place >= 0 else -1
    else:
        best = index.last(key)
    if options.forms and key.word:
        form = form_key(key.text)
        if form is not None:
            best = max(best, index.last_form(form, card.text))
    return best


@lru_cache(maxsize=50_000)
def form_key(text: str) -> FormKey | None:
    """A normalised key whose words may have forms; None where punctuation belongs to it. Cached."""
    if not (wordlike(text[0]) and wordlike(text[-1])):
        return None
    words = tuple(words_in(text.replace("_", " ")))
    return FormKey(words, tuple(starts(words[0].text.casefold())))


def words_in(text: str) -> Iterator[Word]:
    """The words of a text in order."""
    end = 0
    for match in word_pattern().finditer(text):
        yield Word(match[0], match.end(), text[end : match.start()])
        end = match.end()


@lru_cache(maxsize=50_000)
def starts(word: str) -> set[str]:
    """The letters that forms of a casefolded word may begin with. Cached."""
    plain = without_marks(word) if not word.isascii() else word
    if len(plain) < SHORTEST:
        return {word}
    return {plain[:START], singular(plain)[:START]}


def forms_of_one(one: str, other: str, language: str) -> bool:
    """Whether two words are forms of one; with capitals, where what they share has the same."""
    if one == other:
        return True
    low_one, low_other = one.casefold(), other.casefold()
    if not same_word(low_one, low_other, language):
        return False
    if one == low_one and other == low_other:
        return True
    plain_one, plain_other = without_marks(one), without_marks(other)
    shared = shared_start(plain_one.casefold(), plain_other.casefold())
    return plain_one[:shared] == plain_other[:shared]


def follows(key: tuple[Word, ...], found: list[Word], language: str) -> bool:
    """Whether words of a text are those of a key in some form, with the same between them."""
    if len(found) < len(key):
        return False
    for asked, word in zip(key[1:], found[1:], strict=True):
        joined = asked.gap in JOINERS and word.gap in JOINERS
        if asked.gap != word.gap and not joined:
            return False
        if not forms_of_one(asked.text, word.text, language):
            return False
    return True


def secondary_found(card: Card, searched: SearchedText) -> list[str]:
    """The secondary keys of a card that a text has."""
    return [key for key in card.options.secondary_keys if searched.last(key, card) >= 0]


def secondary_holds(options: CardOptions, found: list[str]) -> bool:
    """Whether a card may fire where these of its secondary keys were found."""
    every = options.secondary_keys
    if not every:
        return True
    match options.secondary_logic:
        case "and_any":
            return bool(found)
        case "and_all":
            return len(found) == len(every)
        case "not_any":
            return not found
        case "not_all":
            return len(found) < len(every)


@lru_cache(maxsize=512)
def searched(text: str) -> SearchedText:
    """The index of a text of one turn. Cached: each is asked for in many prompts."""
    return SearchedText(text)
