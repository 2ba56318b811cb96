"""Whether a story stands still: its newest reply brings hardly a word that is new. Pure."""

import itertools
import re
from collections.abc import Sequence

from inference.contract.request import Passage
from inference.reply.characters import spaceless

# In adventures that played themselves with quill and no reminder, half of the replies after the
# sixth turn have fewer new words; with the reminder always there, a third.
NEW_WORDS = 5
TURNS_BEFORE = 3
LONG_WORD = 4  # letters: shorter ones are "the", "and", "you" in most languages

WORD = re.compile(r"[^\W\d_]+")


def stands_still(story: Sequence[Passage]) -> bool:
    """Whether the newest turn's reply has few words that it does not share with its action and the
    turns before it. Of an opening, and where nothing was told, it is False.
    """
    if not story or story[-1].kind == "opening" or not story[-1].reply:
        return False
    newest, before = story[-1], story[-1 - TURNS_BEFORE : -1]
    texts = [newest.action, *itertools.chain.from_iterable((p.action, p.reply) for p in before)]
    known = set(itertools.chain.from_iterable(map(words_of, texts)))
    return len(set(words_of(newest.reply)) - known) < NEW_WORDS


def words_of(text: str) -> list[str]:
    """Its longer words in lower case; of scripts without spaces each two characters in a row."""
    found = []
    for word in WORD.findall(text.lower()):
        if any(map(spaceless, word)):
            found += [one + other for one, other in itertools.pairwise(word)]
        elif len(word) >= LONG_WORD:
            found.append(word)
    return found
