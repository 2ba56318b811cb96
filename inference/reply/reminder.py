"""Whether a sentence says what a narrator was reminded of. Pure; for English.

Small models read their instructions aloud, and in their own words: "The others and the world act as
usual." after "The others and the world act, and I act again after that." One such sentence in a
story makes the next one likely.
"""

import re

COMMON_WORDS_TEXT = """
    a again an and are as at be but by do each every for from has have he her his i in is it its
    let me mine my next not now of on or she so that the their them then there they this to was
    were what who will with you your
"""
COMMON_WORDS = frozenset(COMMON_WORDS_TEXT.split())
SHARE = 0.5  # of a sentence's words that matter
LEAST = 2  # different words


def words_that_matter(text: str) -> list[str]:
    """Its words without the most common ones, in lower case, without a plural's s."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return [word.removesuffix("s") for word in words if word not in COMMON_WORDS]


def says_reminder(sentence: str, reminder: str) -> bool:
    """Whether half of what matters in a sentence stands in one sentence of the reminder.

    Of 2,409 sentences that quill told, it finds ten of the eleven that say it, and nothing else.
    """
    words = words_that_matter(sentence)
    for part in re.split(r"(?<=[.!?…])\s+", reminder):
        known = set(words_that_matter(part))
        same = [word for word in words if word in known]
        if len(set(same)) >= LEAST and len(same) >= SHARE * len(words):
            return True
    return False
