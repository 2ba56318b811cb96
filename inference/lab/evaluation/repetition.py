"""Repetition inside a reply, and of all that was told before it in its story. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
SENTENCE = re.compile(r"[^.!?…。！？\n]+")
LONG = 6  # words; a shorter sentence may come again
ROW = 8  # words in a row that stand in an earlier reply
PLAIN = 5  # of them that are no names


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


def repeats(reply: str, before: Iterable[str], action: str = "", names: Iterable[str] = ()) -> bool:
    """Whether it tells again, word for word, anything of the replies `before` it.

    That is ROW words in a row, a long sentence, or all that it says, however short. The words of
    the player's own action may come again, and so may `names`: a row counts that has PLAIN words
    besides.
    """
    own = words(reply)
    typed = set(runs(words(action), ROW)) | set(long_sentences(action))
    called = {word for name in names for word in words(name)}
    rows = {row for row in runs(own, ROW) if sum(word not in called for word in row) >= PLAIN}
    rows -= typed
    sentences = set(long_sentences(reply)) - typed
    sentences = {each for each in sentences if not set(each) <= called}
    for earlier in before:
        said = words(earlier)
        if own and own == said:
            return True
        if sentences.intersection(long_sentences(earlier)) or rows.intersection(runs(said, ROW)):
            return True
    return False


def distinct_3(replies: Iterable[str]) -> float:
    """Runs of three words that are there once or more, by all runs of three words; 1 for none."""
    found = [run for reply in replies for run in runs(words(reply), 3)]
    return len(set(found)) / len(found) if found else 1.0
