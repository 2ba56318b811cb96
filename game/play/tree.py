"""Paths in the tree of turns. A path leads from the opening to a turn."""

from typing import NamedTuple
from uuid import UUID

from django.db import connection

from game.models import Turn

LONGEST_PATH = 1_000_000  # turns

ANCESTORS = """
WITH RECURSIVE path AS (
    SELECT id, parent_id, 0 AS back FROM game_turn WHERE id = %s
    UNION ALL
    SELECT t.id, t.parent_id, path.back + 1
    FROM game_turn t JOIN path ON t.id = path.parent_id
    {limit}
)
"""


# Which texts a turn `t` has: their length in bytes, and the id of its last edit (0 without one).
TEXT_BYTES = "octet_length(t.action) + octet_length(t.reply)"
LAST_EDIT = """CASE WHEN t.edited THEN coalesce(
    (SELECT max(e.id) FROM game_edit e WHERE e.turn_id = t.id), 0) ELSE 0 END"""


class Step(NamedTuple):
    """A turn on a path: its id, the length of its texts in bytes, whether it has a summary.

    `edit` is the id of its last edit, 0 without one: with the length it says which texts it has.
    """

    id: UUID
    bytes: int
    has_summary: bool
    edit: int = 0


def path_ids(turn: UUID, limit: int) -> list[UUID]:
    """The last `limit` turns of the path to `turn`, oldest first."""
    query = ANCESTORS.format(limit="WHERE path.back + 1 < %s")
    with connection.cursor() as cursor:
        cursor.execute(f"{query} SELECT id FROM path ORDER BY back DESC", [turn, limit])  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


def whole_path(turn: UUID) -> list[UUID]:
    """The ids of the path to `turn`, oldest first."""
    return [step.id for step in path_lengths(turn)]


def nearest_summary(turn: UUID) -> UUID | None:
    """The last turn on the path to `turn` that has a summary."""
    query = ANCESTORS.format(limit="")
    with connection.cursor() as cursor:
        cursor.execute(
            f"{query} SELECT path.id FROM path JOIN game_summary s ON s.turn_id = path.id"  # noqa: S608
            " ORDER BY path.back LIMIT 1",
            [turn],
        )
        row = cursor.fetchone()
        return None if row is None else row[0]


def path_lengths(turn: UUID) -> list[Step]:
    """The path to `turn`, oldest first, without its texts."""
    query = ANCESTORS.format(limit="")
    with connection.cursor() as cursor:
        cursor.execute(
            f"{query} SELECT t.id, {TEXT_BYTES},"  # noqa: S608
            f" EXISTS (SELECT FROM game_summary s WHERE s.turn_id = t.id), {LAST_EDIT}"
            " FROM path JOIN game_turn t USING (id) ORDER BY path.back DESC",
            [turn],
        )
        return [Step(*row) for row in cursor.fetchall()]


def turns_in_order(ids: list[UUID]) -> list[Turn]:
    """The turns with these ids, in the order of the ids."""
    found = Turn.objects.in_bulk(ids)
    return [found[each] for each in ids]


def point_redo_to(turn: UUID) -> None:
    """Set `last_child` along the path to `turn`, so that redo follows it."""
    query = ANCESTORS.format(limit="")
    with connection.cursor() as cursor:
        cursor.execute(
            f"{query} UPDATE game_turn SET last_child_id = path.id FROM path"  # noqa: S608
            " WHERE game_turn.id = path.parent_id"
            " AND game_turn.last_child_id IS DISTINCT FROM path.id",
            [turn],
        )
