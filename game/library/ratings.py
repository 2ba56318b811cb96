"""Who has begun a scenario, and what they think of it: 1 to 5 stars.

One row for a player and a scenario holds both. Everybody's rating is kept; the ones of guests count
once they have signed up, since anybody can be a new guest as often as they like, and the ones of
authors never count. The sums stand with the scenario, for lists in their order.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from game.models import Begun, Player, Scenario

# One statement for any number of scenarios; those whose sums are right are left alone.
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
    """Only those who have begun a scenario, and did not write it, may rate it."""


def note_begun(player: Player, scenario: Scenario) -> None:
    """Remember that `player` has begun `scenario`."""
    _, first = Begun.objects.get_or_create(player=player, scenario=scenario)
    if first:
        count([scenario.slug])


def may_rate(player: Player, scenario: Scenario) -> bool:
    begun = Begun.objects.filter(player=player, scenario=scenario).exists()
    return begun and scenario.author_id != player.pk


def rate(player: Player, scenario: Scenario, rating: int | None) -> None:
    """Give a rating of 1 to 5, another one, or (None) take it back. Raises MayNotRate."""
    with transaction.atomic():
        if not may_rate(player, scenario):
            raise MayNotRate
        Begun.objects.filter(player=player, scenario=scenario).update(rating=rating)
        count([scenario.slug])


def rating_of(player: Player, scenario: Scenario) -> int | None:
    mine = Begun.objects.filter(player=player, scenario=scenario).first()
    return mine.rating if mine else None


def count(slugs: Iterable[str] | None = None) -> None:
    """Bring the sums up to date, of some scenarios or of all."""
    with connection.cursor() as cursor:
        if slugs is None:
            cursor.execute(COUNT.format(where=""))
        else:
            cursor.execute(COUNT.format(where="WHERE s.slug = ANY(%s)"), [list(slugs)])
