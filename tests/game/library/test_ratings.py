"""Who may rate a scenario, what counts, and the order that comes of it."""

import pytest

from game.library import ratings
from game.models import Begun, Player, Scenario

pytestmark = pytest.mark.django_db
URL = "/scenarios/the-cellar/rate/"


def sums():
    return Scenario.objects.values_list("begun_by", "rated_by", "stars").get(slug="the-cellar")


def test_who_has_begun_it_rates_changes_and_takes_it_back(as_player, alice, adventure):
    client = as_player(alice)
    assert "Rate this scenario" in client.get("/scenarios/the-cellar/").content.decode()
    for rating, known in [("5", (1, 1, 5)), ("2", (1, 1, 2)), ("", (1, 0, 0))]:
        client.post(URL, {"rating": rating})
        assert sums() == known


def test_who_has_not_begun_it_rates_nothing(as_player, client, bob, scenario):
    for who in (None, bob):
        if who:
            client.force_login(who)
        answer = client.post(URL, {"rating": "5"}, follow=True)
        assert "Play it before" in answer.content.decode()
    assert "Rate this scenario" not in client.get("/scenarios/the-cellar/").content.decode()
    assert Begun.objects.count() == 0
    assert sums() == (0, 0, 0)


def test_beginning_again_is_one_player(alice, begin):
    begin(alice)
    begin(alice)
    assert sums() == (1, 0, 0)


@pytest.mark.parametrize("rating", ["0", "6", "-1", "five", "5.5", "9" * 50])
def test_a_rating_that_is_none_changes_nothing(as_player, alice, adventure, rating):
    client = as_player(alice)
    client.post(URL, {"rating": "4"})
    assert "1 to 5" in client.post(URL, {"rating": rating}, follow=True).content.decode()
    assert sums() == (1, 1, 4)


def test_a_guests_rating_is_kept_and_counts_once_they_signed_up(client, scenario):
    """A new guest costs nothing: ten of them must not lift a scenario."""
    client.post("/scenarios/the-cellar/begin/")
    assert "signed up" in client.post(URL, {"rating": "5"}, follow=True).content.decode()
    assert sums() == (1, 0, 0)
    assert Begun.objects.get().rating == 5
    Player.objects.update(is_guest=False)
    ratings.count()
    assert sums() == (1, 1, 5)


def test_authors_do_not_rate_their_own(as_player, alice, scenario, begin):
    Scenario.objects.update(author=alice)
    begin(alice)
    Begun.objects.update(rating=5)
    ratings.count()
    assert sums() == (0, 0, 0)
    assert (
        "Play it before"
        in as_player(alice).post(URL, {"rating": "5"}, follow=True).content.decode()
    )


def test_scenarios_come_in_the_order_that_was_asked_for(client, db):
    def make(slug, rank, begun_by=0, rated_by=0, stars=0):
        Scenario.objects.create(
            slug=slug,
            title=slug,
            tempt="-",
            opening="-",
            rank=rank,
            begun_by=begun_by,
            rated_by=rated_by,
            stars=stars,
        )

    make("old-love", 3, begun_by=9, rated_by=9, stars=43)
    make("one-fan", 2, begun_by=2, rated_by=1, stars=5)
    make("the-hosts", 1, begun_by=4, rated_by=2, stars=4)
    for sort, order in [
        ("featured", ["the-hosts", "one-fan", "old-love"]),
        ("", ["the-hosts", "one-fan", "old-love"]),
        ("nonsense", ["the-hosts", "one-fan", "old-love"]),
        ("newest", ["the-hosts", "one-fan", "old-love"]),
        ("played", ["old-love", "the-hosts", "one-fan"]),
        ("rated", ["old-love", "one-fan", "the-hosts"]),
    ]:
        shown = client.get("/scenarios/", {"sort": sort}).context["scenarios"]
        assert [each.slug for each in shown] == order, sort


def test_pages_of_a_long_list_keep_what_was_asked_for(client, db):
    for number in range(30):
        Scenario.objects.create(slug=f"s{number}", title=f"S{number}", tempt="-", opening="-")
    first = client.get("/scenarios/", {"q": "S", "sort": "newest"})
    assert len(first.context["scenarios"]) == 24
    assert "q=S&amp;sort=newest&amp;page=2" in first.content.decode()
    assert len(client.get("/scenarios/", {"q": "S", "page": "2"}).context["scenarios"]) == 6
    assert client.get("/scenarios/", {"page": "x"}).status_code == 200
