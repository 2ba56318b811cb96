"""What a player deletes can be restored for a day: by Undo where it was said, or from a list."""

import html
import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from game.cards import cards
from game.cards.card_import import CardContent
from game.library import shares, trash, writing
from game.library.limits import LimitMet
from game.library.tasks import tidy
from game.models import Adventure, Scenario, Share, StoryCard
from game.play.context import story_context
from game.scenarios import parse_scenario
from tests.game.test_pages import told

pytestmark = pytest.mark.django_db

FILE = {
    "title": "The Lamp Room",
    "tempt": "Something knocks below.",
    "opening": "The lamp is out.",
    "cards": [
        {"title": "The lamp", "keys": ["lamp"], "text": "It burns whale oil."},
        {"title": "The stairs", "keys": ["stairs"], "text": "Ninety steps."},
    ],
}


@pytest.fixture
def places(alice, adventure, log):
    """What alice can delete: where it is listed, where it is deleted, and whether it is there."""
    [card] = adventure.cards.all()
    scenario = writing.write(alice, parse_scenario(FILE))
    turn = told(adventure, adventure.head, action="go left", player=alice)
    link = shares.share(alice, turn, plot=False)
    at = f"/adventures/{adventure.pk}/"
    return {
        "card": (f"{at}cards/", f"{at}cards/{card.pk}/delete/", StoryCard, card.pk),
        "scenario": (
            "/scenarios/mine/",
            f"/scenarios/{scenario.pk}/delete/",
            Scenario,
            scenario.pk,
        ),
        "link": ("/shares/", f"/shares/{link.pk}/revoke/", Share, link.pk),
        "adventure": ("/adventures/", f"{at}delete/", Adventure, adventure.pk),
    }


KINDS = ["card", "scenario", "link", "adventure"]


def is_there(model, pk):
    return model._base_manager.filter(pk=pk, deleted__isnull=True).exists()


def forms_of(page, button):
    """Where the forms with a button of that name are sent."""
    found = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', page, re.DOTALL)
    return [html.unescape(url) for url, inside in found if f">{button}<" in inside]


@pytest.mark.parametrize("kind", KINDS)
def test_undo_stands_beside_what_was_said(as_player, alice, charlie, places, kind):
    client = as_player(alice)
    _, delete, model, pk = places[kind]
    page = client.post(delete, follow=True).content.decode()
    assert "restore it for 24 hours" in page
    assert not is_there(model, pk)
    [undo] = forms_of(page, "Undo")
    assert as_player(charlie).post(undo).status_code == 404
    assert not is_there(model, pk)
    assert as_player(alice).post(undo, follow=True).status_code == 200
    assert is_there(model, pk)
    assert as_player(alice).post(undo).status_code == 404, "it is there"


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_of_what_is_there_lists_what_was_deleted(as_player, alice, places, kind):
    client = as_player(alice)
    listed, delete, model, pk = places[kind]
    client.post(delete)
    client.get(listed)  # the message with Undo is read once
    [restore] = forms_of(client.get(listed).content.decode(), "Restore")
    client.post(restore)
    assert is_there(model, pk)
    client.get(listed)
    assert forms_of(client.get(listed).content.decode(), "Restore") == []


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_day_it_is_gone(as_player, alice, places, kind):
    client = as_player(alice)
    listed, delete, model, pk = places[kind]
    client.post(delete)
    restore = forms_of(client.get(listed).content.decode(), "Restore")
    model._base_manager.filter(pk=pk).update(deleted=Now() - timedelta(hours=24, minutes=1))
    assert client.post(restore[0]).status_code == 404
    tidy()
    client.get(listed)
    assert forms_of(client.get(listed).content.decode(), "Restore") == []
    if kind != "link":  # whose row says to moderators where it led
        assert not model._base_manager.filter(pk=pk).exists()


def test_the_narrator_knows_no_deleted_card(alice, adventure, log):
    [card] = adventure.cards.all()
    turn = told(adventure, adventure.head, action="look at the cellar")
    assert "It floods in spring." in story_context(adventure, turn).model_dump_json()
    cards.delete_card(card, alice)
    assert "It floods in spring." not in story_context(adventure, turn).model_dump_json()
    assert Adventure.objects.get(pk=adventure.pk).cards.count() == 0


def test_a_deleted_scenario_and_a_deleted_link_lead_nowhere(as_player, alice, bob, places, client):
    [scenario] = Scenario.objects.of(alice)
    Scenario.objects.filter(pk=scenario.pk).update(visibility="public")
    [link] = Share.objects.of(alice)
    assert as_player(bob).get(f"/s/{link.token}/").status_code == 200
    for kind in ("scenario", "link"):
        as_player(alice).post(places[kind][1])
    for player in (alice, bob):
        assert as_player(player).get(f"/scenarios/{scenario.pk}/").status_code == 404
        assert as_player(player).get(f"/s/{link.token}/").status_code == 404
    assert "The Lamp Room" not in client.get("/scenarios/").content.decode()


def test_what_a_moderator_took_away_is_not_the_players_to_restore(as_player, alice, places):
    _, delete, _, pk = places["link"]
    client = as_player(alice)
    [restore] = forms_of(client.post(delete, follow=True).content.decode(), "Undo")
    Share.objects.filter(pk=pk).update(revoked=Now())
    assert client.post(restore).status_code == 404


def test_there_is_room_for_what_is_restored_or_it_says_so(alice, adventure, monkeypatch, log):
    [card] = adventure.cards.all()
    cards.delete_card(card, alice)
    monkeypatch.setattr(cards, "MOST_CARDS", 1)
    cards.add_card(adventure.pk, alice, CardContent(title="Hen", keys=("hen",), text="She bites."))
    with pytest.raises(cards.TooManyCards):
        cards.restore_card(card, alice)
    scenario = writing.write(alice, parse_scenario(FILE))
    writing.delete(scenario)
    monkeypatch.setattr("game.library.limits.MOST_SCENARIOS", 0)
    with pytest.raises(LimitMet):
        writing.restore(alice, scenario)


def test_the_trash_is_not_a_way_to_keep_more(alice, adventure, monkeypatch, log):
    monkeypatch.setattr(trash, "MOST_DELETED", 2)
    for number in range(4):
        card = CardContent(title=f"Hen {number}", keys=("hen",), text="She bites.")
        cards.delete_card(cards.add_card(adventure.pk, alice, card), alice)
    assert [each.title for each in cards.deleted_in(adventure)] == ["Hen 3", "Hen 2"]


def test_saving_a_scenario_can_be_undone_and_removed_cards_come_back(as_player, alice):
    scenario = writing.write(alice, parse_scenario(FILE))
    writing.write(
        alice, parse_scenario({**FILE, "title": "Dark", "cards": FILE["cards"][:1]}), scenario
    )
    client = as_player(alice)
    page = client.post(f"/scenarios/{scenario.pk}/undo/", follow=True).content.decode()
    now = Scenario.objects.get()
    assert now.title == "The Lamp Room"
    assert sorted(card.title for card in now.cards.all()) == ["The lamp", "The stairs"]
    [again] = forms_of(page, "Undo")
    client.post(again)
    assert Scenario.objects.get().title == "Dark"
