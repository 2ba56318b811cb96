"""Who has begun a scenario, and its ratings: 1 to 5 stars.

One Begun row per player and scenario holds both. Every rating is stored. A guest's counts once they
have signed up, since anybody can become a new guest at any time; an author's never counts. The sums
are columns of the scenario, for sorting lists.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from game.models import Begun, Player, Scenario

# One statement for any number of scenarios, which writes only those whose sums have changed.
COUNT = """
UPDATE game_scenario s SET begun_by = c.begun_by, rated_by = c.rated_by, stars = c.stars
FROM (
    SELECT s.slug,
        count(b.id) AS begun_by,
        count(b.rating) FILTER (WHERE NOT p.is_guest) AS rated_by,
        coalesce(sum(b.rating) FILTER (WHERE NOT p.is_guest), 0) AS stars
    FROM game_scenario s
    LEFT JOIN game_begun b
        ON b.scenario_id = s.slug AND b.player_id IS DISTINCT FROM s.author_id
    LEFT JOIN game_player p ON p.id = b.player_id
    {where}
    GROUP BY s.slug
) c
WHERE s.slug = c.slug
    AND (s.begun_by, s.rated_by, s.stars) IS DISTINCT FROM (c.begun_by, c.rated_by, c.stars)
"""


class MayNotRate(Exception):
    """Only a player who has begun a scenario, and did not write it, may rate it."""


def record_begun(player: Player, scenario: Scenario) -> None:
    """Record that `player` has begun `scenario`, and update its count the first time."""
    _, first = Begun.objects.get_or_create(player=player, scenario=scenario)
    if first:
        count([scenario.slug])


def may_rate(player: Player, scenario: Scenario) -> bool:
    """Whether the player has begun the scenario and is not its author."""
    begun = Begun.objects.filter(player=player, scenario=scenario).exists()
    return begun and scenario.author_id != player.pk


def rate(player: Player, scenario: Scenario, rating: int | None) -> None:
    """Store a rating of 1 to 5, or delete it (None). Raises MayNotRate."""
    with transaction.atomic():
        if not may_rate(player, scenario):
            raise MayNotRate
        Begun.objects.filter(player=player, scenario=scenario).update(rating=rating)
        count([scenario.slug])


def rating_of(player: Player, scenario: Scenario) -> int | None:
    """The player's own rating, 1 to 5; None without one."""
    mine = Begun.objects.filter(player=player, scenario=scenario).first()
    return mine.rating if mine else None


def count(slugs: Iterable[str] | None = None) -> None:
    """Recompute the sums of these scenarios; None: of all."""
    with connection.cursor() as cursor:
        if slugs is None:
            cursor.execute(COUNT.format(where=""))
        else:
            cursor.execute(COUNT.format(where="WHERE s.slug = ANY(%s)"), [list(slugs)])
