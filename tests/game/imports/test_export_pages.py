"""The pages that export a story to other programs."""

import pytest
from django.urls import reverse

from game.imports.reader_process import read_document
from game.imports.writers.forms import FORMS
from game.models import Scenario, Turn


@pytest.mark.django_db
def test_an_adventure_is_offered_in_each_format_and_says_what_stays(client, adventure, alice):
    head = adventure.head
    for reply in ("It opens.", "It stays shut."):
        turn = Turn.objects.create(
            adventure=adventure, parent=head, kind="do", action="knock", reply=reply, status="told"
        )
    adventure.head = turn
    adventure.save()
    adventure.cards.create(title="Door", keys=["door"], text="Oak.", options={"probability": 5})
    client.force_login(alice)
    page = client.get(reverse("adventure_exports", args=[adventure.pk])).content.decode()
    assert "Other replies to the same action" in page
    for form in FORMS:
        url = reverse("export_adventure_as", args=[adventure.pk, form])
        assert url in page
        answer = client.get(url)
        assert answer.status_code == 200, form
        assert "attachment" in answer["Content-Disposition"]
    saved = client.get(reverse("export_adventure_as", args=[adventure.pk, "kobold"])).content
    (read,) = read_document(saved, "").adventures
    assert read.turns[-1].reply == "It stays shut."
    assert read.turns[-2].reply == "It opens."
    assert "Door" in [card.title for card in read.cards]
    assert client.get(f"/adventures/{adventure.pk}/export/nothing/").status_code == 404


@pytest.mark.django_db
def test_a_scenario_is_exported_as_a_card_in_its_cover(client, alice):
    scenario = Scenario.objects.create(
        slug="ferry",
        author=alice,
        title="The Ferry",
        tempt="A river.",
        opening="You board, ${player}.",
        placeholders=[{"name": "player", "question": "Name?", "default": "Ida"}],
        visibility="private",
    )
    scenario.cards.create(title="Oar", keys=["oar"], text="Wet.")
    client.force_login(alice)
    page = client.get(reverse("scenario_exports", args=["ferry"])).content.decode()
    for form in ("card", "html", *FORMS):
        url = reverse("export_scenario_as", args=["ferry", form])
        assert url in page
        assert client.get(url).status_code == 200, form
    card = client.get(reverse("export_scenario_as", args=["ferry", "card"]))
    (read,) = read_document(card.content, "ferry.png").scenarios
    assert read.openings == ["You board, ${player}."]
    assert read.cards[0].text == "Wet."
    assert card["Content-Type"] == "image/png"
