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

# Caches are stored at every 16th turn of a path; each takes some kilobytes. Where more than two are
# missing, after an edit of an early turn or in a copy, only the newest ones are stored again.
CACHE_EVERY = 16
CACHES = 2

CHANGES = TypeAdapter(tuple[WorldChange, ...])

# The turns on the path to a turn with their changes, back to the nearest cache, oldest first.
PATH = """
WITH RECURSIVE path AS (
    SELECT id, parent_id, 0 AS back FROM game_turn WHERE id = %s
    UNION ALL
    SELECT t.id, t.parent_id, path.back + 1
    FROM path JOIN game_turn t ON t.id = path.parent_id
    WHERE (SELECT c.folded IS NULL FROM game_turnchanges c WHERE c.turn_id = path.id) IS NOT FALSE
)
SELECT path.id, back, changes, folded
FROM path LEFT JOIN game_turnchanges c ON c.turn_id = path.id
ORDER BY back DESC
"""

# Those of an adventure from a turn's place on its path on: the turns after it are among them.
DROP_CACHES = """
UPDATE game_turnchanges SET folded = NULL
FROM game_turn t
WHERE turn_id = t.id AND t.adventure_id = (SELECT adventure_id FROM game_turn WHERE id = %s)
    AND (folded ->> 'number')::int >= %s
"""


@dataclass(frozen=True)
class WorldState:
    """The state after a turn.

    `number` is the turn's place on its path, the opening being 0; `walked` counts the turns between
    it and the cache that was used. `newest` are the states at the newest places where caches are
    stored, by turn, with the place.
    """

    turn: UUID
    number: int
    entries: Entries
    walked: int
    newest: dict[UUID, tuple[int, Entries]]


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
    last = walked + (cached["number"] if cached else 0)
    entries: Entries = load(cached["entries"]) if cached else {}
    newest: dict[UUID, tuple[int, Entries]] = {}
    for pk, back, changes, _folded in rows[1:] if cached else rows:
        number = last - back
        if changes:
            entries = fold(entries, str(pk), number, CHANGES.validate_json(changes))
        if number and number % CACHE_EVERY == 0 and back < CACHES * CACHE_EVERY:
            newest[pk] = (number, entries)
    return WorldState(turn_id, last, entries, walked, newest)


def refreshed_state(turn_id: UUID) -> WorldState:
    """The state after a turn; caches are stored at the newest places of its path that lack one.

    To be called with the adventure locked.
    """
    state = state_at(turn_id)
    caches = [
        TurnChanges(turn_id=pk, folded={"number": number, "entries": dump(entries)})
        for pk, (number, entries) in state.newest.items()
    ]
    upsert(caches, "folded")
    return state


def upsert(rows: list[TurnChanges], field: str) -> None:
    """Store one field of these rows, in one statement, whether there are such rows or not."""
    TurnChanges.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["turn"], update_fields=[field]
    )


def drop_caches(turn_id: UUID) -> None:
    """Drop the caches that depend on a turn's changes: its own and its descendants'.

    To be called with the adventure locked, after the changes were stored.
    """
    with connection.cursor() as cursor:
        cursor.execute(DROP_CACHES, [turn_id, number_of(turn_id)])


def number_of(turn_id: UUID) -> int:
    """The place of a turn on its path, the opening being 0."""
    with connection.cursor() as cursor:
        cursor.execute(PATH, [turn_id])
        _first, walked, _changes, cache = cursor.fetchone()
    return int(walked + (json.loads(cache)["number"] if cache else 0))


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

    While the head is queued, or failed without a reply, it is its parent: the next turn is played
    from there if none is told.
    """
    assert adventure.head_id is not None, "an adventure begins with its opening"
    head = Turn.objects.select_related("parent").get(pk=adventure.head_id)
    untold = head.status == Status.QUEUED or (head.status == Status.FAILED and not head.reply)
    if untold and head.parent is not None:
        return head.parent
    return head
