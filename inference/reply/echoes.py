"""Sentences that say nothing but what the player did, or next to nothing. Pure; for English.

"You light the lamps." is answered "You're lighting the lamps.", and the story stands still; a small
model that has told this once tells it for ever. What is left out is told again by the doctor.
"""

import re

WORD = re.compile(r"[a-z]+")
# Words with which a sentence says no more than the action does.
FILLING_WORDS = """
    you your yours yourself re ve ll d s t m i my me am are is be been being do does did have
    has had the a an this that these those it its of to at in on up down out and then now so
    just still slowly quickly carefully quietly begin begins start starts continue continues
    keep try tries decide decides manage go going get getting can will with by for from into as
    there here them him her his their all very
"""
FILLING = frozenset(FILLING_WORDS.split())
ENDINGS = ("ing", "ed", "es", "s", "e")
SHORTEST = 3  # letters that an ending leaves
THIN = 4  # words that a reply of "You wait here." has at most


def says_again(sentence: str, action: str) -> bool:
    """Whether a sentence outside quotation has no word of its own beside those of the action."""
    said = stems(sentence)
    return bool(said) and said <= stems(action)


def thin(sentence: str) -> bool:
    """Whether it says of the player what is hardly worth a turn: "You're waiting."."""
    words = WORD.findall(sentence.lower().replace("’", "'").replace("'re", ""))
    return bool(words) and words[0] == "you" and len(words) <= THIN


def stems(text: str) -> set[str]:
    """The words that say something, without their endings: "lighting" and "lights" as "light"."""
    words = WORD.findall(text.lower().replace("’", "'"))
    return {stem(word) for word in words if word not in FILLING}


def stem(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            word = word.removesuffix(ending)
            doubled = ending in ("ing", "ed") and len(word) > SHORTEST and word[-1] == word[-2]
            return word[:-1] if doubled else word
    return word
