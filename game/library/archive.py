"""Archives, deletes, restores and purges adventures."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from game.library import trash
from game.library.limits import TRASH_RETENTION
from game.models import Adventure
from game.play import adventures
from game.play.changes import change_adventure
from game.play.endings import stop_turn_under_way


def deleted_of(player: Any) -> QuerySet[Adventure]:
    """The adventures that `player` deleted and can restore, last deleted first."""
    return trash.restorable(Adventure.objects.with_deleted_of(player))


def set_archived(adventure_id: UUID, archived: bool) -> None:
    """Archive an adventure, or take it out of the archive. `changed` stays as it was."""
    Adventure.objects.filter(pk=adventure_id).update(archived=archived)


def delete(adventure_id: UUID) -> None:
    """Delete an adventure and its links; both can be restored for TRASH_RETENTION.

    A turn under way is stopped and keeps its words. Raises Refused if Redis is down, and
    NoSuchAdventure.
    """
    with change_adventure(adventure_id) as adventure:
        stop_turn_under_way(adventure)
        adventure.deleted = Now()
        adventure.raise_version()
        adventure.save(update_fields=["deleted"])


def restore(adventure_id: UUID) -> None:
    """Restore a deleted adventure and its links."""
    Adventure.objects.filter(pk=adventure_id).update(deleted=None)


def purge_deleted() -> int:
    """Purge the adventures that were deleted TRASH_RETENTION ago. Returns how many."""
    due = Adventure.objects.filter(deleted__lte=Now() - TRASH_RETENTION)
    ids = list(due.values_list("pk", flat=True)[:1000])
    for each in ids:
        adventures.purge(each)
    return len(ids)
