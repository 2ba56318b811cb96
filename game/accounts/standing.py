"""Whether a player may play just now. Pages, sockets and commands ask here, and nowhere else."""

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from game.models import Player
from game.moderation.standing import among_shut_out, shut_out

# Pages that stay open to a player who may not play: what is theirs is theirs all the same.
STILL_OPEN = {"account_logout", "account_home", "account_data", "account_delete"}
# Whoever is shut out may read why, and appeal.
STILL_OPEN |= {"notices", "appeal", "limit", "policy"}


def may_play(player: Player) -> str | None:
    """None, or why not, in words for the player."""
    if not player.is_active:
        return _("This account is closed.")
    if settings.ACCOUNTS == "invite" and player.is_guest:
        return _("Only invited players can use this host. Sign up with your invite link.")
    return shut_out(player)


def refusal(player_id: UUID) -> str | None:
    """As `may_play`, from what the database says now: a socket's own copy may be hours old."""
    player = Player.objects.filter(pk=player_id).first()
    return _("This account no longer exists.") if player is None else may_play(player)


def certainly_allowed(players: Collection[UUID]) -> dict[UUID, str]:
    """Those of many players whom `may_play` lets play for certain, each with the password's hash.

    The rest are to be asked about one by one: some of them may play all the same.
    """
    found = Player.objects.filter(pk__in=players, is_active=True)
    if settings.ACCOUNTS == "invite":
        found = found.filter(is_guest=False)
    doubtful = among_shut_out(players)
    return {pk: word for pk, word in found.values_list("pk", "password") if pk not in doubtful}
