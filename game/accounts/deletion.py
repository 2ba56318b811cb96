"""Deleting a player, with everything: rows, sessions, traces of staff, what Redis remembers.

A story that others play in stays with them; whose words were whose is no longer known.
"""

import contextlib
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from game.library.deletion import forget_player
from game.models import Adventure, Membership, Player, Scenario, Visibility
from game.moderation.deletion import forget_player as forget_cases
from game.play import adventures
from game.play.changes import NoSuchAdventure

logger = logging.getLogger(__name__)

GUESTS_STAY = timedelta(days=30)
AT_ONCE = 200  # guests forgotten in one go


def what_goes(player: Player) -> dict[str, int]:
    """What the page that asks says."""
    alone, shared = stories_of(player)
    public = Scenario.objects.of(player).filter(visibility=Visibility.PUBLIC).count()
    return {"alone": len(alone), "shared": len(shared), "public": public}


def stories_of(player: Player) -> tuple[list[Adventure], list[Adventure]]:
    """The adventures that go with the player, and those that others play in."""
    theirs = list(Adventure.objects.with_deleted_of(player))
    others = set(
        Membership.objects.filter(adventure__in=theirs)
        .exclude(player=player)
        .values_list("adventure_id", flat=True)
    )
    return (
        [each for each in theirs if each.pk not in others],
        [each for each in theirs if each.pk in others],
    )


def delete_player(player: Player) -> None:
    """Delete a player for good."""
    identity = player.pk
    alone, shared = stories_of(player)
    forget_player(player)
    forget_cases(player)
    for adventure in alone:
        with contextlib.suppress(NoSuchAdventure):  # deleted in another window, just now
            adventures.purge(adventure.pk)
    with transaction.atomic():
        for adventure in shared:
            leave_to_members(adventure, player)
        forget_traces(player, [each.pk for each in alone])
        player.delete()
    logger.info("player %s is deleted", identity)


def leave_to_members(adventure: Adventure, player: Player) -> None:
    """Leave a story to those who play in it; without an owner, one of them becomes it."""
    Membership.objects.filter(adventure=adventure, player=player).delete()
    left = Membership.objects.filter(adventure=adventure)
    if not left.filter(role=Membership.Role.OWNER).exists():
        heir = left.first()
        if heir is not None:
            heir.role = Membership.Role.OWNER
            heir.save(update_fields=["role"])


def forget_traces(player: Player, stories: list[UUID]) -> None:
    """What no foreign key leads to: sessions, attempts to log in, notes of the admin."""
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(player.pk):
            session.delete()
    AccessAttempt.objects.filter(
        Q(username__iexact=player.username) | Q(username__iexact=player.email or "-")
    ).delete()
    of = ContentType.objects.get_for_model
    LogEntry.objects.filter(content_type=of(Player), object_id=str(player.pk)).delete()
    LogEntry.objects.filter(
        content_type=of(Adventure), object_id__in=[str(pk) for pk in stories]
    ).delete()


def forget_guests() -> int:
    """Delete the guests who have not been here for 30 days. How many there were."""
    long_ago = datetime.now(UTC) - GUESTS_STAY
    away = Q(seen__lt=long_ago.date()) | Q(seen__isnull=True, date_joined__lt=long_ago)
    guests = Player.objects.filter(away, is_guest=True)
    gone = 0
    for guest in list(guests.order_by("date_joined")[:AT_ONCE]):
        played = Adventure.objects.of(guest).filter(changed__gte=long_ago).exists()
        if played:  # a window that stayed open for a month: sockets are visits too
            Player.objects.filter(pk=guest.pk).update(seen=datetime.now(UTC).date())
            continue
        delete_player(guest)
        gone += 1
    return gone
