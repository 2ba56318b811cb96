"""What a reply should not say: the player's words, old or new, and sentences of the latest replies.

Small models answer "We don't have much time." with "We don't have much time.", and what they have
told once they tell for ever. Pure.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from inference.contract.request import Passage, StoryContext
from inference.reply.characters import spaceless

RECENT_REPLIES = 6
CLAUSE_END = re.compile(r"[.!?;:,…—。！？；：，、\n\"“”]+")
SENTENCE_END = re.compile(r"[.!?…。！？\n]+|[\"“”「」]")
QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|「([^」\n]+)」")
# What the player says is theirs to write. Forbidden, the model goes on with somebody else; left to
# the clean-up, the reply ends there.
PLAYER_SPEAKS = (
    "you say",
    "you ask",
    "you tell",
    "you reply",
    "you answer",
    "you shout",
    "you whisper",
)
# In words; in scripts without spaces in characters.
SHORTEST_CLAUSE = 3
SHORTEST_SENTENCE = 4
LONGEST = 200  # characters
MOST = 60


def echoes_for(context: StoryContext) -> tuple[str, ...]:
    """Phrases that the reply to the newest action should not have."""
    replies = [passage.reply for passage in context.story[-RECENT_REPLIES:] if passage.reply]
    phrases = [*said_in(context.action), *repeated_quotations(replies), *sentences_in(replies)]
    return (*PLAYER_SPEAKS, *tuple(dict.fromkeys(phrases))[:MOST])


def said_in(action: Passage) -> Iterator[str]:
    """The player's own words, by clauses."""
    if action.kind == "say":
        yield from long_enough(CLAUSE_END.split(action.action), SHORTEST_CLAUSE)


def sentences_in(replies: Sequence[str]) -> Iterator[str]:
    """The sentences of replies, from the latest on; what is quoted in one is apart from it."""
    for reply in reversed(replies):
        yield from long_enough(SENTENCE_END.split(reply), SHORTEST_SENTENCE)


def repeated_quotations(replies: Sequence[str]) -> Iterator[str]:
    """What was said in two replies, in quotation marks, however short."""
    said = Counter(
        each for reply in replies for each in {"".join(found) for found in QUOTED.findall(reply)}
    )
    yield from (each for each, times in said.items() if times > 1 and len(each) <= LONGEST)


def long_enough(texts: Iterable[str], least: int) -> Iterator[str]:
    """Those that are long enough to be noticed when they come again, and no whole speech."""
    for text in map(str.strip, texts):
        words = len(text) if any(map(spaceless, text)) else len(text.split())
        if words >= least and len(text) <= LONGEST:
            yield text
