"""Measures how often recall finds the turn that answers a question, with the stories of the lab.

inference/lab/recall/README.md describes the stories, and which of them may be looked into.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from game.play.tree import Step
from game.recall import search
from game.recall.index import AdventureIndex, Stamp, packed, unpacked
from game.recall.texts import TurnTexts
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.world import Recalled
from inference.engines.base import Message
from inference.lab.recall.stories import Question, Story
from inference.narrators import Narrator
from inference.prompts import building
from inference.prompts.parts import Report

NAMES = UUID("6f1c1f0e-0b5c-4a8e-9d5e-1d1d4b1f6d7a")  # ids of turns are made from this
STORY_TURNS = 120  # of the newest ones, which are more than a window holds
BYTES_PER_TOKEN = 4.4  # of the narrators' tokenizers, in stories


@dataclass(frozen=True)
class Outcome:
    """Whether a question's turn, and the very words that answer it, were in the prompt."""

    question: Question
    turn: bool
    words: bool
    recalled: tuple[Recalled, ...]


def outcomes(story: Story, narrator: Narrator) -> list[Outcome]:
    """What happens to each question of a story."""
    index = AdventureIndex()
    return [outcome(story, question, index, narrator) for question in story.questions]


def outcome(story: Story, question: Question, index: AdventureIndex, narrator: Narrator) -> Outcome:
    """What is in the prompt of a question."""
    passages = story.path(question)
    texts = [texts_of(passage, number) for number, passage in enumerate(passages)]
    path = [Step(each.id, each.stamp.bytes, False, each.stamp.edit) for each in texts]
    for step, each in zip(path, texts, strict=True):
        if not index.has(step):
            index.add(each.id, each.stamp, unpacked(packed(each.sentences())))
    # As in play, the last prompt tells which turns the next one has anyway.
    before = prompt(
        passages[:-1], passages[-1], ran(index, path, texts, passages, None, narrator), narrator
    )
    visible = before.passages - before.first
    limit = len(path) - 1 - visible
    recalled = ran(index, path, texts, passages, question.action, narrator, limit)
    report = prompt(passages, question.action, recalled, narrator)
    kept = {int(each.number) for each in report.recalled}
    inside = tuple(each for each in recalled if each.number in kept)
    return Outcome(
        question,
        turn=question.number in kept,
        words=any(question.answer in each.text for each in inside),
        recalled=inside,
    )


def ran(
    index: AdventureIndex,
    path: Sequence[Step],
    texts: Sequence[TurnTexts],
    passages: Sequence[Passage],
    action: Passage | None,
    narrator: Narrator,
    limit: int | None = None,
) -> tuple[Recalled, ...]:
    """What is recalled for an action (None: Continue)."""
    room = building.room_for_prompt(narrator.context, narrator.sampling.max_tokens)
    asked = action or Passage(kind="continue")
    limit = len(path) // 2 if limit is None else limit
    found = search.find(index, path, limit, asked, passages[-1:], room, {})
    return search.read(found, path, texts, room)


def prompt(
    passages: Sequence[Passage], action: Passage, recalled: tuple[Recalled, ...], narrator: Narrator
) -> Report:
    """The report of the prompt that a narrator would get."""
    story = tuple(passages[-STORY_TURNS:])
    context = StoryContext(story=story, turns=len(passages), earlier=recalled, action=action)
    request = GenerationRequest(
        adventure="", turn="", attempt=1, narrator=narrator.name, context=context
    )
    return building.build(request, narrator, count, render_chat, narrator.context).report


def count(text: str) -> int:
    """About as many tokens as a text has."""
    return round(len(text.encode()) / BYTES_PER_TOKEN)


def render_chat(messages: list[Message], begun: str) -> str:
    """Messages as one text, with about as many marks as chat templates put around them."""
    return "".join(f"<|{each.role}|>{each.content}<|end|>" for each in messages) + begun


def texts_of(passage: Passage, number: int) -> TurnTexts:
    """A passage as a stored turn; equal passages at equal places are the same turn."""
    text = f"{number} {passage.kind} {passage.action} {passage.reply}"
    size = len(passage.action.encode()) + len(passage.reply.encode())
    return TurnTexts(
        uuid5(NAMES, text), passage.kind, passage.action, passage.reply, Stamp(size, 0)
    )


def share(found: Iterable[bool]) -> float:
    """The share of those that are true, in percent."""
    every = list(found)
    return 100 * sum(every) / max(1, len(every))
