"""What a player may not do just now, by decision of staff."""

from collections.abc import Collection
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from game.models import Player, Sanction

SHUT_OUT = (Sanction.Kind.SUSPENSION, Sanction.Kind.BAN)


def shut_out(player: Player) -> str | None:
    """None, or why the player may not play, in words for them."""
    worst = (
        Sanction.objects.in_force()
        .filter(player=player, kind__in=SHUT_OUT)
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


def among_shut_out(players: Collection[UUID]) -> set[UUID]:
    """Those of many players for whom `shut_out` has a reason, without asking which."""
    sanctions = Sanction.objects.in_force().filter(player__in=players, kind__in=SHUT_OUT)
    return set(sanctions.values_list("player_id", flat=True))


def may_publish(player: Player) -> str | None:
    """None, or why the player may not publish or share just now, in words for them."""
    if (reason := shut_out(player)) is not None:
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
