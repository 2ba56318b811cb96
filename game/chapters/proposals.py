"""Proposes where a chapter could end, and its title.

An automatic summary marks a place that the story has moved on from: a chapter is proposed there. A
proposal is computed when it is looked at, and nothing is stored.
"""

import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from uuid import UUID

from game.chapters.chapters import Section
from game.models import LONGEST_CHAPTER_TITLE, Turn
from game.play import tree
from inference.languages import CLOSED_ENGLISH as CLOSED
from inference.worker.summaries import WORD, sentences

MIN_TURNS = 8  # of a chapter that is proposed
MOST_TURNS = 60  # whose texts are read for a title
LONGEST_PROPOSED = 48  # code points
SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Proposal:
    """A chapter could end with this turn, whose place on the path is `number`."""

    turn: UUID
    number: int
    title: str


def proposal_for(sections: Sequence[Section]) -> Proposal | None:
    """A chapter that could be closed in the last section of a path, which is open."""
    if not sections or sections[-1].title:
        return None
    section = sections[-1]
    length = section.summary_place - section.start + 1
    if section.summary is None or length < MIN_TURNS:
        return None
    turns = tree.turns_in_order(tree.path_ids(section.summary, min(length, MOST_TURNS)))
    before = {each.title for each in sections}
    return Proposal(section.summary, section.summary_place, proposed_title(turns, before))


def proposed_title(turns: Sequence[Turn], before: Set[str] = frozenset()) -> str:
    """The name that is mentioned most and was no title `before`, else how the last turn begins."""
    counts = Counter(name for turn in turns for name in names_of(turn.reply))
    for name, times in counts.most_common():
        if times > 1 and name not in before:
            return name[:LONGEST_CHAPTER_TITLE]
    for turn in reversed(turns):
        for sentence in [*sentences(turn.reply)[:1], *sentences(turn.action)[:1]]:
            return shortened(sentence)
    return ""


def names_of(text: str) -> list[str]:
    """The names in a text: words with capitals that follow each other where no sentence begins."""
    found: list[str] = []
    for sentence in sentences(text):
        name: list[str] = []
        end = 0
        for match in list(WORD.finditer(sentence))[1:]:
            word = match[0]
            named = word[0].isupper() and len(word) > 1 and word.casefold() not in CLOSED
            if name and (not named or SPACES.fullmatch(sentence[end : match.start()]) is None):
                found.append(" ".join(name))
                name = []
            if named:
                name.append(word)
            end = match.end()
        if name:
            found.append(" ".join(name))
    return found


def shortened(sentence: str) -> str:
    """The beginning of a sentence, cut between words, without its last mark."""
    text = sentence.strip(" \"'“”‘’«»「」『』.!?…。！？")
    if len(text) <= LONGEST_PROPOSED:
        return text
    cut = text[: LONGEST_PROPOSED - 1]
    cut = cut.rsplit(" ", 1)[0] if " " in cut else cut
    return cut.rstrip(" ,;:–—，、") + "…"
