"""Search: the passage is shown, and leads to the turn, on whatever page or branch it is."""

import pytest
from django.urls import reverse

from game.play import search
from tests.game.test_pages import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(alice, adventure):
    """The opening, a turn with a raven and one after it; on another branch, a heron."""
    start = adventure.head
    heron = told(adventure, start, action="look up", reply="A heron stands on the sill.")
    adventure.head = start
    adventure.save()
    raven = told(
        adventure,
        start,
        kind="say",
        action="Is the raven home?",
        reply="The door opens a hand wide. " * 10 + "Then the black\n\nraven says your name.",
    )
    last = told(adventure, raven, action="open the door", reply="The room is empty.")
    adventure.refresh_from_db()
    assert adventure.head == last
    adventure.names = {"heron": heron, "raven": raven, "last": last}
    return adventure


def found(client, adventure, q, **more):
    answer = client.get(
        reverse("search", args=[adventure.pk]),
        {"q": q, **more},
        headers={"accept": "application/json"},
    )
    assert answer.status_code == 200
    return answer.json()


def test_a_passage_is_found_with_its_turn_and_what_is_around_it(as_player, alice, story):
    client = as_player(alice)
    answer = found(client, story, "BLACK raven")
    (hit,) = answer["hits"]
    assert hit["turn"] == str(story.names["raven"].pk) and hit["here"]
    assert (hit["match"], hit["after"]) == ("black raven", " says your name.")
    assert hit["before"].startswith("… ") and hit["before"].endswith("Then the ")
    assert len(hit["before"]) <= search.AROUND + 2


@pytest.mark.parametrize(
    ("q", "turn", "match"),
    [
        ("you open the door", "last", "You open the door"),
        ("open the door", "last", "open the door"),
        ('you say "is the raven', "raven", 'You say "Is the raven'),
        ("is the raven home?", "raven", "Is the raven home?"),
    ],
)
def test_an_action_is_found_as_it_was_typed_and_as_it_is_shown(
    as_player, alice, story, q, turn, match
):
    (hit,) = found(as_player(alice), story, q)["hits"]
    assert (hit["turn"], hit["match"]) == (str(story.names[turn].pk), match)


def test_another_branch_is_searched_and_named(as_player, alice, story):
    client = as_player(alice)
    (hit,) = found(client, story, "heron")["hits"]
    assert hit["turn"] == str(story.names["heron"].pk) and not hit["here"]
    page = client.get(reverse("search", args=[story.pk]), {"q": "heron"}).content.decode()
    assert "<mark>heron</mark>" in page and "on another branch" in page
    assert f"?turn={story.names['heron'].pk}" in page


@pytest.mark.parametrize("q", ["", "x", ".*", "(", "a{9}", "%", "\\", "[a-z]+", "ra_en", "\0"])
def test_what_is_typed_is_words_and_no_pattern(as_player, alice, story, q):
    assert found(as_player(alice), story, q)["hits"] == []


def test_markup_that_was_found_stays_text(as_player, alice, story):
    told(story, story.head, action="look", reply="It says <script>alert('lamp')</script> here.")
    page = as_player(alice).get(reverse("search", args=[story.pk]), {"q": "lamp"}).content.decode()
    assert "&lt;script&gt;alert(&#x27;<mark>lamp</mark>&#x27;)&lt;/script&gt;" in page


def test_many_passages_come_in_pages(as_player, alice, story):
    client, turn = as_player(alice), story.head
    for number in range(35):
        turn = told(story, turn, action="wait", reply=f"Rain falls, {number}.")
    answer = found(client, story, "rain")
    assert (answer["found"], len(answer["hits"]), answer["next"]) == (35, 30, 2)
    assert len(found(client, story, "rain", page=2)["hits"]) == 5


def test_nobody_searches_in_the_story_of_another(as_player, bob, story):
    client = as_player(bob)
    assert client.get(reverse("search", args=[story.pk]), {"q": "raven"}).status_code == 404
    url = reverse("adventure", args=[story.pk])
    assert client.get(url, {"turn": story.names["raven"].pk}).status_code == 404
    assert "<mark>" not in client.get("/adventures/", {"q": "raven"}).content.decode()


def test_search_has_a_limit(as_player, alice, story, settings):
    settings.LIMITS = settings.LIMITS | {"search": "2/m/user"}
    client, url = as_player(alice), reverse("search", args=[story.pk])
    answers = [client.get(url, {"q": "raven"}).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert client.get("/adventures/", {"q": "raven"}).status_code == 429
    assert client.get("/adventures/").status_code == 200


def test_the_list_of_adventures_shows_the_passage_and_leads_to_its_turn(as_player, alice, story):
    client = as_player(alice)
    page = client.get("/adventures/", {"q": "raven name"}).content.decode()
    assert "<mark>raven</mark>" in page
    link = f"/adventures/{story.pk}/?turn={story.names['raven'].pk}&amp;q=raven%20name"
    assert link in page
    page = client.get("/adventures/", {"q": story.title.split()[-1]}).content.decode()
    assert story.title in page, "found by its title: it shows its last words as ever"


def test_a_page_opens_at_a_turn_far_up_and_on_another_branch(as_player, alice, story):
    client, turn = as_player(alice), story.head
    for number in range(120):
        turn = told(story, turn, action="wait", reply=f"Hour {number}.")
    url = reverse("adventure", args=[story.pk])
    plain = client.get(url).content.decode()
    assert "raven says your name" not in plain
    page = client.get(url, {"turn": story.names["raven"].pk, "q": "raven"}).content.decode()
    assert "raven says your name" in page
    assert '"here": true' in page and "another branch" not in page
    page = client.get(url, {"turn": story.names["heron"].pk}).content.decode()
    assert "A heron stands" in page and "This is on another branch." in page
    for nonsense in ("x", "", "00000000-0000-0000-0000-000000000000"):
        assert client.get(url, {"turn": nonsense}).status_code == 404


def test_a_card_that_was_found_shows_where_the_words_are(as_player, alice, story):
    text = "She keeps to herself. " * 30 + "Her brother is the ferryman."
    story.cards.create(title="Ada", keys=["ada"], text=text)
    page = as_player(alice).get(reverse("cards", args=[story.pk]), {"q": "ferryman"})
    assert "Her brother is the <mark>ferryman</mark>." in page.content.decode()


def test_a_scenario_found_by_its_opening_shows_the_passage(client, scenario):
    scenario.opening = "The stairs go down. " * 30 + "Below, ${name}, a heron waits for you."
    scenario.save()
    page = client.get("/scenarios/", {"q": "heron"}).content.decode()
    assert "a <mark>heron</mark> waits for you." in page
    assert "<mark>" not in client.get("/scenarios/", {"q": scenario.title}).content.decode()
