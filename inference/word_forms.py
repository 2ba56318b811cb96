"""Whether two words are ordinary forms of one: lantern and lanterns, маяк and маяка, Zoe and Zoë.

Words are casefolded. Pure; the stems are Snowball's.
"""

import re
import unicodedata
from functools import cache, lru_cache
from threading import Lock
from typing import Any

from inference.languages import BY_SCRIPT, language_of

SHORTEST = 3  # letters of a word that has other forms: "it" is not "its"
LONGEST_ENDING = 3  # letters that the shorter of two words may have after what they share
LANGUAGE_SAMPLE = 400  # characters of a text, by which its language is told

# Letters that are no variants of others in a language: in Spanish "año" is not "ano".
LETTERS = {
    "german": "äöü",
    "swedish": "åäö",
    "finnish": "åäö",
    "danish": "å",
    "norwegian": "å",
    "hungarian": "áéíóöőúüű",
    "turkish": "çğöşü",
    "spanish": "ñ",
    "polish": "ąćęńóśźż",
}
WITH_S = ("spanish", "french", "portuguese")  # languages of plurals in s
ALIKE = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})
TONES = re.compile("[\u0309\u031b\u0323]")  # of Vietnamese, where each makes another word
MARKS = re.compile("[\u0300-\u036f]")

ENDINGS = frozenset(("", "s", "es", "y", "ies", "e", "d", "ed", "ied", "ing"))  # of English
IRREGULAR = {
    **{"men": "man", "children": "child", "mice": "mouse", "lice": "louse", "geese": "goose"},
    **{"feet": "foot", "teeth": "tooth", "oxen": "ox", "wolves": "wolf", "elves": "elf"},
    **{"shelves": "shelf", "dwarves": "dwarf", "knives": "knife", "thieves": "thief"},
    **{"wives": "wife", "lives": "life", "leaves": "leaf", "loaves": "loaf", "halves": "half"},
    **{"calves": "calf", "hooves": "hoof", "scarves": "scarf", "wharves": "wharf"},
}
PLURAL = re.compile(rf"(.*?)({'|'.join(sorted(IRREGULAR, key=len, reverse=True))})")

stemming = Lock()  # a stemmer keeps the word that it works on


@cache
def stemmer_for(language: str) -> Any:
    """Snowball's stemmer of a language; None without one."""
    import snowballstemmer  # noqa: PLC0415  the tables of 34 languages, which few processes need

    if language not in snowballstemmer.algorithms():
        return None
    return snowballstemmer.stemmer(language)


@lru_cache(maxsize=50_000)
def snowball(word: str, language: str) -> str | None:
    """The stem of a casefolded word; None in a language without a stemmer. Cached."""
    with stemming:
        stemmer = stemmer_for(language)
        return None if stemmer is None else str(stemmer.stemWord(word))


@lru_cache(maxsize=100_000)
def same_word(one: str, other: str, language: str) -> bool:
    """Whether two casefolded words are forms of one in a language. Cached."""
    if one == other:
        return True
    bare_one, bare_other = bare(one, language), bare(other, language)
    if min(len(bare_one), len(bare_other)) < SHORTEST:
        return False
    if bare_one == bare_other:
        return True
    if language in WITH_S and bare_one.removesuffix("s") == bare_other.removesuffix("s"):
        return True  # of short words the stem has the s: "años"
    shared = shared_start(bare_one, bare_other)
    if language == "english":
        return english_forms(bare_one, bare_other, shared)
    if shared < max(SHORTEST, min(len(bare_one), len(bare_other)) - LONGEST_ENDING):
        umlaut = language == "german" and len(one) != len(other)  # Haus, Häuser; not schon, schön
        return umlaut and same_stem(one, other, language)
    return same_stem(one, other, language)


def shared_start(one: str, other: str) -> int:
    """How many letters two words begin with together."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def same_stem(one: str, other: str, language: str) -> bool:
    """Whether two words have one stem, whatever marks are on it."""
    stem = snowball(one, language)
    if stem is None:
        return False
    return bare(stem, language) == bare(snowball(other, language) or "", language)


def english_forms(one: str, other: str, shared: int) -> bool:
    """Whether two English words differ in a plural or an ending of a verb alone.

    Stems alone are not enough: "universe" and "university" have the same one.
    """
    if singular(one) == singular(other):
        return True
    if shared < SHORTEST:
        return False
    if {one[shared:], other[shared:]} == {"", "e"}:  # Ann, Anne
        return False
    for word in (one, other):
        ending = word[shared:]
        doubled = ending[:1] == word[shared - 1] and ending[1:] in ("ed", "ing")
        if ending not in ENDINGS and not doubled:
            return False
    return snowball(one, "english") == snowball(other, "english")


def singular(word: str) -> str:
    """The singular of an English word with an irregular plural, also at its end; others as is."""
    found = PLURAL.fullmatch(word)
    return found[1] + IRREGULAR[found[2]] if found else word


def bare(word: str, language: str = "") -> str:
    """A word without the accents that people leave out in this language."""
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFD", word)
    if TONES.search(apart):
        return word
    kept = LETTERS.get(language, "")
    if kept:
        return "".join(each if each in kept else without_marks(each) for each in word)
    return without_marks(word)


def without_marks(text: str) -> str:
    """A text without accents. Of Cyrillic й the mark stays: it makes another letter."""
    apart = unicodedata.normalize("NFD", text.translate(ALIKE)).replace("и\u0306", "й")
    return unicodedata.normalize("NFC", MARKS.sub("", apart))


def language_for(key: str, text: str) -> str:
    """The language in which a key has forms: by its script, or else that of its card's text."""
    foreign = next((each for each in key if ord(each) > 0x24F and each.isalpha()), "")
    if foreign:
        return BY_SCRIPT.get(unicodedata.name(foreign, "").split(" ")[0], "")
    return latin_language(text[:LANGUAGE_SAMPLE])


@lru_cache(maxsize=20_000)
def latin_language(text: str) -> str:
    """The language of a text in Latin letters; English where nothing tells. Cached."""
    language = language_of(text, "english")
    return "english" if language in BY_SCRIPT.values() else language
