"""Deletes a player with all their data: rows, sessions, log entries of the admin, keys in Redis.

An adventure that others play in stays with them; its turns no longer name the deleted player.
"""

import contextlib
import logging
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from game.library.deletion import delete_player_content
from game.models import (
    LONGEST_TEXT,
    Adventure,
    Membership,
    Player,
    Scenario,
    Turn,
    TurnPart,
    Visibility,
)
from game.moderation.deletion import redact_cases
from game.play import adventures
from game.play.changes import NoSuchAdventure, change_adventure
from game.tables import members, roster

logger = logging.getLogger(__name__)

GUEST_RETENTION = timedelta(days=30)
BATCH_SIZE = 200  # guests deleted in one run of the hourly task


def deletion_counts(player: Player) -> dict[str, int]:
    """How many adventures are deleted, how many others keep, and how many scenarios are public."""
    alone, shared = stories_of(player)
    public = Scenario.objects.of(player).filter(visibility=Visibility.PUBLIC).count()
    return {"alone": len(alone), "shared": len(shared), "public": public}


def stories_of(player: Player) -> tuple[list[Adventure], list[Adventure]]:
    """The adventures that end with the player, and those that others keep.

    Spectators keep none: an adventure of which only they are left is deleted.
    """
    theirs = list(Adventure.objects.with_member(player, list(Membership.Role)))
    others = set(
        Membership.objects.filter(adventure__in=theirs, role__in=Membership.ACTING)
        .exclude(player=player)
        .values_list("adventure_id", flat=True)
    )
    return (
        [each for each in theirs if each.pk not in others],
        [each for each in theirs if each.pk in others],
    )


def delete_player(player: Player) -> None:
    """Delete a player and all their data for good. The adventures that only they play go first."""
    identity = player.pk
    alone, shared = stories_of(player)
    delete_player_content(player)
    redact_cases(player)
    for adventure in alone:
        with contextlib.suppress(NoSuchAdventure):  # deleted in another window, just now
            adventures.purge(adventure.pk)
    with transaction.atomic():
        for adventure in sorted(shared, key=lambda each: each.pk):  # the same order for everybody
            with contextlib.suppress(NoSuchAdventure), change_adventure(adventure.pk) as locked:
                members.leave_for_good(locked, player)
        remove_character_names(player)
        delete_traces(player, [each.pk for each in alone])
        player.delete()
    logger.info("player %s is deleted", identity)


def remove_character_names(player: Player) -> None:
    """The actions stay in the stories of others; the names under which they were done go."""
    gone = roster.somebody()
    parts = list(TurnPart.objects.filter(player=player).select_related("turn"))
    for part in parts:
        part.turn.refresh_from_db(fields=["action"])  # an earlier part may be of the same turn
        named = whole_name(part.character)
        part.turn.action = named.sub(lambda _found: gone, part.turn.action)[:LONGEST_TEXT]
        part.turn.save(update_fields=["action"])
        if part.turn.character == part.character:
            Turn.objects.filter(pk=part.turn_id).update(character=gone)
    TurnPart.objects.filter(player=player).update(character=gone)
    Turn.objects.filter(player=player).exclude(character="").update(character=gone)


def whole_name(name: str) -> re.Pattern[str]:
    """Where a text has a name, and not a longer word with its letters.

    In scripts without capitals words may stand together without spaces.
    """
    alone = name[:1].swapcase() != name[:1]
    before, after = (r"(?<!\w)", r"(?!\w)") if alone else ("", "")
    return re.compile(before + re.escape(name) + after)


def delete_traces(player: Player, stories: list[UUID]) -> None:
    """Delete what no foreign key leads to: sessions, failed log-ins, log entries of the admin."""
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


def delete_inactive_guests() -> int:
    """Delete up to BATCH_SIZE guests who have not visited for GUEST_RETENTION. How many."""
    long_ago = datetime.now(UTC) - GUEST_RETENTION
    inactive = Q(seen__lt=long_ago.date()) | Q(seen__isnull=True, date_joined__lt=long_ago)
    guests = Player.objects.filter(inactive, is_guest=True)
    gone = 0
    for guest in list(guests.order_by("date_joined")[:BATCH_SIZE]):
        played = Adventure.objects.readable_by(guest).filter(changed__gte=long_ago).exists()
        if played:  # a window that stayed open for a month: sockets are visits too
            Player.objects.filter(pk=guest.pk).update(seen=datetime.now(UTC).date())
            continue
        delete_player(guest)
        gone += 1
    return gone
