"""How many scenarios, links and copies one player may have."""

from datetime import timedelta

from django.utils.translation import gettext as _

from game.models import Player

MOST_SCENARIOS = 100  # per author, drafts included
MOST_SHARES = 200  # per player, without deleted ones
LONGEST_SHARED = 32 * 1024**2  # bytes of one link's texts, uncompressed
MOST_SHARED = 64 * 1024**2  # bytes of all texts of a player's links, compressed
MOST_ADVENTURES = 1_000  # per player, from which on nothing can be copied
COPIES_A_DAY = 50
MOST_COPIED = 20_000  # turns in one copy

TRASH_RETENTION = timedelta(hours=24)  # how long something deleted can be restored


class LimitMet(Exception):
    """A limit of the library is reached. The message tells the player what to do."""


def lock(player: Player) -> None:
    """Lock the player's row until the transaction ends, so that two requests count correctly."""
    Player.objects.select_for_update(no_key=True).get(pk=player.pk)


def refuse_beyond_scenario_limit(player: Player) -> None:
    """Raise LimitMet if the player has MOST_SCENARIOS. Locks the player's row."""
    lock(player)
    refuse_too_many_scenarios(player)


def refuse_too_many_scenarios(player: Player) -> None:
    """As `refuse_beyond_scenario_limit`, for who cannot lock the player's row for so long."""
    if player.scenarios.count() >= MOST_SCENARIOS:
        raise LimitMet(
            _("You have %(most)d scenarios, the maximum. Delete one first.")
            % {"most": MOST_SCENARIOS}
        )
