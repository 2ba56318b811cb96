"""A player's adventures: archived, deleted, restored, and purged in time."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from game.library import trash
from game.library.limits import KEPT_DELETED
from game.models import Adventure
from game.play import adventures
from game.play.changes import change_adventure
from game.play.endings import stop_turn_under_way


def deleted_of(player: Any) -> QuerySet[Adventure]:
    """What `player` deleted and can restore, last deleted first."""
    return trash.still_there(Adventure.objects.with_deleted_of(player))


def set_archived(adventure_id: UUID, archived: bool) -> None:
    """Archive an adventure, or take it out of the archive. When it was played stays as it was."""
    Adventure.objects.filter(pk=adventure_id).update(archived=archived)


def delete(adventure_id: UUID) -> None:
    """Delete an adventure: nobody finds it any more, and links to it lead nowhere.

    A turn under way is stopped. Its words are kept for KEPT_DELETED, so that it can be restored.
    """
    with change_adventure(adventure_id) as adventure:
        stop_turn_under_way(adventure)
        adventure.deleted = Now()
        adventure.raise_version()
        adventure.save(update_fields=["deleted"])


def restore(adventure_id: UUID) -> None:
    """Restore a deleted adventure, and the links to it."""
    Adventure.objects.filter(pk=adventure_id).update(deleted=None)


def purge_deleted() -> int:
    """Purge the adventures that were deleted KEPT_DELETED ago. Returns how many."""
    due = Adventure.objects.filter(deleted__lte=Now() - KEPT_DELETED)
    ids = list(due.values_list("pk", flat=True)[:1000])
    for each in ids:
        adventures.purge(each)
    return len(ids)
