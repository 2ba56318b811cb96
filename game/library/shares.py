"""Paths of adventures that can be read by a link: made, read, taken back, played on in a copy."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game import paths
from game.library import copies
from game.library.limits import MOST_SHARES, LimitMet, lock
from game.models import Adventure, Player, Share, Turn
from game.moderation.standing import may_publish


def share(player: Player, turn: Turn, plot: bool) -> Share:
    """A link to the path up to `turn`; the one there is, where there is one.

    Raises LimitMet, also for a player who may not publish just now.

    With `plot` whoever reads it sees memory, author's note and cards as well.
    """
    if (reason := may_publish(player)) is not None:
        raise LimitMet(reason)
    with transaction.atomic():
        lock(player)
        live = Share.objects.of(player)
        found = live.filter(turn=turn, plot=plot, hidden=False).first()
        if found is not None:
            return found
        if live.count() >= MOST_SHARES:
            raise LimitMet(
                _("You have %(most)d links, the maximum. Delete one first.") % {"most": MOST_SHARES}
            )
        return Share.objects.create(
            adventure_id=turn.adventure_id, turn=turn, player=player, plot=plot
        )


def revoke(share: Share) -> None:
    """Take a link back: from now on it leads nowhere. Copies that others made are theirs."""
    Share.objects.filter(pk=share.pk, revoked__isnull=True).update(revoked=Now())


def path_of(share: Share) -> list[UUID]:
    """The turns that the link shows, oldest first."""
    return paths.whole_path(share.turn_id)


def play_on(share: Share, player: Player) -> Adventure:
    """A copy of what the link shows, for `player` to play on in. Raises LimitMet."""
    return copies.copy_path(player, share.adventure, share.turn_id, share.plot)
