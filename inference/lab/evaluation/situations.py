"""Situations: a moment of a story, what the player does, and what is looked for in the reply.

A file is named as its scenario is: a `history` of turns written by hand, and moments in it. The
folder `world` has those in which the state of the world matters: a history and its moments each.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from inference.contract.plain import Plain
from inference.contract.request import Card, Kind, Passage, StoryContext
from inference.contract.world import World

FOLDER = Path(__file__).parent / "situations"

Trap = Literal[
    "plain",
    "name",
    "card",
    "dead",
    "silence",
    "contradiction",
    "long",
    "language",
    "rude",
    "markers",
    "dice",
    "lost",
    "absent",
    "allowed",  # the dead or the absent may rightly speak
]
Roll = Literal["disaster", "failure", "cost", "success", "triumph"]


class SituationsError(Exception):
    """What is wrong with a file of situations, in one line."""


class Beginning(Plain):
    """A scenario as a narrator is given it, with the usual answers to its questions."""

    title: str
    player: str = ""  # what others call the player
    memory: str = ""
    authors_note: str = ""
    opening: str
    cards: tuple[Card, ...] = ()
    first_actions: tuple[Passage, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What may be said in every reply: who is in the story, and what its cards are called."""
        return (self.player, *(card.title for card in self.cards))


class Situation(Plain):
    """A moment `after` so many turns of the history, all of them where that is left out.

    `facts` were told in the story, memory or opening, `card_facts` stand on a card alone; the reply
    should have them. Ways to say the same are parted by "|". `dead` is who should not act, and
    `pronoun` what they are called besides: he, she or it; `absent` is who is elsewhere and should
    not answer, `lost` a thing that should not be used. `wrong` would contradict the story. `times`:
    the action is so many times itself. `dice` is how the roll fell. `world` is the state before it.
    """

    name: str
    trap: Trap
    after: int | None = Field(default=None, ge=0)
    kind: Kind
    action: str = ""
    times: int = Field(default=1, ge=1)
    facts: tuple[str, ...] = ()
    card_facts: tuple[str, ...] = ()
    dead: str = ""
    absent: str = ""
    pronoun: str = ""
    lost: str = ""
    wrong: tuple[str, ...] = ()
    dice: Roll | None = None
    world: World | None = None


class SituationFile(Plain):
    """`world` is the state at the end of the history, of situations without one of their own."""

    history: tuple[Passage, ...] = ()
    world: World | None = None
    situations: tuple[Situation, ...] = Field(min_length=1)


class Moment(Plain):
    """A situation in its scenario: ready to be told."""

    scenario: str
    situation: Situation
    player: str
    names: tuple[str, ...] = ()
    context: StoryContext

    @property
    def name(self) -> str:
        return f"{self.scenario}: {self.situation.name}"


def read_situations(
    beginnings: Mapping[str, Beginning],
    folder: Path = FOLDER,
    outcomes: Mapping[str, str] = MappingProxyType({}),
) -> list[Moment]:
    """Every situation of the folder. `outcomes` are the words for each way that dice can fall.

    Raises SituationsError naming the file and what is wrong.
    """
    moments: list[Moment] = []
    for path in sorted(folder.rglob("*.yaml")):
        if path.stem not in beginnings:
            raise SituationsError(f"{path.name}: there is no scenario of this name")
        try:
            file = SituationFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
            raise SituationsError(f"{path.name}: {' '.join(str(problem).split())}") from None
        except ValidationError as problem:
            first = problem.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise SituationsError(f"{path.name}: {place}: {first['msg']}") from None
        for situation in file.situations:
            if situation.after is not None and situation.after > len(file.history):
                raise SituationsError(f"{path.name}: {situation.name}: the history is shorter")
            if file.world is not None and situation.after is not None and situation.world is None:
                raise SituationsError(f"{path.name}: {situation.name}: needs a world of its own")
            outcome = outcomes.get(situation.dice or "", "")
            moments.append(moment(path.stem, beginnings[path.stem], file, situation, outcome))
    return moments


def moment(
    scenario: str, beginning: Beginning, file: SituationFile, each: Situation, outcome: str = ""
) -> Moment:
    action = " ".join([each.action] * each.times)
    return Moment(
        scenario=scenario,
        situation=each,
        player=beginning.player,
        names=beginning.names,
        context=context(
            beginning,
            file.history[: each.after],
            # As the game has it: nothing typed is a continue.
            Passage(kind=each.kind if action else "continue", action=action, outcome=outcome),
            world=each.world or file.world,
        ),
    )


def context(
    beginning: Beginning,
    turns: tuple[Passage, ...],
    action: Passage,
    summary: str = "",
    world: World | None = None,
) -> StoryContext:
    """What a narrator is given at `action`, `turns` after the beginning."""
    return StoryContext(
        memory=beginning.memory,
        authors_note=beginning.authors_note,
        cards=beginning.cards,
        summary=summary,
        story=(Passage(kind="opening", reply=beginning.opening), *turns),
        world=world,
        action=action,
    )
