"""What a text is found by: the stems of its words, and pairs of characters. Pure.

A term is a number of 23 bits, and one more that says whether it was written as a name. Words are
cut to their stems by Snowball, whose language is guessed from the text. Scripts that put no spaces
between words, and Korean, which glues its particles to them, are cut into pairs of characters.
"""

import re
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from inference.languages import CLOSED, normalised
from inference.reply.sentences import CLOSING, PHRASE, STOPS, ends_sentence
from inference.word_forms import snowball
from inference.words import glued, word_pattern

# Raise it when the same text gives other terms than before: everything is then indexed again.
FORMAT = 1

NAME = 1 << 23  # this bit of a term: written with a capital inside a sentence
HASH = NAME - 1
LONGEST_SENTENCE = 320  # code points; what is longer is cut at a pause or between words
MOST_SENTENCES = 250  # of a reply; what follows is not recalled
ACTION = 255  # in place of a sentence's number: the player's action
MOST_TERMS = 120  # of a sentence
LONGEST_WORD = 40
STEM_LENGTH = 5  # letters that are kept of words whose language is not known

# Characters that stand in nearly every Chinese sentence: a pair with one of them says little.
COMMON_CHARACTERS = frozenset(
    "的了着在是你我他她它们和与就也都还又很不这那个么吗呢吧啊之其而且但把被给对从到向里上下"
)
WORD = word_pattern()
BREAK = re.compile(rf"[{STOPS};·][{STOPS};·{CLOSING}]*(?=(\s*))|(\n+)|(?<=[\u0e00-\u0eff])( )")
PAUSE = re.compile(r"[,;:—–，、；：](?=\s|[^\x00-\x7f])")


class Sentence(NamedTuple):
    """A sentence of a turn, and the terms that it is found by, each once, in order.

    `number` is its place in the reply, or ACTION.
    """

    number: int
    text: str
    terms: tuple[int, ...]


# ---- sentences


def sentences(text: str) -> list[str]:
    """The sentences of a text with single spaces, at most MOST_SENTENCES, each with a letter."""
    found: list[str] = []
    begin = 0
    for match in BREAK.finditer(text):
        end = match.end()
        space = match[1] or match[2] or match[3] or ""
        following = text[end + len(match[1] or "") :][:1]
        sentence = text[begin : match.start()] if space and not match[1] else text[begin:end]
        if not space and sentence.endswith("“"):  # it opens what a Chinese text says next
            sentence, end = sentence[:-1], end - 1
        if match[3] and len(sentence) < PHRASE:
            continue
        if following and not ends_sentence(sentence, space, following):
            continue
        add_sentence(found, sentence)
        begin = end
        if len(found) >= MOST_SENTENCES:
            return found[:MOST_SENTENCES]
    add_sentence(found, text[begin:])
    return found[:MOST_SENTENCES]


def add_sentence(found: list[str], sentence: str) -> None:
    """Append a sentence, shortened to LONGEST_SENTENCE, unless it has no letter."""
    sentence = " ".join(sentence.split())
    if any(each.isalnum() for each in sentence):
        found.append(shortened(sentence))


def shortened(sentence: str) -> str:
    """The sentence in at most LONGEST_SENTENCE code points, cut at a pause or between words."""
    if len(sentence) <= LONGEST_SENTENCE:
        return sentence
    part = sentence[: LONGEST_SENTENCE - 1]
    pauses = [match.start() for match in PAUSE.finditer(part)]
    if pauses and pauses[-1] > LONGEST_SENTENCE // 2:
        return part[: pauses[-1]] + "…"
    space = part.rfind(" ")
    return (part[:space] if space > LONGEST_SENTENCE // 2 else part) + "…"


# ---- terms


def sentences_of(text: str, language: str) -> list[Sentence]:
    """The sentences of a text with their terms."""
    every = enumerate(sentences(text))
    return [Sentence(number, each, terms_of(each, language)) for number, each in every]


def terms_of(text: str, language: str) -> tuple[int, ...]:
    """The terms of a sentence in a language, each once, in order, at most MOST_TERMS."""
    found: dict[int, int] = {}
    for _, term in words_of(text, language):
        found[term & HASH] = found.get(term & HASH, 0) | term
    return tuple(found.values())[:MOST_TERMS]


def words_of(text: str, language: str) -> Iterator[tuple[str, int]]:
    """The words of a sentence that have a weight, or pairs of characters, with their terms."""
    closed = CLOSED.get(language, frozenset())
    first = True
    for match in WORD.finditer(normalised(text)):
        word = match[0]
        if any(map(glued, word)):
            for pair in pairs(word):
                yield pair, hashed(pair)
        else:
            folded = word.casefold()
            if folded not in closed and (len(folded) > 1 or folded.isdigit()):
                name = not first and word[0].isupper()
                yield word, hashed(stem(folded[:LONGEST_WORD], language)) | (NAME if name else 0)
        first = False


def pairs(run: str) -> list[str]:
    """The pairs of adjacent characters of a run, without those that say little.

    A run of one character is its own term.
    """
    run = run.casefold()
    if len(run) == 1:
        return [] if run in COMMON_CHARACTERS else [run]
    return [
        one + other
        for one, other in pairwise(run)
        if one not in COMMON_CHARACTERS and other not in COMMON_CHARACTERS
    ]


def hashed(term: str) -> int:
    """A term as a number, the same in every process."""
    return zlib.crc32(term.encode()) & HASH


def stem(word: str, language: str) -> str:
    """The stem of a casefolded word."""
    found = snowball(word, language)
    if found is not None:
        return found
    return word if word.isdigit() else word[:STEM_LENGTH]
