"""Paths of adventures that can be read by a link: made, read, taken back, played on in a copy."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.library import copies, shown, trash
from game.library.limits import MOST_SHARES, LimitMet, lock
from game.models import Adventure, Player, Share, Turn
from game.moderation.standing import may_publish


def refuse_beyond_share_limit(player: Player) -> None:
    """Raises LimitMet. The player's row stays locked, so that two links do not share the room."""
    lock(player)
    if Share.objects.of(player).count() >= MOST_SHARES:
        raise LimitMet(
            _("You have %(most)d links, the maximum. Delete one first.") % {"most": MOST_SHARES}
        )


def share(player: Player, turn: Turn, plot: bool) -> Share:
    """A link to the path up to `turn` as it is now; the one there is, if it shows the same.

    Raises LimitMet, also for a player who may not publish just now.

    With `plot` whoever reads it sees memory, author's note and cards as well.
    """
    if (reason := may_publish(player)) is not None:
        raise LimitMet(reason)
    with transaction.atomic():
        lock(player)
        live = Share.objects.of(player)
        current = shown.now(turn, plot)
        _content, digest = shown.packed(current)
        same = live.filter(turn=turn, plot=plot, hidden=False, texts__digest=digest)
        found = same.first()
        if found is not None:
            return found
        refuse_beyond_share_limit(player)
        made = Share.objects.create(
            adventure_id=turn.adventure_id, turn=turn, player=player, plot=plot
        )
        shown.keep(made, current)
        return made


def update(share: Share) -> None:
    """Have a link show its path as it is now.

    Raises LimitMet, also for a player who may not publish just now.
    """
    if (reason := may_publish(share.player)) is not None:
        raise LimitMet(reason)
    with transaction.atomic():
        lock(share.player)
        shown.keep(share, shown.now(share.turn, share.plot))


def revoke(share: Share) -> None:
    """Delete a link: from now on it leads nowhere. Copies that others made are theirs."""
    Share.objects.filter(pk=share.pk, deleted__isnull=True).update(deleted=Now())


def deleted_of(player: Any) -> QuerySet[Share]:
    """The links that `player` deleted and can restore."""
    return trash.still_there(Share.objects.with_deleted_of(player))


def restore(player: Player, share: Share) -> None:
    """The link leads again where it led.

    Raises LimitMet, also for a player who may not publish just now.
    """
    if (reason := may_publish(player)) is not None:
        raise LimitMet(reason)
    with transaction.atomic():
        refuse_beyond_share_limit(player)
        Share.objects.filter(pk=share.pk).update(deleted=None)


def play_on(share: Share, player: Player) -> Adventure:
    """A copy of what the link shows, for `player` to play on in. Raises LimitMet."""
    return copies.copy_shown(player, share.adventure, shown.of(share), share.plot)
