"""Scenarios with several openings, scenarios that lead to others, and much of everything."""

import pytest

from game.imports.documents import ScenarioDocument
from game.imports.notes import Notes
from game.imports.scenario_storing import link_scenario, store_scenario
from game.library import writing
from game.models import Adventure, Kind, Scenario, Turn
from game.play import turns
from game.play.protocol import Refused
from game.scenarios import ScenarioError, parse_scenario
from tests.game.library.test_writing import form, rows

pytestmark = pytest.mark.django_db

GREETINGS = ["${name} wakes at noon.", "It rains on ${name}."]


@pytest.fixture
def client_of_alice(as_player, alice):
    return as_player(alice)


@pytest.fixture
def greeted(client_of_alice):
    """A scenario with two openings beside the first."""
    sent = form(**rows("openings", *({"text": each} for each in GREETINGS)))
    client_of_alice.post("/scenarios/new/", sent)
    return Scenario.objects.get()


def test_the_player_chooses_how_a_story_begins(client_of_alice, greeted):
    assert greeted.more_openings == GREETINGS
    address = f"/scenarios/{greeted.slug}/"
    page = client_of_alice.get(address).content.decode()
    assert "Ada wakes at noon." in page
    assert 'type="radio"' in page
    client_of_alice.post(f"{address}begin/", {"name": "Bo", "opening-number": "2"})
    assert Adventure.objects.get().head.reply == "It rains on Bo."
    client_of_alice.post(f"{address}begin/", {"name": "Bo"})
    assert Turn.objects.filter(reply__startswith="You are Bo").count() == 1
    wrong = client_of_alice.post(f"{address}begin/", {"opening-number": "3"})
    assert wrong.status_code == 422
    assert Adventure.objects.count() == 2


def test_openings_and_links_and_options_of_cards_come_through_a_file(client_of_alice, greeted):
    greeted.leads_to = ["elsewhere", "gone"]
    greeted.save()
    greeted.cards.update(options={"sticky": 2, "secondary_keys": ["oil"]})
    file = writing.from_yaml(writing.as_yaml(greeted).encode())
    assert (file.more_openings, file.leads_to) == (GREETINGS, ["elsewhere", "gone"])
    assert file.cards[0].options == {"sticky": 2, "secondary_keys": ["oil"]}
    page = client_of_alice.get(f"/scenarios/{greeted.slug}/edit/").content.decode()
    assert "It rains on ${name}.</textarea>" in page
    assert "elsewhere\ngone</textarea>" in page


def test_a_form_from_before_keeps_the_openings(client_of_alice, greeted):
    client_of_alice.post(f"/scenarios/{greeted.slug}/edit/", form(title="Another"))
    greeted.refresh_from_db()
    assert (greeted.title, greeted.more_openings) == ("Another", GREETINGS)


def test_a_scenario_that_leads_to_others_sends_the_player_there(client_of_alice, bob, scenario):
    hidden = Scenario.objects.create(slug="hidden", title="H", opening="x", visibility="private")
    address = f"https://example.com/scenarios/{scenario.slug}/\nhidden"
    client_of_alice.post("/scenarios/new/", form(leads_to=address))
    menu = Scenario.objects.get(title="The Lamp Room")
    assert menu.leads_to == [scenario.slug, hidden.slug]
    page = client_of_alice.get(f"/scenarios/{menu.slug}/").content.decode()
    assert f'href="/scenarios/{scenario.slug}/"' in page
    assert "/scenarios/hidden/" not in page
    assert "/begin/" not in page
    refused = client_of_alice.post("/scenarios/new/", form(leads_to="no address!"))
    assert "no address of a scenario" in refused.content.decode()


def test_a_scenario_with_more_cards_than_the_form_shows_keeps_them(client_of_alice, greeted):
    cards = [{"title": f"C{n}", "keys": [f"k{n}"], "text": "x"} for n in range(250)]
    content = {**writing.content_of(greeted), "cards": cards}
    writing.write(greeted.author, parse_scenario(content), greeted)
    page = client_of_alice.get(f"/scenarios/{greeted.slug}/edit/").content.decode()
    assert "250 cards" in page
    assert "cards-0-title" not in page
    sent = {name: value for name, value in form().items() if not name.startswith("cards")}
    client_of_alice.post(f"/scenarios/{greeted.slug}/edit/", {**sent, "title": "Another"})
    greeted.refresh_from_db()
    assert (greeted.title, greeted.cards.count()) == ("Another", 250)


def test_cards_that_are_too_long_together_are_refused():
    cards = [{"title": "C", "keys": [f"k{n}"], "text": "x" * 2000} for n in range(600)]
    with pytest.raises(ScenarioError, match="1,000,000 fit"):
        parse_scenario({"title": "T", "tempt": "t", "opening": "o", "cards": cards})


def test_an_opening_of_twenty_thousand_characters_is_played_and_edited(
    client_of_alice, alice, greeted
):
    long = "雨" * 19_000
    content = {**writing.content_of(greeted), "opening": long}
    writing.write(alice, parse_scenario(content), greeted)
    client_of_alice.post(f"/scenarios/{greeted.slug}/begin/", {"name": "Bo"})
    adventure = Adventure.objects.get()
    assert adventure.head.reply == long
    assert client_of_alice.get(f"/adventures/{adventure.pk}/").status_code == 200
    turn = Turn.objects.create(
        adventure=adventure, kind=Kind.DO, parent=adventure.head, reply="x", status="told"
    )
    with pytest.raises(Refused, match="4,000"):
        turns.edit_turn(adventure, alice, turn.pk, None, long)


def test_an_imported_scenario_has_all_openings_and_leads_to_the_others_of_its_file(alice, scenario):
    notes = Notes()
    inn = ScenarioDocument(name="inn", title="Inn", openings=["Noon.", " ", "Rain."])
    first = store_scenario(alice, inn, notes).scenario
    assert (first.opening, first.more_openings) == ("Noon.", ["Rain."])
    menu = store_scenario(alice, ScenarioDocument(title="M", openings=["A fork."]), notes).scenario
    link_scenario(alice, menu, ["inn", scenario.slug, "gone"], {"inn": first}, notes)
    menu.refresh_from_db()
    assert menu.leads_to == [first.slug, scenario.slug]
    assert [(each.code, each.count) for each in notes.listed()] == [("options_kept", 1)]
