"""What one player may have in the library. A limit that is met says so and loses nothing."""

from datetime import timedelta

from django.utils.translation import gettext as _

from game.models import Player

MOST_SCENARIOS = 100  # of one's own, drafts with them
MOST_SHARES = 200  # links that lead somewhere
LONGEST_SHARED = 32 * 1024**2  # bytes of text that one link shows, unpacked
MOST_SHARED = 64 * 1024**2  # packed bytes that all links of a player hold
MOST_ADVENTURES = 1_000  # beyond these nothing is copied
COPIES_A_DAY = 50
MOST_COPIED = 20_000  # turns in one copy

KEPT_DELETED = timedelta(hours=24)  # how long an adventure can be brought back


class LimitMet(Exception):
    """There is no room for another. Its text tells the player what to do."""


def lock(player: Player) -> None:
    """Hold the player's row, so that two requests at once do not both find room."""
    Player.objects.select_for_update(no_key=True).get(pk=player.pk)


def refuse_beyond_scenario_limit(player: Player) -> None:
    """Raises LimitMet where the player has as many scenarios as allowed."""
    lock(player)
    if player.scenarios.count() >= MOST_SCENARIOS:
        raise LimitMet(
            _("You have %(most)d scenarios, the maximum. Delete one first.")
            % {"most": MOST_SCENARIOS}
        )
