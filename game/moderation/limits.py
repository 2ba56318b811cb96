"""Players' own audience limits, which hold for scenarios and replies."""

from django.utils.translation import gettext as _

from game.models import Audience, Player
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


def set_limit(player: Player, audience: str) -> None:
    """Set the player's limit; it applies to running adventures from their next turn on."""
    player.audience_limit = audience
    player.save(update_fields=["audience_limit"])
