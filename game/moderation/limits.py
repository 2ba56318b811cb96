"""A player's own limit: nothing beyond it is begun, or told to them."""

from django.utils.translation import gettext as _

from game.models import Audience, Player
from game.models.audience import within
from game.play.protocol import Refused


def refuse_beyond(player: Player, audience: str) -> None:
    """Raises Refused where a story is for a wider audience than the player wants."""
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
    """For whom a story is told to this player: within their own limit, whatever it is for."""
    if player is None or audience in within(player.audience_limit):
        return audience
    return player.audience_limit


def set_limit(player: Player, audience: str) -> None:
    """Nothing beyond `audience` from now on: stories that were told for more are told for less."""
    player.audience_limit = audience
    player.save(update_fields=["audience_limit"])
