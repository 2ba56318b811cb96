"""The state of the world as sentences of a prompt: only what matters to the newest action. Pure.

The shapes are frozen, version 1 (docs/context.md): narrators learn them in training.
"""

from collections.abc import Iterator

from inference.contract.request import Passage, StoryContext
from inference.contract.world import Person, World
from inference.prompts.cutting import Count
from inference.prompts.parts import WorldLine
from inference.reply import neutralise
from inference.words import SearchIndex, folded, key_of

RECENT_TURNS = 2  # whose mentions count, beside the action's
HELD = {"carried": "You carry:", "worn": "You wear:", "lost": "You no longer have:"}

# What a fact is found by is longer than this, or no Latin word.
SHORT_WORD = 4


def world_lines(context: StoryContext, room: int, count: Count) -> tuple[WorldLine, ...]:
    """The sentences about the state that matter now, within `room` tokens, most important last.

    The dead and what was lost are told where the newest turns mention them, carried things too;
    place, present people and open aims always.
    """
    if context.world is None:
        return ()
    newest = SearchIndex("\n".join(map(text_of, context.story[-RECENT_TURNS:])))
    told = list(sentences(context.world, newest))
    # What the action alone makes important stands after all that was read ahead.
    known = {line.text for line in told}
    asked = [
        line._replace(by_action=True)
        for line in mentioned_sentences(context.world, SearchIndex(context.action.action))
        if line.text not in known
    ]
    kept = []
    for line in reversed([*told, *asked]):
        text = neutralise(line.text).strip()
        room -= count(text)
        if room < 0:
            break
        kept.append(line._replace(text=text))
    return tuple(reversed(kept))


def text_of(passage: Passage) -> str:
    """The texts of a turn."""
    return f"{passage.action}\n{passage.reply}"


def sentences(world: World, newest: SearchIndex) -> Iterator[WorldLine]:
    """The sentences in front of any action, in the order in which they stand in a prompt."""
    for text in world.hidden:
        yield WorldLine(ended(text), hidden=True)
    for text in world.aims:
        yield WorldLine(f"Open aim: {ended(text)}")
    if place := ", ".join(part for part in (world.place, world.time) if part):
        yield WorldLine(f"Place: {ended(place)}")
    here = [person for person in world.people if person.here and person.life == "alive"]
    if here:
        yield WorldLine(f"Here: {', '.join(map(with_mood, here))}.")
    yield from mentioned_sentences(world, newest)


def mentioned_sentences(world: World, text: SearchIndex) -> Iterator[WorldLine]:
    """The sentences that matter where a text mentions what they are about."""
    for fact in world.facts:
        if mentions_any(text, fact):
            yield WorldLine(ended(fact))
    for thing in world.things:
        if mentions(text, thing.name):
            yield WorldLine(f"{HELD[thing.held]} {thing.name}.")
    for person in world.people:
        if person.life != "alive" and mentions(text, person.name):
            yield WorldLine(f"{person.name} is {person.life}.")


def with_mood(person: Person) -> str:
    """The person's name, with the mood toward the player where it is known."""
    return f"{person.name} ({person.mood})" if person.mood else person.name


def ended(text: str) -> str:
    """`text` with a full stop where it has no end."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…", "。", "！", "？", '"', "”")) else f"{text}."


def mentions(searched: SearchIndex, name: str) -> bool:
    """Whether the text has the whole name, or its last word."""
    return any(found(searched, key) for key in (name, *name.split()[-1:]))


def mentions_any(searched: SearchIndex, text: str) -> bool:
    """Whether the text has a long word of a fact."""
    return any(found(searched, word) for word in words_of(text))


def words_of(text: str) -> list[str]:
    """The words of a fact by which it is found; pairs of characters where there are no spaces."""
    plain = folded(text)
    if " " not in plain:
        return [plain[index : index + 2] for index in range(max(1, len(plain) - 1))]
    words = (word.strip(".,;:!?\"'()") for word in plain.split())
    return [word for word in words if len(word) >= SHORT_WORD]


def found(searched: SearchIndex, text: str) -> bool:
    """Whether the text has these words."""
    key = key_of(text)
    return key is not None and searched.last(key) >= 0
