"""Makes and stores the recall entries of turns.

A turn is indexed after its end is committed, so that no word waits for it. What has no entry yet,
or has other texts by now, is found by `game.recall.search` and indexed in the background.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection, transaction

from game.database import after_commit
from game.models import RecallEntry
from game.play.tree import LAST_EDIT, TEXT_BYTES
from game.recall.index import Stamp, packed
from game.recall.terms import FORMAT
from game.recall.texts import TurnTexts

# Turns of one task, which takes less than a second: its queue has replies to store.
MOST_AT_ONCE = 200

TEXTS = f"""
SELECT t.id, t.kind, t.action, t.reply, {TEXT_BYTES}, {LAST_EDIT}, t.character
FROM game_turn t WHERE t.id = ANY(%s::uuid[]) AND t.status <> 'queued'
"""  # noqa: S608  constants
# Turns without an entry for their texts.
MISSING = f"""
SELECT t.id FROM game_turn t LEFT JOIN game_recallentry r ON r.turn_id = t.id
WHERE t.adventure_id = %s AND t.status <> 'queued' AND (
    r.turn_id IS NULL OR r.format <> %s OR r.bytes <> {TEXT_BYTES} OR r.edit <> {LAST_EDIT}
)
ORDER BY t.created DESC, t.id LIMIT %s
"""  # noqa: S608  constants


def read_texts(turns: Iterable[UUID]) -> list[TurnTexts]:
    """The texts of these turns, as they are now; without a turn under way."""
    with connection.cursor() as cursor:
        cursor.execute(TEXTS, [list(turns)])
        return [
            TurnTexts(pk, kind, action, reply, Stamp(size, edit), character)
            for pk, kind, action, reply, size, edit, character in cursor.fetchall()
        ]


def entry_of(texts: TurnTexts) -> RecallEntry:
    """The unsaved entry of a turn."""
    return RecallEntry(
        turn_id=texts.id,
        bytes=texts.stamp.bytes,
        edit=texts.stamp.edit,
        format=FORMAT,
        terms=packed(texts.sentences()),
    )


def index_turns(turns: Sequence[UUID]) -> int:
    """Store entries of these turns, in place of older ones. Returns how many."""
    entries = [entry_of(texts) for texts in read_texts(turns)]
    with transaction.atomic():
        there = lock_against_deletion([each.turn_id for each in entries])
        RecallEntry.objects.bulk_create(
            [each for each in entries if each.turn_id in there],
            update_conflicts=True,
            unique_fields=["turn"],
            update_fields=["bytes", "edit", "format", "terms"],
        )
    return len(entries)


def lock_against_deletion(turns: Sequence[UUID]) -> set[UUID]:
    """Those of the turns that still exist. They cannot be deleted before the transaction ends.

    FOR KEY SHARE lets every other change of a turn pass: a stronger lock on many turns could
    deadlock with a player's command.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM game_turn WHERE id = ANY(%s::uuid[]) ORDER BY id FOR KEY SHARE",
            [list(turns)],
        )
        return {row[0] for row in cursor.fetchall()}


def missing(adventure: UUID, most: int) -> list[UUID]:
    """At most `most` turns of an adventure that have no entry for their texts, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(MISSING, [adventure, FORMAT, most])
        return [row[0] for row in cursor.fetchall()]


def index_some(adventure: UUID) -> bool:
    """Index up to MOST_AT_ONCE turns of an adventure that have no entry. Whether there are more.

    Only one process at a time does so for an adventure.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"recall {adventure}"]
            )
            if not cursor.fetchone()[0]:
                return False
        turns = missing(adventure, MOST_AT_ONCE + 1)
        index_turns(turns[:MOST_AT_ONCE])
        return len(turns) > MOST_AT_ONCE


# When


def index_on_commit(turn: UUID) -> None:
    """Index a turn once its texts are committed. An error in it is logged, and nothing else."""
    after_commit(lambda: void(index_turns([turn])))


def void(_result: object) -> None:
    """Drop a result."""
