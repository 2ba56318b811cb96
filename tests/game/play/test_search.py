"""Search: the passage is shown, and leads to the turn, on whatever page or branch it is."""

import pytest
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.urls import reverse

from game.library import archive
from game.models import Edit
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


def test_each_passage_says_where_its_turn_is_on_its_path(as_player, alice, story):
    client = as_player(alice)
    numbers = {
        q: [(hit["number"], hit["here"]) for hit in found(client, story, q)["hits"]]
        for q in ("raven says", "heron", "room is empty")
    }
    assert numbers == {
        "raven says": [(1, True)],
        "heron": [(1, False)],
        "room is empty": [(2, True)],
    }
    page = client.get(reverse("search", args=[story.pk]), {"q": "heron"}).content.decode()
    assert "turn 1 · on another branch" in page


def test_words_that_nowhere_stand_in_a_row_are_found_in_one_turn(as_player, alice, story):
    client = as_player(alice)
    (hit,) = found(client, story, "name RAVEN black")["hits"]
    assert hit["turn"] == str(story.names["raven"].pk)
    assert found(client, story, "raven heron")["hits"] == [], "in two turns, and in none of them"


@pytest.mark.parametrize("q", ["龍", "い龍が眠", "cafe\u0301", "CAFÉ", "Ñandú"])
def test_any_script_and_any_spelling_of_a_letter_is_found(as_player, alice, story, q):
    turn = told(
        story, story.head, action="look", reply="門が開く。赤い龍が眠る。Un ñandú, un café."
    )
    (hit,) = found(as_player(alice), story, q)["hits"]
    assert hit["turn"] == str(turn.pk)


def test_what_was_deleted_or_replaced_is_not_found(as_player, alice, bob, begin, story):
    client = as_player(alice)
    theirs = begin(bob)
    told(theirs, theirs.head, action="look", reply="A raven of bob’s.")
    Edit.objects.create(turn=story.names["last"], field="reply", before="A lost kingfisher.")
    assert found(client, story, "kingfisher")["hits"] == []
    assert "bob’s" not in client.get("/adventures/", {"q": "raven"}).content.decode()
    archive.delete(story.pk)
    assert client.get(reverse("search", args=[story.pk]), {"q": "raven"}).status_code == 404
    assert "<mark>" not in client.get("/adventures/", {"q": "raven"}).content.decode()


def test_a_search_that_takes_too_long_is_cancelled_and_says_so(
    as_player, alice, story, monkeypatch
):
    client, url = as_player(alice), reverse("search", args=[story.pk])
    monkeypatch.setattr(search, "SECONDS", 0.05)
    monkeypatch.setattr(search, "STORIES", search.STORIES.replace("FROM texts", SLOW))
    monkeypatch.setattr(search, "in_a_row", sleeping)
    answer = client.get(url, {"q": "raven"}, headers={"accept": "application/json"})
    assert answer.status_code == 422 and "takes too long" in answer.json()["message"]
    for address in (url, "/adventures/"):
        page = client.get(address, {"q": "raven"})
        assert page.status_code == 422 and "takes too long" in page.content.decode()
    assert client.get("/adventures/").status_code == 200


SLOW = "FROM texts, pg_sleep(1)"


def sleeping(field, words):
    """A condition that takes a second for each turn."""
    return Q(created__lt=RawSQL("now() + (SELECT make_interval(secs => 0) FROM pg_sleep(1))", []))


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


def test_the_list_shows_some_passages_of_each_adventure_and_leads_to_the_others(
    as_player, alice, begin, story
):
    client, turn = as_player(alice), story.head
    for number in range(6):
        turn = told(story, turn, action="wait", reply=f"A raven calls, {number} times.")
    second = begin(alice)
    told(second, second.head, action="look", reply="No raven here, and a heron.")
    page = client.get("/adventures/", {"q": "raven"}).content.decode()
    assert page.count("<mark>raven</mark>") == search.HITS_PER_STORY + 1
    assert "5 times" in page and "4 more turns" in page  # 7 turns of the first have it
    assert f'href="/adventures/{story.pk}/search/?q=raven"' in page
    page = client.get("/adventures/", {"q": "heron raven"}).content.decode()
    assert page.index("No raven here") < page.index("5 times"), "the latest played first"
    assert client.get("/adventures/", {"q": "raven kingfisher"}).context["cards"] == []


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
