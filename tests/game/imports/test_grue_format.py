"""Grue's own files: what is exported comes in again as it was."""

import json

import pytest
from django.urls import reverse

from game.imports.formats import grue
from game.imports.notes import Notes
from game.imports.storing import store_adventure
from tests.game.imports.trees import plant, without_ids

pytestmark = pytest.mark.django_db


def import_export(export, player):
    """Read and store what an export has. The adventure and the notes."""
    document = grue.read_data(json.loads(json.dumps(export)))
    notes = Notes()
    [adventure] = document.adventures
    return store_adventure(player, adventure, notes, {}), document.notes + notes.listed()


def exported(client, adventure):
    return client.get(reverse("export", args=[adventure.pk, "json"])).json()


def test_a_tree_of_a_thousand_turns_comes_back_as_it_was(alice, as_player, scenario, log):
    client = as_player(alice)
    before = exported(client, plant(alice, scenario=scenario))
    stored, notes = import_export(before, alice)
    after = exported(client, stored.adventure)
    assert notes == []
    assert len(after["turns"]) == 1_000
    for part in before:
        assert without_ids(after)[part] == without_ids(before)[part], part
    assert {turn["id"] for turn in after["turns"]}.isdisjoint(t["id"] for t in before["turns"])
