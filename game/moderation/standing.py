"""Sanctions in force: whether a player is suspended, banned or muted."""

from collections.abc import Collection
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from game.models import Player, Sanction

SUSPENDING = (Sanction.Kind.SUSPENSION, Sanction.Kind.BAN)  # sanctions that forbid to play


def suspension_reason(player: Player) -> str | None:
    """Why the player is suspended or banned, in words for them; None if they are not."""
    worst = (
        Sanction.objects.in_force()
        .filter(player=player, kind__in=SUSPENDING)
        .order_by("kind", "-until")  # a ban before a suspension
        .first()
    )
    if worst is None:
        return None
    if worst.kind == Sanction.Kind.BAN or worst.until is None:
        return _("You are banned from this host. Your notices say why, and how to appeal.")
    left = timezone.localtime(worst.until)
    return _(
        "You are suspended until %(day)s, %(time)s UTC. Your notices say why, and how to appeal."
    ) % {"day": f"{left:%Y-%m-%d}", "time": f"{left:%H:%M}"}


def suspended_among(players: Collection[UUID]) -> set[UUID]:
    """Those of many players who are suspended or banned, with one query."""
    sanctions = Sanction.objects.in_force().filter(player__in=players, kind__in=SUSPENDING)
    return set(sanctions.values_list("player_id", flat=True))


def publishing_refusal(player: Player) -> str | None:
    """Why the player may not publish or share now, in words for them; None if they may."""
    if (reason := suspension_reason(player)) is not None:
        return reason
    mute = (
        Sanction.objects.in_force()
        .filter(player=player, kind=Sanction.Kind.MUTE)
        .order_by("-until")
        .first()
    )
    if mute is None:
        return None
    if mute.until is None:
        return _("You may not publish or share here. Your notices say why.")
    return _("You may not publish or share until %(day)s. Your notices say why.") % {
        "day": f"{mute.until:%Y-%m-%d}"
    }
