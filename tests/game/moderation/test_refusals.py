"""A text that a rule blocks gets a reason on every page that takes text, and never an error."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from game.library import writing
from game.library.limits import LimitMet
from game.models import Scenario, StoryCard
from game.play.protocol import Refused
from tests.safety.routes import ROUTES, address
from tests.safety.world import World

pytestmark = pytest.mark.django_db
BLOCKED = "eat the plum"
REASON = "Fruit is not mentioned here."
FIELDS = [
    *("name", "opening", "title", "tempt", "tags", "memory", "authors_note", "text", "keys", "q"),
    *("answer-name", "placeholder_name", "reason", "note", "entry", "content", "description"),
]
YAML = """
title: Orchard
tempt: x
opening: {text}
cards:
  - title: Trees
    keys: [tree]
    text: {text}
"""


@pytest.fixture
def alices(rules, log, begin, narrator_awake, settings):
    settings.LIMITS = dict.fromkeys(settings.LIMITS, "1000/m/ip")
    world = World(begin)
    return world, world.client("alice")


def test_a_scenario_that_a_rule_blocks_is_not_imported_and_says_why(alices):
    _, client = alices
    for text in (f"Now {BLOCKED}.", "Fine."):
        file = SimpleUploadedFile("x.yaml", YAML.format(text=text).encode())
        page = client.post(reverse("import_scenario"), {"file": file}, follow=True)
        assert page.status_code == 200
        assert (REASON in page.content.decode()) is (BLOCKED in text)
    assert Scenario.objects.filter(title="Orchard").count() == 1


def test_cards_that_a_rule_blocks_are_not_imported_and_say_why(alices):
    world, client = alices
    cards = json.dumps([{"keys": "tree", "value": BLOCKED}])
    url = reverse("import_cards", args=[world.adventure.pk])
    page = client.post(url, {"list": cards}, follow=True)
    assert REASON in page.content.decode()
    assert not StoryCard.objects.filter(text=BLOCKED).exists()


def test_no_page_breaks_over_a_text_that_a_rule_blocks(alices):
    world, client = alices
    refused = set()
    for name, route in ROUTES.items():
        if name in ("account_logout", "delete", "purge", "account_delete", "delete_card"):
            continue
        fields = {**dict.fromkeys(FIELDS, BLOCKED), **route.post}
        fields |= {key: BLOCKED for key, value in route.post.items() if value in ("x", "stolen")}
        answer = client.post(address(name, world), fields)
        assert answer.status_code < 500, name
        if REASON in answer.content.decode():
            refused.add(name)
    # The texts that rules are about were among them.
    assert {"plot", "cards", "card"} <= refused


@pytest.mark.parametrize("problem", [Refused("rejected", "No. Do that instead."), LimitMet("No.")])
def test_a_refusal_that_nobody_caught_is_a_page_with_its_reason(alices, monkeypatch, problem):
    _, client = alices

    def refuse(*_):
        raise problem

    monkeypatch.setattr(writing, "as_yaml", refuse)
    url = reverse("export_scenario", args=["alices-own"])
    answer = client.get(url)
    assert answer.status_code == 422
    assert "No." in answer.content.decode()
    answer = client.get(url, headers={"accept": "application/json"})
    assert answer.json()["message"].startswith("No.")
