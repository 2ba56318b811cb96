"""The state of the world at a turn: the stored changes of its path, folded.

The state of a turn depends on its path alone. A cache of it is stored with some turns
(`TurnChanges.folded`), so that a look-up folds only the turns after the nearest one. Caches are
stored and dropped with the adventure locked.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from pydantic import TypeAdapter

from game.models import Adventure, Status, Turn, TurnChanges
from inference.contract.world import World, WorldChange
from inference.world.folding import Entries, dump, fold, load, world_of

# Turns after which the next cache is stored. Each takes some kilobytes.
CACHE_EVERY = 16

CHANGES = TypeAdapter(tuple[WorldChange, ...])

# The changes on the path to a turn, back to the nearest turn with a cache, oldest first.
PATH = """
WITH RECURSIVE path AS (
    SELECT t.id, t.parent_id, 0 AS back, c.changes, c.folded
    FROM game_turn t LEFT JOIN game_turnchanges c ON c.turn_id = t.id
    WHERE t.id = %s
    UNION ALL
    SELECT t.id, t.parent_id, path.back + 1, c.changes, c.folded
    FROM path
    JOIN game_turn t ON t.id = path.parent_id
    LEFT JOIN game_turnchanges c ON c.turn_id = t.id
    WHERE path.folded IS NULL
)
SELECT id, back, changes, folded FROM path
WHERE changes IS NOT NULL OR parent_id IS NULL
ORDER BY back DESC
"""

DROP_CACHES = """
WITH RECURSIVE later AS (
    SELECT id FROM game_turn WHERE id = %s
    UNION ALL
    SELECT t.id FROM game_turn t JOIN later ON t.parent_id = later.id
)
UPDATE game_turnchanges SET folded = NULL
FROM later WHERE turn_id = later.id AND folded IS NOT NULL
"""


@dataclass(frozen=True)
class WorldState:
    """The state after a turn.

    `number` is the turn's place on its path, the opening being 0; `walked` counts the turns between
    it and the cache that was used.
    """

    turn: UUID
    number: int
    entries: Entries
    walked: int


def world_at(turn_id: UUID) -> World:
    """The state after a turn, as narrators read it."""
    return world_of(entries_at(turn_id))


def entries_at(turn_id: UUID) -> Entries:
    """The entries of the state after a turn, each with its turn, source and sentence."""
    return state_at(turn_id).entries


def state_at(turn_id: UUID) -> WorldState:
    """The state after a turn. Raises Turn.DoesNotExist."""
    with connection.cursor() as cursor:
        cursor.execute(PATH, [turn_id])
        rows = cursor.fetchall()
    if not rows:
        raise Turn.DoesNotExist(f"There is no turn {turn_id}.")
    # The first row has a cache, or is the opening.
    _first, walked, _changes, cache = rows[0]
    cached = json.loads(cache) if cache else None
    number = walked + (cached["number"] if cached else 0)
    entries: Entries = load(cached["entries"]) if cached else {}
    for pk, back, changes, _folded in rows[1:] if cached else rows:
        if changes:
            entries = fold(entries, str(pk), number - back, CHANGES.validate_json(changes))
    return WorldState(turn_id, number, entries, walked)


def refresh_cache(turn_id: UUID) -> None:
    """Store a cache with a turn if the nearest one is CACHE_EVERY turns away.

    To be called with the adventure locked.
    """
    state = state_at(turn_id)
    if state.walked >= CACHE_EVERY:
        folded = {"number": state.number, "entries": dump(state.entries)}
        TurnChanges.objects.update_or_create(turn_id=turn_id, defaults={"folded": folded})


def drop_caches(turn_id: UUID) -> None:
    """Drop the caches that depend on a turn's changes: its own and its descendants'.

    To be called with the adventure locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(DROP_CACHES, [turn_id])


def changes_of(turn_id: UUID) -> tuple[WorldChange, ...]:
    """The stored changes of one turn."""
    stored = TurnChanges.objects.filter(turn=turn_id).values_list("changes", flat=True).first()
    return CHANGES.validate_python(stored or ())


def changes_on(turns: Iterable[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The stored changes of these turns, as they are stored, by turn."""
    found = TurnChanges.objects.filter(turn__in=list(turns)).exclude(changes=[])
    return dict(found.values_list("turn_id", "changes"))


def as_data(changes: tuple[WorldChange, ...]) -> list[dict[str, Any]]:
    """Changes as they are stored: JSON data without the fields that are as by default."""
    return [change.model_dump(exclude_defaults=True) for change in changes]


def seen_changes(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored changes without hidden ones, for exports that players read."""
    return [change for change in stored if not change.get("hidden")]


def lines_of_player(stored: list[dict[str, Any]]) -> tuple[str, ...]:
    """What a player set in the state, of stored changes, in words for staff."""
    return tuple(
        f"{each['part']} {each.get('name', '')}".strip() + f": {each['value'] or '–'}"
        for each in stored
        if each["source"] == "player"
    )


def current_turn(adventure: Adventure) -> Turn:
    """The turn whose state is the current one: the head.

    While the head failed without a reply it is its parent: the next turn is played from there.
    """
    assert adventure.head_id is not None, "an adventure begins with its opening"
    head = Turn.objects.select_related("parent").get(pk=adventure.head_id)
    if head.status == Status.FAILED and not head.reply and head.parent is not None:
        return head.parent
    return head
