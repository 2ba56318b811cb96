"""What players deleted and can restore for a while: adventures, cards, scenarios, links.

Whatever deletes says so with a message that has an Undo button, and the page that lists what is
there lists below it what was deleted (`parts/deleted.html`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.translation import gettext as _

from game.library.limits import KEPT_DELETED
from game.models import Adventure, Scenario, Share, StoryCard

HOURS = int(KEPT_DELETED.total_seconds() // 3600)
MOST_DELETED = 100  # of each kind in one place; the oldest beyond are gone
UNDO = "undo:"  # begins a message's tag that names where Undo is sent


@dataclass(frozen=True)
class Deleted:
    """Something that can be restored."""

    title: str
    when: datetime
    restore: str  # the address that a form is sent to
    purge: str = ""  # the same, for deleting it permanently before its time


def announce_with_undo(request: HttpRequest, said: str, undo: str) -> None:
    """A message of what was done, with a button that undoes it by a POST to `undo`."""
    messages.success(request, said, extra_tags=f"{UNDO}{undo}")


def said_deleted(title: str) -> str:
    named = {"title": title, "hours": HOURS}
    return _("“%(title)s” was deleted. You can restore it for %(hours)d hours.") % named


def said_restored(title: str) -> str:
    return _("“%(title)s” was restored.") % {"title": title}


def undo_url(message: Message) -> str:
    """Where a message's Undo is sent; "" where it has none."""
    tags = (message.extra_tags or "").split(" ")
    return next((tag.removeprefix(UNDO) for tag in tags if tag.startswith(UNDO)), "")


T = TypeVar("T", Adventure, Scenario, Share, StoryCard)


def still_there(among: QuerySet[T]) -> QuerySet[T]:
    """Those that were deleted and can be restored, last deleted first."""
    return among.filter(deleted__gt=Now() - KEPT_DELETED).order_by("-deleted")


def purge() -> int:
    """Delete permanently what was deleted KEPT_DELETED ago. How many rows."""
    gone = 0
    every: Iterable[QuerySet[StoryCard] | QuerySet[Scenario]] = (
        StoryCard.with_deleted.all(),
        Scenario.with_deleted.all(),
    )
    for each in every:
        due = each.filter(deleted__lte=Now() - KEPT_DELETED)
        count, _rows = each.filter(pk__in=list(due.values_list("pk", flat=True)[:1000])).delete()
        gone += count
    return gone
