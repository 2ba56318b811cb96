"""Whether a player may play now. Pages, sockets and commands all ask here."""

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from game.models import Player
from game.moderation.standing import suspended_among, suspension_reason

# Pages that stay open to a player who may not play: they can still take or delete their data.
STILL_OPEN = {"account_logout", "account_home", "account_data", "account_delete"}
# A suspended or banned player may read why, and appeal.
STILL_OPEN |= {"notices", "appeal", "limit", "policy"}


def play_refusal(player: Player) -> str | None:
    """Why the player may not play, in words for them; None if they may."""
    if not player.is_active:
        return _("This account is closed.")
    if settings.ACCOUNTS == "invite" and player.is_guest:
        return _("Only invited players can use this host. Sign up with your invite link.")
    return suspension_reason(player)


def current_play_refusal(player_id: UUID) -> str | None:
    """`play_refusal` of the row as the database has it now; a socket's copy may be hours old."""
    player = Player.objects.filter(pk=player_id).first()
    return _("This account no longer exists.") if player is None else play_refusal(player)


def certainly_allowed(players: Collection[UUID]) -> dict[UUID, str]:
    """The password hashes of those players who may certainly play, by id.

    One query for many sockets. `play_refusal` decides about the rest, some of whom may play as
    well.
    """
    found = Player.objects.filter(pk__in=players, is_active=True)
    if settings.ACCOUNTS == "invite":
        found = found.filter(is_guest=False)
    suspended = suspended_among(players)
    return {pk: word for pk, word in found.values_list("pk", "password") if pk not in suspended}
