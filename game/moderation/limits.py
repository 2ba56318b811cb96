"""Players' own audience limits, which hold for scenarios and replies of all who play together."""

from django.utils.translation import gettext as _

from game.models import Adventure, Audience, Membership, Player
from game.models.audience import within
from game.play.protocol import Refused


def refuse_beyond(player: Player, audience: str) -> None:
    """Raise Refused if a story's audience is wider than the player's limit."""
    if audience not in within(player.audience_limit):
        raise Refused(
            "not_allowed",
            _(
                "This is for %(audience)s, and your content limit is stricter. You can change "
                "your limit."
            )
            % {"audience": Audience(audience).label},
        )


def effective_audience(audience: str, player: Player | None) -> str:
    """The narrower of a story's audience and the player's limit."""
    if player is None or audience in within(player.audience_limit):
        return audience
    return player.audience_limit


def table_audience(adventure: Adventure, player: Player | None = None) -> str:
    """For whom the narrator tells an adventure now.

    That is the strictest of its own audience, the limits of all who play in it, and `player`'s.
    Spectators do not count: they may not join what is beyond their limit.
    """
    acting = Membership.objects.filter(adventure=adventure.pk, role__in=Membership.ACTING)
    limits = acting.values_list("player__audience_limit", flat=True).distinct().order_by()
    strictest = min([adventure.audience, *limits], key=lambda each: len(within(each)))
    return effective_audience(strictest, player)


def set_limit(player: Player, audience: str) -> None:
    """Set the player's limit; it applies to running adventures from their next turn on."""
    player.audience_limit = audience
    player.save(update_fields=["audience_limit"])
