"""How far the measures can be believed: held against replies that two readers labelled by hand.

The labelled replies stand in `labelled/`: replies.jsonl, stories.jsonl (what was told before, where
that is no situation's), guide.md (what counts as what), reader-a.jsonl and reader-b.jsonl. What
came of it, accuracy.json, is printed beside each figure. `manage.py evaluate --check-measures`
holds the measures against the labels again.

A measure's precision is the share of what it finds that readers find, its recall the share of what
readers find that it finds. Replies on which the two readers differ in a column are left out there:
their agreement says how many these are, Cohen's kappa how much of it is more than chance.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from inference.contract.plain import Plain
from inference.contract.request import Passage
from inference.lab.evaluation.accuracy import FOLDER, Accuracy, Known
from inference.lab.evaluation.facts import stated
from inference.lab.evaluation.scores import score
from inference.lab.evaluation.situations import Beginning, Moment
from inference.lab.evaluation.telling import Told

Source = Literal["situation", "play", "raw", "good", "bad", "more"]

# A reader's columns that are a fault each, and the figure of the table that counts it.
FAULTS: Mapping[str, str] = {
    "empty": "empty",
    "cut": "cut",
    "loops": "loops",
    "repeats": "repeats",
    "speaks": "speaks",
    "person": "wrong_person",
    "past": "past_tense",
    "leaks": "leaks",
    "dead": "dead_act",
    "lost": "lost_used",
    "absent": "absent_answer",
    "contradicts": "contradicts",
}

# Where a reply's score has another name for it than the table.
SCORED: Mapping[str, str] = {"dead_act": "dead_acts", "absent_answer": "absent_answers"}


class Reply(Plain):
    """A reply to be labelled. `story` is a situation's name, or a scenario's where `play` is told.

    `source`: told in a situation or a play; raw, as the model gave it; written as a good or a bad
    one, or for columns with few positives. `before` replies of its story came before it. `held`:
    for scores alone; no measure is mended by it.
    """

    id: str
    narrator: str
    source: Source
    story: str
    play: str = ""
    before: int
    action: str = ""
    reply: str
    columns: tuple[str, ...]
    held: bool = False

    @property
    def written(self) -> bool:
        return self.source in ("good", "bad", "more")


class Label(Plain):
    """What a reader found in a reply."""

    id: str
    follows: Literal["yes", "partly", "no"] | None = None
    faults: tuple[str, ...] = ()
    you: bool = False
    facts: dict[str, bool] = Field(default_factory=dict)
    card_facts: dict[str, bool] = Field(default_factory=dict)
    dice: Literal["honoured", "broken", "open"] | None = None


class Labelled(Plain):
    """The labelled replies, what was told before them in plays, and both readers."""

    replies: tuple[Reply, ...]
    stories: dict[str, tuple[str, ...]]
    readers: tuple[dict[str, Label], dict[str, Label]]


def read_labelled(folder: Path = FOLDER) -> Labelled:
    def lines(name: str) -> list[str]:
        return (folder / name).read_text(encoding="utf-8").splitlines()

    told = (json.loads(line) for line in lines("stories.jsonl"))
    a, b = (
        {label.id: label for label in map(Label.model_validate_json, lines(name))}
        for name in ("reader-a.jsonl", "reader-b.jsonl")
    )
    return Labelled(
        replies=tuple(map(Reply.model_validate_json, lines("replies.jsonl"))),
        stories={each["story"]: tuple(each["told"]) for each in told},
        readers=(a, b),
    )


def held_of(labelled: Labelled) -> Labelled:
    """The replies that are for scores alone."""
    return labelled.model_copy(
        update={"replies": tuple(each for each in labelled.replies if each.held)}
    )


Judged = dict[str, dict[str, bool]]  # by figure, by reply (and fact): whether it is so


def found(reply: Reply, label: Label) -> dict[str, dict[str, bool]]:
    """What a reader says of each figure, keyed by reply, or by reply and fact."""
    said = {
        figure: {reply.id: column in label.faults}
        for column, figure in FAULTS.items()
        if column in reply.columns
    }
    if "you" in reply.columns:
        said["says_you"] = {reply.id: label.you}
    for column, figure in (("facts", "facts_kept"), ("card_facts", "card_facts_used")):
        if column in reply.columns:
            facts: dict[str, bool] = getattr(label, column)
            said[figure] = {f"{reply.id} {fact}": so for fact, so in facts.items()}
    if label.follows:
        said["follows"] = {reply.id: label.follows == "yes"}
    if label.dice:
        said["dice"] = {reply.id: label.dice == "honoured"}
    return said


def measured(
    reply: Reply, moment: Moment | None, beginning: Beginning, before: Sequence[str]
) -> dict[str, dict[str, bool]]:
    """What the measures say of a reply, as `found` has it of a reader."""
    action = moment.context.action if moment else Passage(kind="story", action=reply.action)
    each = score(
        reply.story,
        action,
        Told(reply=reply.reply),
        before,
        beginning.player,
        moment.situation if moment else None,
        beginning.names,
    )
    said = {
        figure: {reply.id: bool(getattr(each, SCORED.get(figure, figure)))}
        for figure in FAULTS.values()
    }
    said["says_you"] = {reply.id: each.says_you}
    if moment:
        for figure, facts in (
            ("facts_kept", moment.situation.facts),
            ("card_facts_used", moment.situation.card_facts),
        ):
            said[figure] = {f"{reply.id} {fact}": stated(fact, reply.reply) for fact in facts}
    return said


def accuracy(
    labelled: Labelled, moments: Mapping[str, Moment], beginnings: Mapping[str, Beginning]
) -> Known:
    """Each figure's agreement, precision and recall."""
    first: Judged = {}
    second: Judged = {}
    measures: Judged = {}
    written = {each.id for each in labelled.replies if each.written}
    for reply in labelled.replies:
        moment = None if reply.play else moments[reply.story]
        if moment:
            before = [turn.reply for turn in moment.context.story]
        else:
            before = list(labelled.stories[reply.play])
        beginning = beginnings[moment.scenario if moment else reply.story]
        for judged, said in (
            (first, found(reply, labelled.readers[0][reply.id])),
            (second, found(reply, labelled.readers[1][reply.id])),
            (measures, measured(reply, moment, beginning, before[: reply.before])),
        ):
            for figure, answers in said.items():
                judged.setdefault(figure, {}).update(answers)
    return {
        figure: held(first[figure], second[figure], measures.get(figure), written)
        for figure in sorted(first)
    }


def held(
    one: Mapping[str, bool],
    other: Mapping[str, bool],
    measure: Mapping[str, bool] | None,
    written: set[str],
) -> Accuracy:
    """A measure held against two readers; without one, the readers against each other."""
    agreed = [key for key in one if one[key] == other[key]]
    right = {key for key in agreed if one[key]}
    seen = {key for key in agreed if measure[key]} if measure else set()
    both = len(right & seen)
    return Accuracy(
        labels=len(one),
        agreement=round(len(agreed) / len(one), 3),
        kappa=round(kappa([one[key] for key in one], [other[key] for key in one]), 3),
        positives=len(right),
        written=sum(key.split()[0] in written for key in right),
        precision=round(both / len(seen), 3) if seen else None,
        recall=round(both / len(right), 3) if right and measure else None,
    )


def kappa(one: Sequence[object], other: Sequence[object]) -> float:
    """Cohen's kappa: agreement beyond what chance alone would bring; 1 where both say one thing."""
    n = len(one)
    same = sum(a == b for a, b in zip(one, other, strict=True)) / n
    chance = sum(
        (list(one).count(value) / n) * (list(other).count(value) / n) for value in set(one)
    )
    return 1.0 if chance == 1 else (same - chance) / (1 - chance)
