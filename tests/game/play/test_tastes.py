"""What a player likes: how long and how wild replies are, how pages look, on every device."""

import pytest
from django.urls import reverse

from game.models import Taste, Turn
from game.play import narration
from game.tastes.forms import LOOKS
from game.tastes.sampling import sampling_for
from inference.contract.sampling import SamplingParams

OWN = SamplingParams(max_tokens=120, temperature=0.8)


def taste(length="usual", temperature="usual"):
    return Taste(length=length, temperature=temperature)


def test_the_usual_leaves_a_narrator_as_it_is():
    assert sampling_for(taste(), OWN) is None


def test_short_and_long_and_steady_and_wild_mean_something():
    short, long = (sampling_for(taste(length=each), OWN) for each in ("short", "long"))
    assert (short.max_tokens, long.max_tokens) == (60, 240)
    assert short.temperature == OWN.temperature
    steady, wild = (sampling_for(taste(temperature=each), OWN) for each in ("steady", "wild"))
    assert steady.temperature < OWN.temperature < wild.temperature
    assert wild.top_p == OWN.top_p


def test_a_narrator_that_is_greedy_on_purpose_stays_so():
    greedy = OWN.model_copy(update={"temperature": 0.0})
    assert sampling_for(taste(temperature="wild"), greedy).temperature == 0


def test_a_choice_is_kept_and_reaches_the_narrator(client, alice, adventure, narrator_awake):
    client.force_login(alice)
    answer = client.post("/taste/", {"length": "long", "theme": "paper"})
    assert answer.json() == {"kept": True}
    assert client.post("/taste/", {"temperature": "wild"}).status_code == 200
    kept = Taste.objects.get(player=alice)
    assert (kept.length, kept.temperature, kept.looks) == ("long", "wild", {"theme": "paper"})
    turn = Turn(adventure=adventure, player=alice, narrator="parrot", kind="do", action="look")
    turn.parent = adventure.head
    own = narration.narrators().get("parrot").sampling
    asked = narration.sampling_for_player(turn)
    assert asked.max_tokens == 2 * own.max_tokens
    page = client.get(reverse("adventure", args=[adventure.pk])).content.decode()
    assert 'value="long" checked' in page
    assert 'value="wild" checked' in page


def test_another_browser_of_the_player_looks_the_same(client, alice, db):
    client.force_login(alice)
    client.post("/taste/", {"theme": "terminal", "text": "1.3"})
    page = client.get("/").content.decode()
    assert '<meta name="looks" content="text=1.3;theme=terminal;"' in page
    client.logout()
    assert '<meta name="looks"' not in client.get("/").content.decode()


@pytest.mark.parametrize("choice", [{"theme": "pink"}, {"length": "endless"}, {"text": "9"}])
def test_what_cannot_be_chosen_is_refused(client, alice, choice):
    client.force_login(alice)
    answer = client.post("/taste/", choice)
    assert answer.status_code == 422
    assert answer.json()["message"]
    assert not Taste.objects.exists()


def test_strangers_have_nothing_to_keep(client, db):
    assert client.post("/taste/", {"theme": "paper"}).status_code == 404


def test_the_host_and_the_page_offer_the_same_looks(settings):
    script = (settings.BASE_DIR / "static/js/looks.js").read_text()
    for name, choices in LOOKS.items():
        said = ", ".join(f'"{each}"' for each in choices)
        assert f"{name}: [{said}]" in script
