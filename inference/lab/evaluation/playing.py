"""Automatic play: actions drawn from a written list, turn after turn, to see a story collapse."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from inference.contract.request import GenerationRequest, Passage
from inference.lab.evaluation.scores import Score, score
from inference.lab.evaluation.situations import Beginning, context
from inference.lab.evaluation.telling import Teller, Told
from inference.prompts import begun
from inference.worker.summaries import extract, length_for

ACTIONS = Path(__file__).parent / "actions.yaml"


@dataclass
class Play:
    """One adventure that plays itself. `drawn` are its actions, one for each turn."""

    scenario: str
    beginning: Beginning
    seed: int
    drawn: list[Passage]
    turns: list[Passage] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    summary: str = ""
    summed: int = 0  # passages that the summary covers, the opening included
    read: str = ""  # what the engine has read of it: the last prompt and its reply


def read_actions(file: Path = ACTIONS) -> list[Passage]:
    return TypeAdapter(list[Passage]).validate_python(yaml.safe_load(file.read_text("utf-8")))


def draw(beginning: Beginning, written: Sequence[Passage], turns: int, seed: str) -> list[Passage]:
    """The scenario's own first action, then those of the list, none twice before all were drawn."""
    dice = random.Random(seed)  # noqa: S311  nothing secret
    drawn = [dice.choice(beginning.first_actions)] if beginning.first_actions else []
    while len(drawn) < turns:
        drawn += dice.sample(written, len(written))
    return drawn[:turns]


def play(
    teller: Teller,
    plays: Sequence[Play],
    turns: int,
    told: Callable[[int], None] = lambda turn: None,
) -> None:
    """Play all of them, a turn of each at once. `told` hears the number of each turn done."""
    for turn in range(turns):
        requests = [request_for(each, turn, teller) for each in plays]
        replies = teller.tell(requests)
        for each, request, reply in zip(plays, requests, replies, strict=True):
            take(each, turn, teller, request, reply)
        told(turn + 1)


def request_for(play: Play, turn: int, teller: Teller) -> GenerationRequest:
    sampling = teller.narrator.sampling.model_copy(
        update={"seed": seed_of(play.scenario, turn, play.seed)}
    )
    return GenerationRequest(
        adventure=play.scenario,
        turn=str(turn),
        attempt=1,
        narrator=teller.narrator.name,
        context=context(play.beginning, tuple(play.turns), play.drawn[turn], play.summary),
        sampling=sampling,
    )


def seed_of(story: str, turn: int, seed: int) -> int:
    """A seed for this reply that is no other's, and the same in the next run."""
    return random.Random(f"{story} {turn} {seed}").getrandbits(32)  # noqa: S311


def take(play: Play, turn: int, teller: Teller, request: GenerationRequest, told: Told) -> None:
    """Score a reply, and add its turn to the story."""
    action = play.drawn[turn]
    found_again, cut_story = 0, False
    if told.report is not None:
        cut_story = bool(told.report.cut.get("story"))
        found_again = teller.engine.count(common_front(play.read, told.prompt))
        play.read = told.prompt.removesuffix(begun(request, teller.narrator)) + told.reply
    before = [play.beginning.opening, *(each.reply for each in play.turns)]
    play.scores.append(
        score(
            play.scenario,
            action,
            told,
            before,
            play.beginning.player,
            names=play.beginning.names,
            reminder=teller.narrator.reminder,
            turn=turn + 1,
            seed=play.seed,
            found_again=found_again,
            cut_story=cut_story,
        )
    )
    play.turns.append(action.model_copy(update={"reply": told.reply}))
    sum_up(play, teller, told)


def common_front(one: str, other: str) -> str:
    """What both begin with."""
    length = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    return other[:length]


def sum_up(play: Play, teller: Teller, told: Told) -> None:
    """Sum up what the narrator could no longer read, as the game does at once: an extract."""
    gone = told.report.first if told.report else 0
    if gone <= play.summed:
        return
    story = [Passage(kind="opening", reply=play.beginning.opening), *play.turns]
    play.summary = extract(play.summary, story[play.summed : gone], length_for(teller.narrator))
    play.summed = gone
