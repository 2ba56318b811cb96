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
from game.play import tree
from inference.contract.world import World, WorldChange
from inference.world.folding import Entries, Key, fold, key_of, without_released, world_of
from inference.world.serialization import FORMAT, dump, load

# Caches are stored at every 16th turn of a path; each takes some kilobytes. Where more than two are
# missing, after an edit of an early turn or in a copy, only the newest ones are stored again.
CACHE_EVERY = 16
CACHES = 2

CHANGES = TypeAdapter(tuple[WorldChange, ...])

# The turns on the path to a turn with their changes, back to the nearest cache (or, `whole`, to the
# opening), oldest first.
PATH = """
WITH RECURSIVE path AS (
    SELECT id, parent_id, 0 AS back FROM game_turn WHERE id = %(turn)s
    UNION ALL
    SELECT t.id, t.parent_id, path.back + 1
    FROM path JOIN game_turn t ON t.id = path.parent_id
    WHERE %(whole)s OR (
        SELECT (c.folded ->> 'format')::int = %(format)s
        FROM game_turnchanges c WHERE c.turn_id = path.id
    ) IS NOT TRUE
)
SELECT path.id, back, changes,
    CASE WHEN (folded ->> 'format')::int = %(format)s AND NOT %(whole)s THEN folded END
FROM path LEFT JOIN game_turnchanges c ON c.turn_id = path.id
ORDER BY back DESC
"""

# Those of a turn and the turns after it. LATERAL with OFFSET has each step down use the index of
# parents: planned as one join, it reads the whole table where its statistics are old.
DROP_CACHES = """
WITH RECURSIVE later AS (
    SELECT %s::uuid AS id
    UNION ALL
    SELECT t.id FROM later CROSS JOIN LATERAL (
        SELECT id FROM game_turn WHERE parent_id = later.id OFFSET 0
    ) t
)
UPDATE game_turnchanges SET folded = NULL
FROM later WHERE turn_id = later.id AND folded IS NOT NULL
"""

# What players set on the path to a turn, oldest first.
SET_ON_PATH = f"""
{tree.ANCESTORS.format(limit="")}
SELECT changes FROM path JOIN game_turnchanges c ON c.turn_id = path.id
WHERE changes @> '[{{"source": "player"}}]' ORDER BY path.back DESC
"""  # noqa: S608  a constant


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
    path, cache = path_at(turn_id)
    if any(each.released for _pk, changes in path for each in changes):
        path, cache = path_at(turn_id, whole=True)  # what is released was set anywhere before
    first = cache["number"] + 1 if cache else 0
    entries: Entries = load(cache["entries"]) if cache else {}
    last = first + len(path) - 1
    kept, release = without_released([changes for _pk, changes in path])
    newest: dict[UUID, tuple[int, Entries]] = {}
    for number, ((pk, _), changes) in enumerate(zip(path, kept, strict=True), first):
        if changes:
            entries = fold(entries, str(pk), number, changes)
        # The state of a turn before the last release is another than what is folded here.
        late = number >= release and last - number < CACHES * CACHE_EVERY
        if number and number % CACHE_EVERY == 0 and late:
            newest[pk] = (number, entries)
    return WorldState(turn_id, last, entries, len(path) if cache else last, newest)


Path = list[tuple[UUID, tuple[WorldChange, ...]]]


def path_at(turn_id: UUID, whole: bool = False) -> tuple[Path, dict[str, Any] | None]:
    """The turns after the nearest cache (`whole`: after none) with their changes, and the cache.

    Raises Turn.DoesNotExist.
    """
    with connection.cursor() as cursor:
        cursor.execute(PATH, {"turn": turn_id, "whole": whole, "format": FORMAT})
        rows = cursor.fetchall()
    if not rows:
        raise Turn.DoesNotExist(f"There is no turn {turn_id}.")
    cache = json.loads(rows[0][3]) if rows[0][3] else None
    path = [
        (pk, CHANGES.validate_json(changes) if changes else ())
        for pk, _back, changes, _folded in (rows[1:] if cache else rows)
    ]
    return path, cache


def refreshed_state(turn_id: UUID) -> WorldState:
    """The state after a turn; caches are stored at the newest places of its path that lack one.

    To be called with the adventure locked.
    """
    state = state_at(turn_id)
    caches = [
        TurnChanges(
            turn_id=pk, folded={"format": FORMAT, "number": number, "entries": dump(entries)}
        )
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
        cursor.execute(DROP_CACHES, [turn_id])


def set_by_player(turn_id: UUID) -> set[Key]:
    """What the player set on the path to a turn and has not released since, by key."""
    with connection.cursor() as cursor:
        cursor.execute(SET_ON_PATH, [turn_id])
        stored = [CHANGES.validate_json(changes) for (changes,) in cursor.fetchall()]
    kept, _release = without_released(stored)
    return {key_of(each) for changes in kept for each in changes if each.source == "player"}


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
        if each["source"] == "player" and not each.get("released")
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
