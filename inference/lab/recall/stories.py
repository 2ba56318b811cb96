"""Stories of 300 turns made from written material, with questions to what was told long ago.

README.md here describes them and says which ones may be used for what. A story is the same on every
machine: its material's seed decides what is drawn.
"""

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from inference.contract.plain import Plain
from inference.contract.request import Passage

FOLDER = Path(__file__).parent / "stories"
LENGTH = 300  # the number of the turn in which each question is asked, the opening being 0

Use = Literal["development", "scored"]
Shares = Literal["words", "name"]

SLOT = re.compile(r"<(\w+)>")
PRONOUNS = {
    "he": {"he": "he", "his": "his", "him": "him"},
    "she": {"he": "she", "his": "her", "him": "her"},
    "他": {"ta": "他"},
    "她": {"ta": "她"},
}
DRAWS = 50  # how often another sentence is drawn in place of one that was told already


class StoriesError(Exception):
    """What is wrong with a story's material, in one line."""


class Question(Plain):
    """What a player types in turn 300, and the turn that answers it.

    `newest` are the turns just before it: they take the place of the story's last ones. `answer`
    are words of the reply of turn `number` that stand nowhere else in the story. With `shares` of
    "words", the action and that turn have word stems in common (`words`: those of a language
    without spaces); with "name", nothing but the name `name`, which stands in many other turns.
    """

    number: int
    shares: Shares
    name: str = ""
    words: tuple[str, ...] = ()
    answer: str
    newest: tuple[Passage, ...]
    action: Passage


class Story(Plain):
    """The turns 0 (the opening) to 299 of an adventure, and the questions asked in turn 300."""

    id: str
    title: str
    language: str
    use: Use
    people: tuple[str, ...]
    turns: tuple[Passage, ...]
    questions: tuple[Question, ...]

    def path(self, question: Question) -> tuple[Passage, ...]:
        """The turns 0 to 299 that come before the question's action."""
        return self.turns[: LENGTH - len(question.newest)] + question.newest


class Written(Plain):
    """A turn as written in the material: what the player does or says, or neither to continue."""

    do: str = ""
    say: str = ""
    reply: str = ""

    def passage(self) -> Passage:
        if self.say:
            return Passage(kind="say", action=self.say, reply=self.reply)
        return Passage(kind="do" if self.do else "continue", action=self.do, reply=self.reply)


class Fact(Written):
    """A turn that answers a question, with that question."""

    answer: str
    shares: Shares
    name: str = ""
    words: tuple[str, ...] = ()
    newest: tuple[Written, ...] = Field(min_length=1)
    question: Written


class Move(Written):
    """An action that can be drawn for a turn, and the sentences that may answer it first."""

    replies: tuple[str, ...] = Field(min_length=2)


class Leg(Plain):
    """A place of the story, and what can happen there."""

    place: str
    people: tuple[str, ...] = Field(min_length=3)
    arrive: Written
    parts: tuple[str, ...] = Field(min_length=4)
    seen: tuple[str, ...]
    scenes: tuple[tuple[Written, ...], ...]
    facts: tuple[Fact, ...] = ()


class Material(Plain):
    """What a story is made from. `around` are sentences that fit every place."""

    title: str
    language: str
    use: Use
    seed: int
    opening: str
    people: dict[str, str]
    slots: dict[str, tuple[str, ...]]
    moves: tuple[Move, ...]
    around: tuple[str, ...]
    legs: tuple[Leg, ...] = Field(min_length=10, max_length=10)


class Deck:
    """Draws from a list in random order; shuffled again when it is used up."""

    def __init__(self, cards: Iterable[Any], chance: random.Random) -> None:
        self.cards = list(cards)
        self.chance = chance
        self.left: list[Any] = []

    def draw(self) -> Any:
        if not self.left:
            self.left = list(self.cards)
            self.chance.shuffle(self.left)
        return self.left.pop()


def names() -> tuple[str, ...]:
    """The ids of all stories."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load(name: str) -> Story:
    """The story of that id. Raises StoriesError where its material is not as it has to be."""
    path = FOLDER / f"{name}.yaml"
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        material = Material.model_validate(written)
    except OSError as error:
        raise StoriesError(f"There is no story {name}.") from error
    except yaml.YAMLError as error:
        raise StoriesError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoriesError(f"{path.name}: {where}: {first['msg']}") from error
    return Builder(name, material).build()


class Builder:
    """Makes the story of one material."""

    def __init__(self, name: str, material: Material) -> None:
        self.name = name
        self.material = material
        self.chance = random.Random(material.seed)  # noqa: S311 the same on every machine
        self.slots = {slot: self.deck(words) for slot, words in material.slots.items()}
        self.moves = self.deck((move, reply) for move in material.moves for reply in move.replies)
        self.around = self.deck(material.around)
        self.told: set[str] = set()  # sentences
        self.turns: list[Passage] = []
        self.numbers: dict[int, int] = {}  # by the id of a fact

    def deck(self, cards: Iterable[Any]) -> Deck:
        return Deck(cards, self.chance)

    def build(self) -> Story:
        material = self.material
        self.turns = [Passage(kind="opening", reply=material.opening)]
        length = LENGTH // len(material.legs)
        for place, leg in enumerate(material.legs):
            last = place == len(material.legs) - 1
            self.play_leg(leg, length - 1 if last else length)
        facts = [fact for leg in material.legs for fact in leg.facts]
        return Story(
            id=self.name,
            title=material.title,
            language=material.language,
            use=material.use,
            people=tuple(material.people),
            turns=tuple(self.turns),
            questions=tuple(self.question(fact) for fact in facts),
        )

    def question(self, fact: Fact) -> Question:
        return Question(
            number=self.numbers[id(fact)],
            shares=fact.shares,
            name=fact.name,
            words=fact.words,
            answer=fact.answer,
            newest=tuple(turn.passage() for turn in fact.newest),
            action=fact.question.passage(),
        )

    def play_leg(self, leg: Leg, length: int) -> None:
        """Arrive, then scenes, facts and drawn turns in random order, `length` turns in all."""
        written: list[tuple[Written, ...]] = [*leg.scenes, *((fact,) for fact in leg.facts)]
        drawn = length - 1 - sum(len(turns) for turns in written)
        units: list[tuple[Written, ...] | None] = [*written, *([None] * drawn)]
        self.chance.shuffle(units)
        draws = self.draw_turns(leg)
        self.turns.append(leg.arrive.passage())
        for unit in units:
            for turn in unit or (next(draws),):
                if isinstance(turn, Fact):
                    self.numbers[id(turn)] = len(self.turns)
                self.turns.append(turn.passage())

    def draw_turns(self, leg: Leg) -> Iterator[Written]:
        """Turns drawn for a place, without end: a move, its reply, and what is around."""
        people, parts = self.deck(leg.people), self.deck(leg.parts)
        seen = list(leg.seen)
        self.chance.shuffle(seen)
        while True:
            one, other = people.draw(), people.draw()
            while other == one:
                other = people.draw()
            move, reply, filled = self.draw_move(one, other, parts, leg)
            sentences = [reply]
            for _ in range(self.chance.choice((1, 1, 2, 2, 3))):
                if seen and self.chance.random() < 0.45:
                    sentences.append(self.say(seen.pop(), filled))
                else:
                    sentences.append(self.draw_around(other, one, parts, leg))
            self.told.update(sentences)
            between = "" if self.material.language.startswith("zh") else " "
            yield Written(
                do=self.say(move.do, filled),
                say=self.say(move.say, filled),
                reply=between.join(sentences),
            )

    def draw_move(
        self, one: str, other: str, parts: Deck, leg: Leg
    ) -> tuple[Move, str, dict[str, str]]:
        """A move, the first sentence of its reply, and what fills both."""
        for _ in range(DRAWS):
            move, reply = self.moves.draw()
            filled = self.fill(one, other, parts, leg)
            if (sentence := self.say(reply, filled)) not in self.told:
                break
        return move, sentence, filled

    def draw_around(self, one: str, other: str, parts: Deck, leg: Leg) -> str:
        """A sentence of what goes on around, not told before where there is one."""
        for _ in range(DRAWS):
            sentence = self.say(self.around.draw(), self.fill(one, other, parts, leg))
            if sentence not in self.told:
                break
        return sentence

    def fill(self, one: str, other: str, parts: Deck, leg: Leg) -> dict[str, str]:
        """What the slots stand for in one turn; `one` is who its pronouns mean."""
        drawn = {slot: deck.draw() for slot, deck in self.slots.items()}
        pronouns = PRONOUNS[self.material.people[one]]
        return {**drawn, **pronouns, "a": one, "b": other, "part": parts.draw(), "place": leg.place}

    def say(self, text: str, filled: dict[str, str]) -> str:
        """The text with its slots filled; a slot with a capital starts a sentence."""

        def fill(found: re.Match[str]) -> str:
            slot = found[1]
            if slot.lower() not in filled:
                raise StoriesError(f"{self.name}: nothing is known for <{slot}>.")
            value = filled[slot.lower()]
            return value[:1].upper() + value[1:] if slot[0].isupper() else value

        return SLOT.sub(fill, text)
