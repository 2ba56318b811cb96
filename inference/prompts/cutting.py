"""Truncates texts at words and sentences, and a story by blocks from its oldest end. Pure."""

import re
from collections.abc import Callable
from typing import Literal

from inference.prompts.parts import Line

Count = Callable[[str], int]
Keep = Literal["start", "end"]

CHARS_PER_TOKEN = 4


def trimmed(text: str, limit: int, count: Count, keep: Keep) -> str:
    """`text` in at most `limit` tokens, cut between sentences if possible, else between words."""
    if not text or count(text) <= limit:
        return text
    low, high = 0, len(text)  # bounds of the number of characters that fit
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(end_of(text, middle, keep)) <= limit else (low, middle)
    if not low:
        return ""
    part = whole_words(end_of(text, low, keep), keep)
    while part and count(part) > limit:  # fewer characters are not always fewer tokens
        part = end_of(part, len(part) * 9 // 10, keep) if len(part) > 1 else ""
    return part


def end_of(text: str, length: int, keep: Keep) -> str:
    """The first `length` characters, or the last ones."""
    return text[:length] if keep == "start" else text[len(text) - length :]


def whole_words(part: str, keep: Keep) -> str:
    """`part` without the sentence or word at the cut."""
    if keep == "start":
        ends = [match.end() for match in re.finditer(r"[.!?…。！？][\"”’)」]*(?=\s|$)|\n", part)]
        if ends and ends[-1] > len(part) * 0.7:
            return part[: ends[-1]].rstrip()
        space = part.rfind(" ")
        return part[:space].rstrip() if space > len(part) * 0.7 else part
    return after_a_break(part, len(part) * 3 // 10)


def after_a_break(text: str, within: int) -> str:
    """`text` from the first sentence, or else word, that begins within so many characters."""
    head = text[:within]
    found = re.search(r"[.!?…][\"”’)]*\s+|[。！？]+[」』”’]?|\n+", head) or re.search(r"\s+", head)
    return text[found.end() :] if found else text


def chars_per_token(story: tuple[Line, ...], count: Count) -> float:
    """The mean characters per token of the story's first line, between 0.25 and 8.

    The first line stays the same when the story grows.
    """
    first = story[0].text[:2000] if story else ""
    ratio = len(first) / max(1, count(first)) if first else CHARS_PER_TOKEN
    return min(max(ratio, 0.25), 8)


def without_blocks(story: tuple[Line, ...], blocks: int, block: int) -> tuple[Line, ...]:
    """The story from the first sentence after `blocks` blocks of `block` characters.

    Blocks are in characters, since counting the tokens of a long story each turn is slow.
    """
    skip = blocks * block
    for index, line in enumerate(story):
        if skip <= 0:
            return story[index:]
        if skip < len(line.text) and line.by == "narrator":
            rest = after_a_break(line.text[skip:], block // 2).strip()
            if not rest:
                return story[index + 1 :]
            cut = line._replace(text=rest, skip=len(line.text.rstrip()) - len(rest))
            return (cut, *story[index + 1 :])
        skip -= len(line.text)
    return ()


def common_front(one: str, other: str) -> int:
    """The length of the common prefix of two texts, in characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[:middle]):
            low = middle
        else:
            high = middle - 1
    return low
