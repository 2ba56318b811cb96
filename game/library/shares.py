"""Makes, updates, deletes and restores links to paths of adventures, and copies for readers."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.library import copies, share_content, trash
from game.library.limits import MOST_SHARES, LimitMet, lock
from game.models import Adventure, Player, Share, Turn
from game.moderation.standing import publishing_refusal


def refuse_beyond_share_limit(player: Player) -> None:
    """Raise LimitMet if the player has MOST_SHARES. Locks the player's row."""
    lock(player)
    if Share.objects.of(player).count() >= MOST_SHARES:
        raise LimitMet(
            _("You have %(most)d links, the maximum. Delete one first.") % {"most": MOST_SHARES}
        )


def share(player: Player, turn: Turn, plot: bool) -> Share:
    """A link to the path up to `turn` as it is now; an existing one if it shows the same.

    With `plot` readers see memory, author's note and cards as well. Raises LimitMet, also for a
    player who may not publish now.
    """
    if (reason := publishing_refusal(player)) is not None:
        raise LimitMet(reason)
    with transaction.atomic():
        lock(player)
        live = Share.objects.of(player)
        current = share_content.capture(turn, plot)
        _content, digest = share_content.pack(current)
        same = live.filter(turn=turn, plot=plot, hidden=False, texts__digest=digest)
        found = same.first()
        if found is not None:
            return found
        refuse_beyond_share_limit(player)
        made = Share.objects.create(
            adventure_id=turn.adventure_id, turn=turn, player=player, plot=plot
        )
        share_content.store(made, current)
        return made


def update(share: Share) -> None:
    """Store the path as it is now as the link's texts.

    Raises LimitMet, also for a player who may not publish now.
    """
    if (reason := publishing_refusal(share.player)) is not None:
        raise LimitMet(reason)
    with transaction.atomic():
        lock(share.player)
        share_content.store(share, share_content.capture(share.turn, share.plot))


def revoke(share: Share) -> None:
    """Delete a link. Copies that others made of it stay."""
    Share.objects.filter(pk=share.pk, deleted__isnull=True).update(deleted=Now())


def deleted_of(player: Any) -> QuerySet[Share]:
    """The links that `player` deleted and can restore, last deleted first."""
    return trash.restorable(Share.objects.with_deleted_of(player))


def restore(player: Player, share: Share) -> None:
    """Restore a deleted link.

    Raises LimitMet, also for a player who may not publish now.
    """
    if (reason := publishing_refusal(player)) is not None:
        raise LimitMet(reason)
    with transaction.atomic():
        refuse_beyond_share_limit(player)
        Share.objects.filter(pk=share.pk).update(deleted=None)


def play_on(share: Share, player: Player) -> Adventure:
    """Copy what the link shows for `player` to play on. Raises LimitMet."""
    return copies.copy_shared(player, share.adventure, share_content.load(share), share.plot)
