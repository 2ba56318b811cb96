"""Puts a space back between two words: "the samevoice".

A sampler that forbids " voice" after "the same" (DRY does, where both stood there before) leaves
the model "voice", the same word without its space.
"""

import itertools
import re
from collections.abc import Sequence

from inference.reply.draft import Draft
from inference.reply.rules.rule import Rule

WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # "ship's" is one
WORD = re.compile(r"([^\w]*)([^\W\d_]+)(.*)", re.DOTALL)
SHORTEST = 5  # letters of the two
# Words that are two others with another meaning: "may be", and "maybe".
COMPOUND_WORDS = """
    almost already alright also altogether always another anybody anymore anyone anything anyway
    anywhere became become before behind belong below beside between beyond cannot downstairs
    everybody everyday everyone everything everywhere forever goodbye herself himself however indeed
    inside instead into itself maybe meanwhile myself nobody nothing nowhere onto outside overboard
    overhead overlook somebody someday somehow someone something sometime sometimes somewhat
    somewhere themselves throughout today together tonight towards underground understand upon
    upstairs whatever whenever whereas wherever whoever withdraw within without yourself
"""
COMPOUNDS = frozenset(COMPOUND_WORDS.split())


class JoinedWords(Rule):
    """Parts a word that nobody wrote, and that is two words which stand beside each other there."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` are those of the prompt.

        They are read here, on the turn's own thread: long ones take 40 ms, and words are heard on
        the one thread that brings those of all stories.
        """
        self._pairs = pairs_in(texts)

    def reword(self, word: str, draft: Draft) -> str:
        """A word that is two adjacent words of the prompt, with a space between them."""
        found = WORD.fullmatch(word)
        if found is None or len(found[2]) < SHORTEST:
            return word
        first = self._pairs.get(found[2].lower())
        if first is None:
            return word
        front, joined, end = found.groups()
        return f"{front}{joined[:first]} {joined[first:]}{end}"


def pairs_in(texts: Sequence[str]) -> dict[str, int]:
    """The length of the first of two words that stand beside each other, by both as one.

    In lower case, without those that are a word somewhere in `texts`.
    """
    pairs: dict[str, int] = {}
    single: set[str] = set()
    for text in texts:
        words = WORDS.findall(text.lower())
        single.update(words)
        pairs.update(
            (one + other, len(one))
            for one, other in itertools.pairwise(words)
            if min(len(one), len(other)) > 1  # "a long" is not "along"
        )
    for word in (single | COMPOUNDS).intersection(pairs):
        del pairs[word]
    return pairs
