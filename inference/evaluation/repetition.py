"""Repetition inside a reply, against those before it, and in all of a story. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
SENTENCE = re.compile(r"[^.!?…。！？\n]+")
LONG = 6  # words; a shorter sentence may come again
ROW = 10  # words in a row that stand in an earlier reply
SHARE = 0.5  # of a reply's runs of four words that stand in one earlier reply


def words(text: str) -> list[str]:
    return [word.casefold().replace("’", "'") for word in WORD.findall(text)]


def runs(said: Sequence[str], length: int) -> list[tuple[str, ...]]:
    """All runs of `length` words, in order."""
    return [tuple(said[place : place + length]) for place in range(len(said) - length + 1)]


def long_sentences(text: str) -> list[tuple[str, ...]]:
    found = (tuple(words(sentence)) for sentence in SENTENCE.findall(text))
    return [sentence for sentence in found if len(sentence) >= LONG]


def loops(reply: str) -> bool:
    """Whether it goes in circles: four words three times, or a long sentence twice."""
    counted = Counter(runs(words(reply), 4))
    sentences = long_sentences(reply)
    phrases = (run for run, times in counted.items() if times >= 3)
    # "No, no, no, no" is no loop yet.
    return any(len(set(run)) > 1 for run in phrases) or len(set(sentences)) < len(sentences)


def repeats(reply: str, recent: Iterable[str]) -> bool:
    """Whether it tells again what one of `recent` has told.

    That is a long sentence, ROW words in a row, SHARE of all that it says, or all of it, however
    short.
    """
    own = words(reply)
    sentences, rows, fours = set(long_sentences(reply)), set(runs(own, ROW)), runs(own, 4)
    for earlier in recent:
        said = words(earlier)
        if own and own == said:
            return True
        known = set(runs(said, 4))
        if sentences & set(long_sentences(earlier)) or rows & set(runs(said, ROW)):
            return True
        if len(fours) >= LONG and sum(four in known for four in fours) > SHARE * len(fours):
            return True
    return False


def distinct_3(replies: Iterable[str]) -> float:
    """Runs of three words that are there once or more, by all runs of three words; 1 for none."""
    found = [run for reply in replies for run in runs(words(reply), 3)]
    return len(set(found)) / len(found) if found else 1.0
