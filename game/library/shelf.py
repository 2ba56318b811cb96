"""Adventures on the shelf: put away, deleted, brought back, and ended in time."""

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
    """What `player` deleted and can bring back, last deleted first."""
    return trash.still_there(Adventure.objects.with_deleted_of(player))


def archive(adventure_id: UUID, archived: bool) -> None:
    """Put an adventure away, or take it out. When it was played stays as it was."""
    Adventure.objects.filter(pk=adventure_id).update(archived=archived)


def delete(adventure_id: UUID) -> None:
    """Delete an adventure: nobody finds it any more, and links to it lead nowhere.

    What is told in it is stopped. Its words stay for KEPT_DELETED, for whoever regrets it.
    """
    with change_adventure(adventure_id) as adventure:
        stop_turn_under_way(adventure)
        adventure.deleted = Now()
        adventure.raise_version()
        adventure.save(update_fields=["deleted"])


def restore(adventure_id: UUID) -> None:
    """Bring back what was deleted, links with it."""
    Adventure.objects.filter(pk=adventure_id).update(deleted=None)


def end(adventure_id: UUID) -> None:
    """End an adventure for good."""
    adventures.delete(adventure_id)


def purge_deleted() -> int:
    """End for good what was deleted KEPT_DELETED ago. How many."""
    due = Adventure.objects.filter(deleted__lte=Now() - KEPT_DELETED)
    ids = list(due.values_list("pk", flat=True)[:1000])
    for each in ids:
        end(each)
    return len(ids)
