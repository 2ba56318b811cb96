"""Which texts are the same, nearly the same, or share a run of words. Pure.

By shingles (Broder 1997): the runs of so many words that a text has, wherever they stand.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations

NEAR_WORDS = 5  # words in a shingle
NEARLY = 0.25  # of the shorter one's shingles: nearly the same
RUN_WORDS = 10  # a run that two stories do not have in common by chance

# Of scripts that put no spaces between words every character counts, and two of them as one word.
CHARACTER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def shingles(text: str, words: int = NEAR_WORDS) -> frozenset[tuple[str, ...]]:
    """The runs of `words` words in `text`, without case and marks; of a shorter text, itself."""
    found = [word.casefold().replace("’", "'") for word in WORD.findall(text)]
    characters = CHARACTER.findall(text)
    if len(characters) > len(found):
        found, words = characters, words * 2
    last = max(1, len(found) - words + 1)
    return frozenset(tuple(found[place : place + words]) for place in range(last))


def alike(texts: Mapping[str, str], words: int = NEAR_WORDS) -> dict[tuple[str, str], float]:
    """For each two names that share a shingle: which part of the shorter one's they share."""
    sets = {name: shingles(text, words) for name, text in texts.items()}
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, found in sets.items():
        for shingle in found:
            holders[shingle].append(name)
    shared: dict[tuple[str, str], int] = defaultdict(int)
    for names in holders.values():
        for pair in combinations(names, 2):
            shared[pair] += 1
    return {
        (one, other): count / min(len(sets[one]), len(sets[other]))
        for (one, other), count in sorted(shared.items())
    }


def common_run(one: str, other: str, words: int = RUN_WORDS) -> str:
    """A run of `words` words that both texts have; empty where there is none."""
    both = {run for run in shingles(one, words) & shingles(other, words) if len(run) >= words}
    return " ".join(min(both)) if both else ""
