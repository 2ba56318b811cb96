"""Sentences that say what a narrator was reminded of (`reminder` in narrators.yaml). For English.

Small models read their instructions aloud, and in their own words: "The others and the world act as
usual." after "The others and the world act, and I act again after that." One such sentence in a
story makes the next one likely.
"""

import re

from inference.reply.draft import LONGEST_HELD, Draft
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict, leave_out

COMMON_WORDS_TEXT = """
    a again an and are as at be but by do each every for from has have he her his i in is it its
    let me mine my next not now of on or she so that the their them then there they this to was
    were what who will with you your
"""
COMMON_WORDS = frozenset(COMMON_WORDS_TEXT.split())
SHARE = 0.5  # of a sentence's words that matter
LEAST = 2  # different words


class ReminderSaid(Rule):
    """Leaves out sentences that say the reminder: at the start of a reply, and later ends it."""

    def __init__(self, reminder: str) -> None:
        self._parts = parts_of(reminder)

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold while half of the words are those of the reminder."""
        if unit.quoted or draft.marks or len(draft.held) >= LONGEST_HELD:
            return SHOW
        words = words_that_matter(unit.said)
        # A word that is not the reminder's, among few, and the sentence is one of the story.
        return HOLD if any(likeness(words, part) >= SHARE for part in self._parts) else SHOW

    def close(self, draft: Draft) -> Verdict:
        """Leave out a sentence that says the reminder."""
        return self.finish(draft) if draft.narrates else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The same for the last sentence."""
        return leave_out("echo") if says_any(draft.sentence, self._parts) else SHOW


def words_that_matter(text: str) -> list[str]:
    """Its words without the most common ones, in lower case, without a plural's s."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return [word.removesuffix("s") for word in words if word not in COMMON_WORDS]


def parts_of(reminder: str) -> list[set[str]]:
    """The words that matter of each of its sentences."""
    return [set(words_that_matter(part)) for part in re.split(r"(?<=[.!?…])\s+", reminder)]


def likeness(words: list[str], part: set[str]) -> float:
    """The share of words that stand in a part of the reminder; 1 where there are no words yet."""
    return sum(word in part for word in words) / len(words) if words else 1.0


def says_reminder(sentence: str, reminder: str) -> bool:
    """Whether half of what matters in a sentence stands in one sentence of the reminder.

    Of 2,409 sentences that quill told, it finds ten of the eleven that say it, and nothing else.
    """
    return says_any(sentence, parts_of(reminder))


def says_any(sentence: str, parts: list[set[str]]) -> bool:
    """The same, of a reminder's parts."""
    words = words_that_matter(sentence)
    return any(
        len(part.intersection(words)) >= LEAST and likeness(words, part) >= SHARE for part in parts
    )
