"""Whether a reply takes up what the player attempted. For English."""

import itertools
import re

from inference.contract.world import WorldChange
from inference.world.rules.english.words import ARTICLES, STOPS
from inference.world.rules.text import has_word, sentences

DENIED = re.compile(
    r"n't\b|\b(?:cannot|not|no|never|nothing|nobody|too \w+|stuck|nailed"
    r"|but|out of reach|before you can"
    r"|stops? you|fails?|refuses?|faster|instead|holds? on|clings?|pulls? (?:it )?away"
    r"|slaps? your hand|tr(?:y|ies|ied) to|slips? (?:from|out of|through)|in vain|reach(?:es)? for"
    r"|grasps? at)\b",
    re.IGNORECASE,
)
PRONOUN = re.compile(r"\b(?:it|them|they)\b", re.IGNORECASE)
CONTENT = re.compile(r"[^\W\d_]{3,}")


def accepted(change: WorldChange, action: str, reply: str) -> bool:
    """Whether a reply goes on as if what an attempt would change had happened.

    It denies nothing where it begins, and mentions the thing or place without denying anything in
    that sentence, or says "it", or is about something else that the action has.
    """
    if change.part not in ("thing", "place"):
        return False
    told = [each.told for each in sentences(reply)]
    narrated = [each for each in told if each.strip('" .,')]
    if not narrated or DENIED.search(narrated[0]):
        return False
    name = change.name or change.value
    head = name.split()[-1]
    for mention, following in itertools.pairwise([*told, ""]):
        if has_word(mention, head):
            more = following if PRONOUN.match(following) else ""
            return DENIED.search(f"{mention} {more}") is None
    if change.part == "place":
        return False
    if PRONOUN.search(narrated[0]):
        return True
    others = {word.casefold() for word in CONTENT.findall(action)}
    others -= STOPS | ARTICLES | {head.casefold(), "take"}
    return any(has_word(each, word) for each in narrated[:2] for word in others)
