"""A text in sentences, with what is quoted out of sight."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from inference.contract.world import LONGEST_SENTENCE
from inference.reply.sentences import ends_sentence

# A quotation that is never closed ends with its line.
QUOTED = re.compile(
    r'"[^"\n]*(?:"|$|(?=\n))|“[^”"\n]*(?:[”"]|$|(?=\n))|«[^»\n]*(?:»|$|(?=\n))'
    r'|„[^“”"\n]*(?:[“”"]|$|(?=\n))|「[^」\n]*(?:」|$|(?=\n))|『[^』\n]*(?:』|$|(?=\n))'
)
MARKS = '"“”„«»「」『』'
WORD = re.compile(r"(\s*)(\S+)")
HIDDEN = "\x00"
ENDS_IN_WORD = re.compile(r"[。！？]+[」』”’）]*")
LONGEST_TEXT = 6_000  # characters of a text that are read, from its end
LONGEST_READ = 600  # of one sentence, from its beginning: patterns are slow on long ones
# Longer than any name. Patterns for names try each of a word's letters again from every other.
LONGEST_WORD = 60
SPACE = re.compile(r"\s+")
LONG_WORD = re.compile(rf"([A-Za-z0-9À-ɏͰ-֏'’_-]{{{LONGEST_WORD}}})[A-Za-z0-9À-ɏͰ-֏'’_-]+")


class Sentence(NamedTuple):
    """A sentence, and how it is told: with `""` where someone is quoted."""

    text: str
    told: str
    quoted: tuple[str, ...]


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of `text`. A quotation ends none but the one around it."""
    text = bounded(text[-LONGEST_TEXT:])
    for begin, end in bounds(QUOTED.sub(hide, text)):
        whole = text[begin:end].strip()
        if whole:
            quoted = tuple(found[0].strip(MARKS) for found in QUOTED.finditer(whole))
            told = QUOTED.sub('""', whole).replace("’", "'")[:LONGEST_READ]
            yield Sentence(whole[:LONGEST_SENTENCE], told, quoted)


def bounded(text: str) -> str:
    """`text` with single spaces and line ends, and without what is beyond LONGEST_WORD of a word.

    Patterns take time by the square of both.
    """
    text = SPACE.sub(lambda found: "\n" if "\n" in found[0] else " ", text)
    return LONG_WORD.sub(r"\1", text)


def hide(found: re.Match[str]) -> str:
    """A quotation with nothing left but its marks and what ends it."""
    inside: str = found[0]
    if len(inside) < 3:
        return inside
    kept = inside[-2] if inside[-2] in ".!?…。！？" else HIDDEN
    return inside[0] + HIDDEN * (len(inside) - 3) + kept + inside[-1]


def bounds(hidden: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text begin and end."""
    begin = 0
    sentence = ""
    for found in WORD.finditer(hidden):
        space, word = found[1], found[2]
        if ends_sentence(sentence, space, word[0]):
            yield begin, found.start()
            begin, sentence = found.start(), ""
        sentence += space + word
        for cut in ENDS_IN_WORD.finditer(word):
            yield begin, found.start(2) + cut.end()
            begin, sentence = found.start(2) + cut.end(), word[cut.end() :]
    if begin < len(hidden):
        yield begin, len(hidden)


def has_word(text: str, word: str) -> bool:
    """Whether a text has a word, or its plural."""
    if re.search(r"[\u3040-\u9fff]", word):
        return word in text
    plain = re.escape(word.casefold().removesuffix("s"))
    return re.search(rf"(?<!\w){plain}s?(?!\w)", text.casefold()) is not None
