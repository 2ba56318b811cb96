"""Files of other programs, from the upload to the same format again, on the real path."""

import json

import pytest
from django.urls import reverse

from game.imports import importing
from game.imports.formats.kobold import PICKLE
from game.imports.payload import open_payload
from game.models import Adventure, Import, Scenario
from tests.game.imports import foreign_files as files

ONE_OF_EACH = (
    *("scenario.json", "dump.json", "clover.json", "united.json", "a.story", "a.lorebook"),
    *("chat.jsonl", "oda.charx", "story.md"),
)


def bring(player, name):
    """Take a file, import it as it is, and return its row."""
    found = importing.take_file(player, importing.open_file(name, files.FILES[name]))
    way = "adventure" if found.preview["adventures"] else "scenario"
    if not found.preview["adventures"] and not found.preview["scenarios"]:
        return found
    importing.start(found, way)
    importing.run(found.pk)
    found.refresh_from_db()
    return found


@pytest.mark.django_db
def test_every_story_file_is_imported_and_says_what_did_not_come(alice, log):
    for name in ONE_OF_EACH:
        found = bring(alice, name)
        assert found.state in (Import.State.DONE, Import.State.PREVIEW), (name, found.problem)
        assert {"adventures", "scenarios", "cards"} <= set(found.preview)
        if found.state == Import.State.PREVIEW:
            assert found.preview["cards"], name
            importing.remove(found)
    titles = set(Adventure.objects.of(alice).values_list("title", flat=True))
    assert {"Crossing", "Gate", "The Sieve", "Guard"} <= titles
    oda = Scenario.objects.filter(author=alice, title="Oda").first()
    assert {card.title for card in oda.cards.all()} == {"Net", "/ship(s)?/"}
    for found in (Adventure, Scenario):
        raw = json.dumps([list(each) for each in found.objects.values_list("memory", "title")])
        assert "{{" not in raw and PICKLE not in raw


@pytest.mark.django_db
def test_a_save_comes_out_as_the_same_format_with_what_was_kept(alice, client, log):
    bring(alice, "lite.json")
    adventure = Adventure.objects.of(alice).get()
    client.force_login(alice)
    saved = client.get(reverse("export_adventure_as", args=[adventure.pk, "kobold"])).json()
    assert saved["savedsettings"] == files.LITE["savedsettings"]
    assert saved["anotetemplate"] == "[Style: <|>]"
    assert saved["actions"][:2] == ["\n\n> You knock.\n\n", "It rings."]
    assert {each["wigroup"] for each in saved["worldinfo"]} == {"Town", ""}
    other = client.get(reverse("export_adventure_as", args=[adventure.pk, "novelai"])).json()
    assert "savedsettings" not in other


@pytest.mark.django_db
def test_a_character_comes_out_with_its_picture_and_what_was_kept(alice, client, log):
    bring(alice, "oda.png")
    scenario = Scenario.objects.get(author=alice)
    client.force_login(alice)
    url = reverse("export_scenario_as", args=[scenario.slug, "card"])
    payload = open_payload(client.get(url).content)
    data = payload.data["data"]
    assert data["mes_example"] == "{{user}}: Hi"
    assert data["creator"] == "nobody"
    assert len(data["alternate_greetings"]) == 1
    assert payload.picture == open_payload(files.FILES["oda.png"]).picture
