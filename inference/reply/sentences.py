"""Where sentences end, in several scripts.

Thai and Lao have no mark for it: they put a space between phrases. There a space ends a sentence
once PHRASE characters stand before it, so that a reply has places to end.
"""

import re
import unicodedata
from functools import lru_cache

from inference.reply.characters import letters, spaceless

STOPS = ".!?…。！？｡．！？‼⁇⁈⁉।॥؟۔։՞።፧။၊។៕།༎᠃᠉"
CLOSING = "\"'”’»)\\]」』】）›“"
END = re.compile(rf"(?:[{STOPS}]|(?<=[\u0370-\u03ff])[;·])+[{CLOSING}]*$")
END_WITHOUT_SPACE = re.compile(rf"[。！？｡]+[{CLOSING}]*$")
PAUSES = ",;:—–-，、；："
CLOSERS = "\"'”’»)]」』】），、。！？"
PHRASE = 40
LONG_SENTENCE = 25  # letters, from which a sentence is not told twice by chance
WHOLE_SENTENCE = re.compile(rf"[{STOPS}]+[{CLOSING}]*(?=\s|$)")
QUOTED_WORD = re.compile(rf"([^\W_])([{CLOSING}]+)$")
TAIL = 60  # characters at its end that say whether it ended

# A name or a number goes on after these.
ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“‘'-])(?:Mr|Mrs|Ms|Mx|Messrs|Dr|St|Ste|Mt|Ft|Prof|Capt|Cpt|Lt|Sgt|Cpl|Col|Gen|Maj|Cmdr"
    r"|Rev|Fr|Hon|Gov|Sen|Rep|Pres|Mme|Mlle|Hr|Frl|Sra?|Srta|Dra?|Ud|vs|ca|approx|bzw|bspw|usw|z\.B|d\.h"
    r"|e\.g|i\.e|cf|viz|[A-HJ-Z]|[A-Z]\.[A-Z]|[А-Я]|[а-я]|(?:[A-Z]\.)+[A-Z])\.$"
)
# These may also be the last of a sentence: a capital letter after them begins another.
LAST_OR_NOT = re.compile(
    r"(?:^|[\s(\"“‘'])(?:etc|Jr|Sr|Inc|Ltd|Co|Bros|Ave|Rd|a\.m|p\.m|A\.D|B\.C|usw|al)\.$"
)
BEFORE_A_NUMBER = re.compile(r"(?:^|[\s(\"“‘'])(?:No|Nos|Nr|Vol|Fig|Ch|pp?|Op|Art|Sec)\.$")


def ends_sentence(sentence: str, space: str, following: str) -> bool:
    """Whether `sentence` ends before `space` and the character `following`."""
    if not sentence:
        return False
    if "\n" in space:
        return True
    if not space:
        return END_WITHOUT_SPACE.search(sentence[-TAIL:]) is not None and following not in CLOSERS
    length, sentence = len(sentence), sentence[-TAIL:]
    found = END.search(sentence)
    if found is None:
        return phrase_by_phrase(sentence[-1]) and length >= PHRASE and following not in "ๆໆฯ"
    if LAST_OR_NOT.search(sentence):
        return not (following.islower() or following.isdigit())
    if ABBREVIATION.search(sentence):
        return False
    if BEFORE_A_NUMBER.search(sentence):
        return not following.isdigit()
    # '"Who is there?" you ask', "the dark… and the cold": the sentence goes on.
    going_on = found[0][-1] in CLOSING.replace("\\", "") or found[0].startswith(("...", "…"))
    return not (going_on and following.islower())


def phrase_by_phrase(each: str) -> bool:
    """Whether `each` is Thai or Lao."""
    return 0x0E00 <= ord(each) <= 0x0EFF


def whole_sentences(text: str) -> str:
    """`text` without the beginning of a sentence at its end; all of it where there is no other."""
    ends = [found.end() for found in WHOLE_SENTENCE.finditer(text)]
    return text[: ends[-1]] if ends else text


def parts_of(reply: str) -> list[str]:
    """A reply in sentences, without the marks that close quotations."""
    return re.split(r"(?<=[.!?…。！？।])[\"”’)」]*\s*|\n+", reply)


# A story is compared with every reply to it.
@lru_cache(maxsize=2048)
def long_sentences_of(reply: str) -> tuple[str, ...]:
    """The long sentences of a reply, as letters."""
    found = map(letters, parts_of(reply))
    return tuple(sentence for sentence in found if is_long(sentence))


def is_long(sentence: str, least: int = LONG_SENTENCE) -> bool:
    """Whether a sentence, given as letters, is too long to be told twice by chance."""
    return len(sentence) + 2 * sum(map(spaceless, sentence)) >= least


def ended(sentence: str) -> str:
    """The sentence with an end: the narrator would otherwise go on writing it."""
    return sentence if END.search(sentence) else f"{sentence}."


def end_mark(last: str) -> str:
    """What ends a sentence whose last character is `last`; nothing where its script has no mark."""
    if phrase_by_phrase(last):
        return ""
    name = unicodedata.name(last, "")
    for script, mark in MARKS.items():
        if name.startswith(script):
            return mark
    return "。" if ord(last) >= 0x2E80 and not name.startswith("HANGUL") else "."


def with_end_in_quotation(text: str) -> str:
    """`text`, with an end before the quotation marks that follow its last word."""
    return QUOTED_WORD.sub(lambda found: f"{found[1]}{end_mark(found[1])}{found[2]}", text)


MARKS = {
    "DEVANAGARI": "।",
    "BENGALI": "।",
    "GURMUKHI": "।",
    "ARMENIAN": "։",
    "ETHIOPIC": "።",
    "MYANMAR": "။",
    "KHMER": "។",
    "TIBETAN": "།",
    "HANGUL": ".",
    "MATHEMATICAL": ".",
    "EMOJI": ".",
}
