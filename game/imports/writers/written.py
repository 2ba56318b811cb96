"""What every writer of another program's format needs: the file, and what it could not hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from game.imports.documents import (
    AdventureDocument,
    CardDocument,
    Note,
    ScenarioDocument,
    TurnDocument,
)
from game.play.wording import shown

Story = AdventureDocument | ScenarioDocument

PLACE = re.compile(r"\$\$|\$\{([a-z_]+)\}")


@dataclass(frozen=True)
class Written:
    """A file to download."""

    content: bytes
    ending: str
    content_type: str


@dataclass
class Step:
    """A turn of the path that is exported, with the replies beside it."""

    turn: TurnDocument
    others: list[str] = field(default_factory=list)

    @property
    def action(self) -> str:
        """The action as it is worded in the story; "" for a continue."""
        return shown(self.turn.kind, self.turn.action, self.turn.player)

    @property
    def line(self) -> str:
        """The action with "> " before what the player does or says."""
        spoken = self.turn.kind in ("do", "say")
        return f"> {self.action}" if self.action and spoken else self.action


def path_of(adventure: AdventureDocument) -> list[Step]:
    """The turns from the opening to the head, each with the retries beside it."""
    turns = adventure.turns
    place: int | None = len(turns) - 1 if adventure.head is None else adventure.head
    path: list[int] = []
    while turns and place is not None:
        path.append(place)
        place = turns[place].parent
    children: dict[int, list[int]] = {}
    for number, turn in enumerate(turns):
        if turn.parent is not None:
            children.setdefault(turn.parent, []).append(number)
    steps = []
    for number in reversed(path):
        turn = turns[number]
        beside = children.get(turn.parent, []) if turn.parent is not None else []
        others = [
            turns[each].reply
            for each in beside
            if each != number and turns[each].action == turn.action and turns[each].reply
        ]
        steps.append(Step(turn, others))
    return steps


def story_text(adventure: AdventureDocument) -> str:
    """The words of the path, actions with `>`, as one text."""
    parts = [part for step in path_of(adventure) for part in (step.line, step.turn.reply)]
    return "\n\n".join(part for part in parts if part.strip())


# ---- scenarios


def with_places(text: str, write: Callable[[str], str]) -> str:
    """A scenario's text with what `write` returns for each question's name."""
    return PLACE.sub(lambda found: write(found[1]) if found[1] else "$", text)


def with_answers(scenario: ScenarioDocument) -> AdventureDocument:
    """The adventure that a scenario begins with the usual answers."""
    usual = {str(each["name"]): str(each.get("default") or "") for each in scenario.placeholders}

    def filled(text: str) -> str:
        return with_places(text, lambda name: usual.get(name, name))

    openings = [filled(each) for each in scenario.openings[:1]] or [""]
    return AdventureDocument(
        title=scenario.title,
        memory=filled(scenario.memory),
        authors_note=filled(scenario.authors_note),
        turns=[TurnDocument(kind="opening", reply=each) for each in openings],
        cards=[with_card_answers(card, filled) for card in scenario.cards],
        kept=scenario.kept,
    )


def with_card_answers(card: CardDocument, filled: Callable[[str], str]) -> CardDocument:
    """A card with the answers filled in."""
    return CardDocument(
        title=filled(card.title),
        keys=[filled(key) for key in card.keys],
        text=filled(card.text),
        pinned=card.pinned,
        hidden=card.hidden,
        options=card.options,
        kept=card.kept,
    )


def as_adventure(story: Story) -> AdventureDocument:
    """The story as an adventure, whichever it is."""
    return with_answers(story) if isinstance(story, ScenarioDocument) else story


# ---- what a format cannot hold


def losses(story: Story, holds: frozenset[str], left_out: dict[str, int]) -> list[Note]:
    """What a format that holds these parts cannot hold of a story.

    `left_out` has counts of what was not even offered to it: turns beside the path, hidden cards.
    """
    found = {**parts_of(story), **left_out}
    return [
        Note(code, level="dropped", count=count)
        for code, count in found.items()
        if count and code not in holds
    ]


def parts_of(story: Story) -> dict[str, int]:
    """How many of each part a story has, by the codes of reader_messages."""
    cards = story.cards
    found = {
        "memory": int(bool(story.memory or story.authors_note)),
        "cards": len(cards),
        "pinned": sum(card.pinned for card in cards),
        "card_option": sum(bool(card.options) for card in cards),
    }
    if isinstance(story, ScenarioDocument):
        return found | {
            "questions_filled": len(story.placeholders),
            "openings": max(0, len(story.openings) - 1),
            "first_actions": len(story.first_actions),
            "options": len(story.options),
            "world": int(bool(story.world)),
        }
    return found | {
        "retries": sum(len(step.others) for step in path_of(story)),
        "summaries": sum(bool(turn.summary) for turn in story.turns),
        "chapters": sum(bool(turn.chapter) for turn in story.turns),
    }


def option(card: CardDocument, name: str, usual: Any = None) -> Any:
    """An option of a card; `usual` where it has none."""
    return card.options.get(name, usual)
