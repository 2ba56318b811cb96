"""What players deleted and can restore for a while: adventures, cards, scenarios, links.

Each deletion shows a message with an Undo button, and list pages show what was deleted below what
is there (`parts/deleted.html`).
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

from game.library.limits import TRASH_RETENTION
from game.models import Adventure, Scenario, Share, StoryCard

HOURS = int(TRASH_RETENTION.total_seconds() // 3600)
MOST_DELETED = 100  # per model and owner; the oldest beyond are deleted permanently
UNDO = "undo:"  # prefix of a message's tag that has the URL of its Undo button


@dataclass(frozen=True)
class Deleted:
    """A deleted thing in the list of what can be restored."""

    title: str
    when: datetime
    restore: str  # the URL that restores it (POST)
    purge: str = ""  # the URL that deletes it permanently (POST), if there is one


def announce_with_undo(request: HttpRequest, message: str, undo: str) -> None:
    """Show a message with a button that sends a POST to the URL `undo`."""
    messages.success(request, message, extra_tags=f"{UNDO}{undo}")


def deleted_message(title: str) -> str:
    """The message after a deletion, with how long it can be restored."""
    named = {"title": title, "hours": HOURS}
    return _("“%(title)s” was deleted. You can restore it for %(hours)d hours.") % named


def restored_message(title: str) -> str:
    """The message after a restore."""
    return _("“%(title)s” was restored.") % {"title": title}


def undo_url(message: Message) -> str:
    """The URL of a message's Undo button; "" if it has none."""
    tags = (message.extra_tags or "").split(" ")
    return next((tag.removeprefix(UNDO) for tag in tags if tag.startswith(UNDO)), "")


T = TypeVar("T", Adventure, Scenario, Share, StoryCard)


def restorable(among: QuerySet[T]) -> QuerySet[T]:
    """Those that were deleted within TRASH_RETENTION, last deleted first."""
    return among.filter(deleted__gt=Now() - TRASH_RETENTION).order_by("-deleted")


def purge() -> int:
    """Delete cards and scenarios permanently that are past TRASH_RETENTION. How many rows."""
    deleted = 0
    every: Iterable[QuerySet[StoryCard] | QuerySet[Scenario]] = (
        StoryCard.with_deleted.all(),
        Scenario.with_deleted.all(),
    )
    for each in every:
        due = each.filter(deleted__lte=Now() - TRASH_RETENTION)
        count, _rows = each.filter(pk__in=list(due.values_list("pk", flat=True)[:1000])).delete()
        deleted += count
    return deleted
