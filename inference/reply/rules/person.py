"""Turns a narrator's first person into the second. For English.

"You're right, I did see my hat" becomes "You're right, you did see your hat" before it is shown.
Sentences and clauses that begin with "I" are not reworded: somebody else says them, and they are
left out (`speaking.py`).
"""

import re

from inference.reply.draft import Draft
from inference.reply.given import Given
from inference.reply.rules.clauses import JOINING, late
from inference.reply.rules.rule import Rule

WORDS = {
    "I": "you",
    "I'm": "you're",
    "I've": "you've",
    "I'll": "you'll",
    "I'd": "you'd",
    "me": "you",
    "my": "your",
    "My": "Your",
    "myself": "yourself",
}
AFTER_I = {"am": "are", "was": "were", "wasn't": "weren't"}
WORD = re.compile(r"([(\[—–-]*)([A-Za-z]+(?:['’][a-z]+)?)([\])—–.,;:!?…-]*)")
TURNS_TO_I = re.compile(rf" {JOINING}(?: then)? i(?:'(?:m|ve|ll|d))?$")
FIRST_PERSON = re.compile(r"i(?:'(?:m|ve|ll|d))?(?: |$)(?!\.)")


class SecondPerson(Rule):
    """Rewords "I" and "my" outside quotation to "you" and "your"."""

    def __init__(self, given: Given) -> None:
        self._may_say_i = given.in_first_person
        self._after_i = False

    def reword(self, word: str, draft: Draft) -> str:
        """ "you" for "I" and the like, outside quotation."""
        if draft.marks or self._may_say_i or draft.quotation == "closed":
            return word
        return self.hear_word(word, draft.sentence)

    def hear_word(self, word: str, before: str) -> str:
        """`word` as it is shown; `before` is the sentence before it."""
        after_i, self._after_i = self._after_i, False
        found = WORD.fullmatch(word)
        if found is None:
            return word
        front, bare, end = found.groups()
        plain = bare.replace("’", "'")
        if after_i and plain in AFTER_I:
            return front + AFTER_I[plain] + end
        if plain not in WORDS or (plain.startswith("I") and not self._of_player(before, end, word)):
            return word
        self._after_i = plain == "I"
        told = WORDS[plain]
        return front + (told.replace("'", "’") if "’" in bare else told) + end

    def _of_player(self, before: str, end: str, word: str) -> bool:
        """Whether an "I" inside a sentence is someone, and not a number or the sentence's own."""
        if not before or end[:1] == ".":
            return False
        last = before.split()[-1]
        numbered = last[0].isupper() and len(before.split()) > 1
        return not numbered and not clause_by_i(f"{before} {word}".lower().replace("’", "'"))


def clause_by_i(said: str) -> bool:
    """Whether a later clause at the end of `said` begins with "I"."""
    return TURNS_TO_I.search(late(said)) is not None


def in_first_person(said: str) -> bool:
    """Whether the narrator's own sentence begins with "I"."""
    return FIRST_PERSON.match(said) is not None
