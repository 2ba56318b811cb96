"""What a narrator reads of the state of the world from the newest turn.

Pure. docs/world.md describes it. The narrator is asked about known names only: people and things of
the state, cards, and names in the turn's own text. Each has one word of a few as its answer, so
that nothing can be invented.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from inference.contract.output_format import OutputFormat
from inference.contract.questions import Question
from inference.contract.request import Card, GenerationRequest, Passage
from inference.contract.sampling import SamplingParams
from inference.contract.world import LONGEST_NAME, World, WorldChange
from inference.prompts.cards import SearchIndex, folded, key_of
from inference.reply import neutralise
from inference.world.names import People, are_people, names_in
from inference.world.rules.text import sentences

MOST_ASKED = 4  # names in one question: each costs about eight tokens of answer
TOKENS_OF_A_NAME = 16  # of an answer, at most; longer names in other scripts are cut off and lost

# Inside English sentences hardly one word in ten has a capital, in German every fourth.
LEAST_WORDS, MOST_CAPITALS = 12, 0.14

MOODS = ("friendly", "wary", "hostile", "afraid")
CALM, AWAY, DEAD, NEITHER = "calm", "away", "dead", "neither"
PERSON = (*MOODS, CALM, AWAY, DEAD)
THING = ("carried", "worn", "lost")

PEOPLE_TEXT = "{names}: friendly, wary, hostile, afraid or calm if with me now, else away or dead."
UNKNOWN_TEXT = "{names}: the same, or neither if no person."
PEOPLE_OR_NOT_TEXT = PEOPLE_TEXT.removesuffix(".") + ", or neither if no person."
THINGS_TEXT = "{names}: carried, worn or lost by me."
TEXT = (
    "(Pause the story. How are things now, after the last reply? One word each, as JSON. {about})"
)

What = Literal["person", "thing", "unknown"]


class UnreadableAnswer(Exception):
    """An answer is not what was asked for. The message has no words of it."""


@dataclass(frozen=True)
class Asked:
    """A name in the question, and what it is as far as is known."""

    name: str
    what: What

    @property
    def answers(self) -> tuple[str, ...]:
        """The words that may be answered."""
        if self.what == "thing":
            return THING
        return PERSON if self.what == "person" else (*PERSON, NEITHER)


def names_asked(
    world: World, newest: Passage, cards: Iterable[Card], player: Collection[str] = ()
) -> tuple[Asked, ...]:
    """What is asked about after a turn; nothing where the turn mentions nothing that is known.

    `world` is the state before the turn, `player` the words of the player's name. The dead, and
    what is lost, are not asked about: no reading brings them back. Nor is who is not mentioned:
    hidden entries of the state stay hidden.
    """
    told = " ".join(each.told for each in sentences(newest.reply))  # who is only spoken of is not
    text = SearchIndex(told if newest.kind == "say" else f"{newest.action}\n{told}")
    alive = [each for each in world.people if each.life == "alive"]
    people = mentioned([each.name for each in alive], text)
    things = mentioned([each.name for each in world.things if each.held != "lost"], text)
    known = [each.name for each in world.people] + [each.name for each in world.things]
    titles = mentioned([card.title for card in cards], text)
    new = unknown([*titles, *new_names(told)], [*known, *player])
    asked = [
        *(Asked(name, "person") for name in people[:2]),
        *(Asked(name, "thing") for name in things[:1]),
        *(Asked(name, "unknown") for name in new[:1]),
        *(Asked(name, "person") for name in people[2:]),
        *(Asked(name, "thing") for name in things[1:]),
    ]
    return tuple(asked[:MOST_ASKED])


def mentioned(names: Sequence[str], text: SearchIndex) -> list[str]:
    """The names that a text has, or another way to call them, the last mentioned first."""
    people = People(names)
    places: dict[str, int] = {}
    for name in names:
        keys = [key for way in people.called(name) if (key := key_of(way)) is not None]
        places[name] = max(map(text.last, keys), default=-1)
    return sorted((name for name in places if places[name] >= 0), key=lambda n: -places[n])


def new_names(text: str) -> list[str]:
    """What is written as a name in a text; nothing in languages that write nouns with capitals."""
    words = text.split()
    # The second of two words, where no sentence ends between them.
    inside = [word for before, word in pairwise(words) if before[-1].isalpha() or before[-1] == ","]
    capitals = sum(word[0].isupper() for word in inside)
    if len(words) >= LEAST_WORDS and capitals > MOST_CAPITALS * len(words):
        return []
    return are_people(names_in(text), text)


def unknown(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """The names that are no part of a known one, nor the other way round, each once."""
    seen = [f" {folded(each)} " for each in known]
    kept: list[str] = []
    for name in names:
        this = f" {folded(name)} "
        if len(name) <= LONGEST_NAME and not any(this in each or each in this for each in seen):
            seen.append(this)
            kept.append(name)
    return kept


def question_of(following: GenerationRequest, asked: Sequence[Asked]) -> Question:
    """The question about these names, before the turn `following`."""
    by_kind: dict[What, list[str]] = {"person": [], "unknown": [], "thing": []}
    for each in asked:
        by_kind[each.what].append(" ".join(neutralise(each.name).split()))
    templates: dict[What, str] = {
        "person": PEOPLE_TEXT,
        "unknown": UNKNOWN_TEXT if by_kind["person"] else PEOPLE_OR_NOT_TEXT,
        "thing": THINGS_TEXT,
    }
    about = [
        templates[what].format(names=", ".join(names)) for what, names in by_kind.items() if names
    ]
    # In the order in which they stand in the question.
    ordered = [each for what in by_kind for each in asked if each.what == what]
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

    What only says again what is known is left out, and so is a new name that is not with the
    player.
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
        read = found[each.name]
        if each.what == "thing":
            changes += changes_of_thing(each.name, read, world)
        else:
            changes += changes_of_person(each.name, read, world)
    return tuple(
        change.model_copy(update={"sentence": sentence_about(change.name, newest)})
        for change in changes
    )


def changes_of_thing(name: str, read: str, world: World) -> list[WorldChange]:
    """What an answer about a thing changes."""
    held = next(each.held for each in world.things if each.name == name)
    if read == held:
        return []
    return [WorldChange(part="thing", name=name, field="held", value=read, source="narrator")]


def changes_of_person(name: str, read: str, world: World) -> list[WorldChange]:
    """What an answer about a person, or a name that may be one, changes."""
    person = next((each for each in world.people if each.name == name), None)

    def change(field: Literal["life", "here", "mood"], value: str) -> WorldChange:
        return WorldChange(part="person", name=name, field=field, value=value, source="narrator")

    if read == NEITHER or (person is None and read in (AWAY, DEAD)):
        return []
    if read == DEAD:
        return [change("life", "dead")]
    if read == AWAY:
        return [change("here", "no")] if person is not None and person.here else []
    changes = [] if person is not None and person.here else [change("here", "yes")]
    mood = "" if read == CALM else read
    if mood != (person.mood if person else ""):
        changes.append(change("mood", mood))
    return changes


def sentence_about(name: str, newest: Passage) -> str:
    """The last sentence of the turn that has a name; the last one of all where none has."""
    told = [each.text for each in sentences(newest.reply)]
    about = [each for each in told if mentioned([name], SearchIndex(each))]
    return (about or told or [""])[-1]
