"""Django's admin: what staff needs, by role, and no private story."""

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


def test_what_staff_needs_is_there_and_private_stories_are_not():
    names = {model.__name__ for model in MODELS}
    assert {"Player", "Scenario", "Case", "Appeal", "Sanction", "AuditEntry", "Operation"} <= names
    assert not names & {
        *("Adventure", "Turn", "StoryCard", "Summary", "TurnContext", "Edit", "Command"),
        *("Membership", "Share"),
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_list_opens(operator, model, adventure, scenario):
    assert operator.get(url(model, "changelist")).status_code == 200
    one = model.objects.first()
    if one is not None and model in (Player, Scenario):
        assert operator.get(url(model, "change", one.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_players_do_not_get_in(client, alice, model):
    client.force_login(alice)
    assert client.get(url(model, "changelist")).status_code in (302, 403)


def test_no_page_of_the_admin_tells_of_a_private_story(operator, adventure, alice):
    adventure.title = "The Plum Affair"
    adventure.memory = "The plum is poisoned."
    adventure.save()
    Turn.objects.update(reply="You eat the plum.")
    Scenario.objects.create(
        slug="draft", author=alice, title="Plum draft", tempt="-", opening="-", visibility="private"
    )
    pages = ["/admin/", *(url(model, "changelist") for model in MODELS)]
    pages.append(url(Player, "change", alice.pk))
    for page in pages:
        assert "plum" not in operator.get(page).content.decode().lower(), page
    assert operator.get(url(Scenario, "change", "draft")).status_code == 302
    assert Adventure.objects.exists()


def test_a_scenario_is_edited_with_its_cards(operator, scenario):
    page = operator.get(url(Scenario, "change", scenario.pk))
    form = page.context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None}
    data |= {"title": "The Deep Cellar", "tags": "[]"}
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
