"""Words of a narrator who slips into the first person, in the second. Pure; for English.

"You're right, I did see my hat" becomes "You're right, you did see your hat" before it is shown.
Sentences and clauses that begin with "I" are not mended here: who tells them is somebody else.
"""

import re

from inference.reply.scaffolding import clause_by_i

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


class Voice:
    """Hears a reply's words outside quotation, and says how each is told."""

    def __init__(self) -> None:
        self._after_i = False

    def hear(self, word: str, before: str) -> str:
        """`word` as it is told, where `before` is what its sentence has said."""
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
