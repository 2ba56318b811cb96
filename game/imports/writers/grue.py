"""Writes adventures and scenarios in Grue's own format, which `game.imports.formats.grue` reads.

An adventure is written piece by piece, so that thousands of turns need little memory. What the
player may not see is left out, and counted in `left_out`: hidden cards and entries of the world of
a scenario that somebody else wrote.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any
from uuid import UUID

from game.cards.views import card_data
from game.imports.formats.grue import FORMAT, VERSION
from game.library import writing
from game.models import (
    Adventure,
    Chapter,
    Edit,
    Player,
    RecallMark,
    Scenario,
    StoryCard,
    Summary,
    Turn,
)
from game.play import snapshots
from game.state import worlds

BATCH_SIZE = 500  # turns that are read at a time

Rows = Iterable[dict[str, Any]]


def sees_hidden(player: Player, adventure: Adventure) -> bool:
    """Whether what the narrator alone knows is the player's own: they wrote or imported it."""
    scenario = adventure.scenario
    if scenario is not None:
        return scenario.author_id == player.pk
    return adventure.imported.filter(added=False, source__player=player).exists()


def as_json(player: Player, adventure: Adventure) -> bytes:
    """The adventure with its whole tree as the player may see it, as JSON."""
    pieces = adventure_pieces(adventure, sees_hidden(player, adventure))
    return b"".join(piece.encode() for piece in pieces)


def adventure_pieces(adventure: Adventure, hidden: bool) -> Iterator[str]:
    """JSON of an adventure in pieces; `hidden`: with what players do not see."""
    turns = list(adventure.turns.order_by("created", "pk").values_list("pk", flat=True))
    cards = adventure.cards.order_by("title", "pk")
    seen = cards if hidden else cards.seen()
    head = {
        "format": FORMAT,
        "version": VERSION,
        "adventure": adventure_fields(adventure),
        "left_out": left_out(adventure, hidden),
        "cards": [exported_card(card) for card in seen],
    }
    lists: dict[str, Callable[[list[UUID]], Rows]] = {
        "turns": turns_of,
        "summaries": summaries_of,
        "chapters": chapters_of,
        "marks": marks_of,
        "world": all_changes_of if hidden else seen_changes_of,
        "edits": edits_of,
    }
    yield dumped(head)[:-1]
    for name, rows_of in lists.items():
        yield f',\n"{name}": [\n'
        rows = chain.from_iterable(map(rows_of, batches(turns)))
        for place, row in enumerate(rows):
            yield f",\n{dumped(row)}" if place else dumped(row)
        yield "\n]"
    yield "\n}\n"


def batches(turns: list[UUID]) -> Iterator[list[UUID]]:
    """The ids in lists of BATCH_SIZE."""
    rest = iter(turns)
    while some := list(islice(rest, BATCH_SIZE)):
        yield some


def dumped(value: Any) -> str:
    """The value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def adventure_fields(adventure: Adventure) -> dict[str, Any]:
    """The adventure's own fields."""
    return {
        "id": str(adventure.pk),
        "title": adventure.title,
        "scenario": adventure.scenario_id,
        "memory": adventure.memory,
        "authors_note": adventure.authors_note,
        "first_actions": adventure.first_actions,
        "head": str(adventure.head_id),
        "created": adventure.created.isoformat(),
        "changed": adventure.changed.isoformat(),
        "archived": adventure.archived,
        "audience": adventure.audience,
        "narrator": adventure.narrator,
        "sampling": adventure.sampling,
        "dice": adventure.dice,
        "summarise": adventure.summarise,
        "suggestions": adventure.suggestions,
    }


def left_out(adventure: Adventure, hidden: bool) -> dict[str, int]:
    """How much of an adventure is not in its file, since the player may not see it."""
    if hidden:
        return {}
    changes = worlds.changes_on(adventure.turns.values_list("pk", flat=True)).values()
    counts = {
        "hidden_cards": adventure.cards.filter(hidden=True).count(),
        "hidden_world": sum(bool(each.get("hidden")) for some in changes for each in some),
    }
    return {name: count for name, count in counts.items() if count}


def exported_card(card: StoryCard) -> dict[str, Any]:
    """A card as a file has it, with whether it is hidden."""
    data = card_data(card)
    if card.options:
        data["options"] = card.options
    return {**data, "hidden": True} if card.hidden else data


def turns_of(turns: list[UUID]) -> Rows:
    """Some turns as pages show them, with their narrators and the child that redo follows."""
    found = Turn.objects.in_bulk(turns)
    rows = [found[pk] for pk in turns if pk in found]
    for turn, shown in zip(rows, snapshots.turns_data(rows), strict=True):
        last = str(turn.last_child_id) if turn.last_child_id else None
        more = {"narrator": turn.narrator, "last_child": last, "acted": turn.player_id is not None}
        yield shown.model_dump(mode="json") | more


def summaries_of(turns: list[UUID]) -> Rows:
    """The summaries of some turns."""
    found = Summary.objects.filter(turn__in=turns).order_by("turn__created", "pk")
    for each in found:
        yield {"turn": str(each.turn_id), "text": each.text, "own": each.own, "by": each.by}


def chapters_of(turns: list[UUID]) -> Rows:
    """The chapters that end with some turns."""
    found = Chapter.objects.filter(turn__in=turns).order_by("turn__created", "pk")
    for each in found:
        yield {"turn": str(each.turn_id), "title": each.title}


def marks_of(turns: list[UUID]) -> Rows:
    """Which of some turns are pinned or forgotten."""
    found = RecallMark.objects.filter(turn__in=turns).order_by("turn__created", "pk")
    for each in found:
        yield {"turn": str(each.turn_id), "mark": each.mark}


def edits_of(turns: list[UUID]) -> Rows:
    """The texts that edits of some turns replaced, oldest first."""
    found = Edit.objects.filter(turn__in=turns).order_by("turn__created", "turn_id", "at", "pk")
    for each in found:
        yield {
            "turn": str(each.turn_id),
            "field": each.field,
            "before": each.before,
            "at": each.at.isoformat(),
        }


def all_changes_of(turns: list[UUID]) -> Rows:
    """What some turns changed in the state of the world."""
    changed = worlds.changes_on(turns)
    for pk in turns:
        if pk in changed:
            yield {"turn": str(pk), "changes": changed[pk]}


def seen_changes_of(turns: list[UUID]) -> Rows:
    """As `all_changes_of`, without what is hidden."""
    for row in all_changes_of(turns):
        if seen := worlds.seen_changes(row["changes"]):
            yield row | {"changes": seen}


# Scenarios


def scenario_json(scenario: Scenario) -> str:
    """A scenario with its cards as JSON; for its author, who sees what is hidden."""
    content = writing.content_of(scenario) | {
        "name": scenario.slug,
        "visibility": scenario.visibility,
        "created": scenario.created.isoformat(),
        "cards": [exported_card(card) for card in scenario.cards.all()],
    }
    return dumped({"format": FORMAT, "version": VERSION, "scenario": content})
