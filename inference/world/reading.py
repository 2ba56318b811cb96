"""What a narrator reads of the state of the world from the newest turn.

Pure. docs/world.md describes it. The narrator is asked about people and things that the state has
already and that the turn names. Each has one word of a few as its answer, so that nothing can be
invented. (Measured with quill: asked for moods it calls everyone friendly, and asked about new
names it says that places are here. So neither is asked.)
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from inference.contract.output_format import OutputFormat
from inference.contract.questions import Question
from inference.contract.request import GenerationRequest, Passage
from inference.contract.sampling import SamplingParams
from inference.contract.world import Field, Part, World, WorldChange
from inference.reply import neutralise
from inference.words import SearchIndex, key_of
from inference.world.names import People
from inference.world.rules.text import sentences

MOST_ASKED = 3  # names in one question: each costs about eight tokens of answer
TOKENS_OF_A_NAME = 16  # of an answer, at most; longer names in other scripts are cut off and lost

HERE, AWAY, DEAD, LOST = "here", "away", "dead", "lost"
PEOPLE_TEXT = "{names} (here, away or dead)"
THINGS_TEXT = "{names} ({held} or lost)"
# With an example: without it, quill says that everybody is here and everything is carried.
TEXT = (
    "(Pause the story. Where is everyone and everything now, when the last reply has ended? As "
    'after "Anna walks out. Ben waits with you. You burn your map.": '
    '{{"Anna": "away", "Ben": "here", "map": "lost"}}. Now the same for {about})'
)


class UnreadableAnswer(Exception):
    """An answer is not what was asked for. The message has no words of it."""


@dataclass(frozen=True)
class Asked:
    """A name in the question; of a thing, how the player holds it."""

    name: str
    held: Literal["", "carried", "worn"] = ""

    @property
    def answers(self) -> tuple[str, ...]:
        """The words that may be answered."""
        return (self.held, LOST) if self.held else (HERE, AWAY, DEAD)


def names_asked(world: World, newest: Passage) -> tuple[Asked, ...]:
    """What is asked about after a turn; nothing where the turn names nothing that is known.

    `world` is the state before the turn. The dead, and what is lost, are not asked about: no
    reading brings them back. Nor is who is only spoken of.
    """
    told = " ".join(each.told for each in sentences(newest.reply))
    text = SearchIndex(told if newest.kind == "say" else f"{newest.action}\n{told}")
    alive = [each.name for each in world.people if each.life == "alive"]
    held = {each.name: each.held for each in world.things if each.held != "lost"}
    people = [Asked(name) for name in mentioned(alive, text)]
    things = [Asked(name, held[name]) for name in mentioned(list(held), text)]
    return tuple([*people[:2], *things[:2], *people[2:], *things[2:]][:MOST_ASKED])


def mentioned(names: Sequence[str], text: SearchIndex) -> list[str]:
    """The names that a text has, or another way to call them, the last mentioned first."""
    people = People(names)
    places: dict[str, int] = {}
    for name in names:
        keys = [key for way in people.called(name) if (key := key_of(way)) is not None]
        places[name] = max(map(text.last, keys), default=-1)
    return sorted((name for name in places if places[name] >= 0), key=lambda n: -places[n])


def question_of(following: GenerationRequest, asked: Sequence[Asked]) -> Question:
    """The question about these names, before the turn `following`."""
    groups = [
        (held, [each for each in asked if each.held == held]) for held in ("", "carried", "worn")
    ]
    about = []
    for held, group in groups:
        names = ", ".join(" ".join(neutralise(each.name).split()) for each in group)
        if group:
            about.append((THINGS_TEXT if held else PEOPLE_TEXT).format(names=names, held=held))
    ordered = [each for _, group in groups for each in group]  # as in the question
    schema = {
        "type": "object",
        "properties": {each.name: {"enum": list(each.answers)} for each in ordered},
        "required": [each.name for each in ordered],
        "additionalProperties": False,
    }
    return Question(
        request=following,
        text=TEXT.format(about=" ".join(about)),
        output=OutputFormat(json_schema=schema),
        sampling=SamplingParams(
            max_tokens=TOKENS_OF_A_NAME * len(ordered) + 8, temperature=0, repetition_penalty=1.0
        ),
    )


def changes_in(
    answer: str, asked: Sequence[Asked], world: World, newest: Passage
) -> tuple[WorldChange, ...]:
    """What an answer changes in the state before the turn. Raises UnreadableAnswer.

    What only says again what is known is left out.
    """
    try:
        found = json.loads(answer)
    except ValueError:
        raise UnreadableAnswer("the reading is no JSON") from None
    allowed = {each.name: each.answers for each in asked}
    if not isinstance(found, dict) or not all(found.get(n) in allowed[n] for n in allowed):
        raise UnreadableAnswer("the reading does not answer what was asked")
    changes: list[WorldChange] = []
    for each in asked:
        read = change_of(each, found[each.name], world)
        if read is not None:
            part: Part = "thing" if each.held else "person"
            field, value = read
            changes.append(
                WorldChange(
                    part=part,
                    name=each.name,
                    field=field,
                    value=value,
                    source="narrator",
                    sentence=sentence_about(each.name, newest),
                )
            )
    return tuple(changes)


def change_of(asked: Asked, answer: str, world: World) -> tuple[Field, str] | None:
    """The field that an answer changes, and its value; None where it says what is known."""
    if asked.held:
        return ("held", LOST) if answer == LOST else None
    if answer == DEAD:
        return "life", DEAD
    was_here = any(each.here for each in world.people if each.name == asked.name)
    return None if (answer == HERE) == was_here else ("here", "no" if was_here else "yes")


def sentence_about(name: str, newest: Passage) -> str:
    """The last sentence of the turn that has a name; the last one of all where none has."""
    told = [each.text for each in sentences(newest.reply)]
    about = [each for each in told if mentioned([name], SearchIndex(each))]
    return (about or told or [""])[-1]
