"""Django's admin lists and edits everything, for staff alone."""

import pytest
from django.contrib import admin
from django.urls import reverse

from game.models import Adventure, Player, Scenario, Turn

pytestmark = pytest.mark.django_db
MODELS = [model for model in admin.site._registry if model._meta.app_label == "game"]


@pytest.fixture
def operator(client, db):
    client.force_login(Player.objects.create_superuser("operator"))
    return client


def url(model, page, *args):
    return reverse(f"admin:game_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_the_game_is_there():
    names = {model.__name__ for model in MODELS}
    assert {"Player", "Scenario", "Adventure", "Turn", "StoryCard"} <= names


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_list_and_form_opens(operator, model, adventure, scenario):
    assert operator.get(url(model, "changelist")).status_code == 200
    by_hand = model not in (Adventure, Turn)
    assert operator.get(url(model, "add")).status_code == (200 if by_hand else 403)
    one = model.objects.first()
    if one is not None:
        assert operator.get(url(model, "change", one.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_players_do_not_get_in(client, alice, model):
    client.force_login(alice)
    assert client.get(url(model, "changelist")).status_code == 302


def test_a_scenario_is_edited_with_its_cards(operator, scenario):
    page = operator.get(url(Scenario, "change", scenario.pk))
    form = page.context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None}
    data |= {"title": "The Deep Cellar", "tags": "[]", "listed": "on"}
    data["placeholders"] = data["first_actions"] = "[]"
    cards = page.context["inline_admin_formsets"][0].formset
    data |= {f"{cards.prefix}-{key}": value for key, value in cards.management_form.initial.items()}
    card = scenario.cards.get()
    prefix = f"{cards.prefix}-0"
    data |= {
        f"{prefix}-id": str(card.pk),
        f"{prefix}-scenario": scenario.pk,
        f"{prefix}-title": "The drain",
        f"{prefix}-keys": '["drain"]',
        f"{prefix}-text": "It gurgles.",
    }
    answer = operator.post(url(Scenario, "change", scenario.pk), data)
    assert answer.status_code == 302, answer.context["errors"]
    scenario.refresh_from_db()
    assert scenario.title == "The Deep Cellar"
    assert scenario.cards.get().keys == ["drain"]


def test_a_turn_is_edited_as_a_player_edits_it(operator, adventure, log):
    turn = Turn.objects.get(adventure=adventure)
    before = turn.reply
    answer = operator.post(url(Turn, "change", turn.pk), {"reply": "It was a dark night."})
    assert answer.status_code == 302, answer.context["errors"]
    turn.refresh_from_db()
    assert turn.reply == "It was a dark night."
    assert turn.edits.get().before == before
    assert Adventure.objects.get().version == 1
