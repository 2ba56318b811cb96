"""The writer's settings of an adventure: presets, values of their own, banned phrases."""

import json

import pytest
from django.urls import reverse

from game.library.copies import duplicate
from game.models import Membership, Player, Taste, Turn
from game.play import narration
from game.play.context_views import sampling_labels
from game.tastes.sampling import sampling_for
from game.tastes.writer import BOUNDS, WriterSettings, settings_of
from inference.contract.prompt_report import compact_report
from inference.contract.sampling import SamplingParams
from inference.narrators import Narrator
from inference.prompts.parts import Report
from tests.game.play.test_turns import act
from tests.serving import until

OWN = SamplingParams(max_tokens=120, temperature=0.7, min_p=0.05)
USUAL = Taste(length="usual", temperature="usual")


@pytest.fixture
def owner(client, alice):
    client.force_login(alice)
    return client


def page_of(adventure):
    return reverse("writer", args=[adventure.pk])


def save(owner, adventure, **fields):
    return owner.post(
        page_of(adventure), {"preset": "balanced", **fields}, headers={"Accept": "application/json"}
    )


# ---- what the settings mean


def test_balanced_is_the_narrator_as_it_is():
    assert sampling_for(USUAL, OWN, WriterSettings()) is None


def test_careful_and_wild_lie_on_either_side_of_the_narrators_own():
    careful = sampling_for(USUAL, OWN, WriterSettings(preset="careful"))
    wild = sampling_for(USUAL, OWN, WriterSettings(preset="wild"))
    assert careful.temperature < OWN.temperature < wild.temperature
    assert careful.min_p > OWN.min_p > wild.min_p
    assert wild.dry_multiplier and wild.xtc_probability
    cold = OWN.model_copy(update={"temperature": 0.3})
    assert sampling_for(USUAL, cold, WriterSettings(preset="careful")).temperature == 0.3


def test_a_narrator_that_is_greedy_on_purpose_stays_so():
    greedy = OWN.model_copy(update={"temperature": 0.0})
    assert sampling_for(USUAL, greedy, WriterSettings(preset="wild")).temperature == 0


def test_values_count_with_the_preset_custom_alone():
    values = {"temperature": 1.4, "dry_multiplier": 0.5}
    assert sampling_for(USUAL, OWN, WriterSettings(**values)) is None
    custom = sampling_for(USUAL, OWN, WriterSettings(preset="custom", **values))
    assert (custom.temperature, custom.dry_multiplier) == (1.4, 0.5)
    assert custom.min_p == OWN.min_p  # left empty


def test_what_the_adventure_says_comes_before_what_a_player_likes_elsewhere():
    likes = Taste(length="long", temperature="wild")
    asked = WriterSettings(preset="custom", temperature=0.4, max_tokens=50)
    found = sampling_for(likes, OWN, asked)
    assert (found.temperature, found.max_tokens) == (0.4, 50)
    only_length = sampling_for(likes, OWN, WriterSettings(max_tokens=50))
    assert only_length.max_tokens == 50
    assert only_length.temperature > OWN.temperature


def test_the_hosts_banned_phrases_stay_beside_the_writers():
    own = OWN.model_copy(update={"banned": ("a testament to",), "worn": True})
    found = sampling_for(USUAL, own, WriterSettings(banned=("the lamp",), worn=False))
    assert found.banned == ("a testament to", "the lamp")
    assert found.worn is False


# ---- the page


def test_what_is_saved_reaches_the_narrator_with_the_next_turn(owner, alice, adventure):
    answer = save(
        owner,
        adventure,
        preset="custom",
        temperature="1.25",
        max_tokens="200",
        banned="a testament to\n\n A  Testament to\nlittle did you know",
        worn="off",
        logit_bias="suddenly: -5\n: : 2",
    )
    assert answer.status_code == 200, answer.content
    said = answer.json()["sampling"]
    assert said["banned"] == ["a testament to", "little did you know"]
    assert said["logit_bias"] == {"suddenly": -5, ":": 2}
    adventure.refresh_from_db()
    turn = Turn(adventure=adventure, player=alice, narrator="parrot", kind="do", action="look")
    turn.parent = adventure.head
    asked = narration.request_for(adventure, turn).sampling
    assert (asked.temperature, asked.max_tokens, asked.worn) == (1.25, 200, False)
    assert asked.banned == ("a testament to", "little did you know")
    page = owner.get(page_of(adventure)).content.decode()
    assert 'value="1.25"' in page
    assert "little did you know</textarea>" in page


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"preset": "custom", "temperature": "9"}, "Temperature is a number from 0 to 2."),
        ({"preset": "custom", "temperature": "hot"}, "Temperature is a number from 0 to 2."),
        ({"preset": "custom", "min_p": "nan"}, "Min-p is a number from 0 to 0.5."),
        ({"max_tokens": "5"}, "Reply length in tokens is a number from 16 to 1024."),
        ({"preset": "furious"}, "furious"),
        ({"banned": "…"}, "has no letters"),
        ({"banned": "x" * 81}, "at most 80 characters"),
        ({"banned": "\n".join(f"phrase {n}" for n in range(501))}, "the limit is 500"),
        ({"banned": "字" * 60_001}, "too long"),
        ({"logit_bias": "suddenly"}, "is no bias"),
        ({"logit_bias": "suddenly: 101"}, "is no bias"),
        ({"logit_bias": "suddenly: nan"}, "is no bias"),
        ({"logit_bias": "\n".join(f"w{n}: 1" for n in range(65))}, "the limit is 64"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(owner, adventure, wrong, says):
    answer = save(owner, adventure, **wrong)
    assert answer.status_code == 422
    assert says in answer.json()["message"]
    adventure.refresh_from_db()
    assert adventure.sampling == {}
    # The page says it beside the field, and keeps what was typed.
    page = owner.post(page_of(adventure), {"preset": "balanced", **wrong})
    assert page.status_code == 422


def test_only_the_owner_may_set_it(client, alice, adventure, db):
    bob = Player.objects.create(username="bob")
    client.force_login(bob)
    assert client.get(page_of(adventure)).status_code == 404
    client.force_login(alice)
    assert b'id="writer"' in client.get(reverse("adventure", args=[adventure.pk])).content
    Membership.objects.filter(player=alice).update(role="player")
    assert client.post(page_of(adventure), {"preset": "wild"}).status_code == 403
    assert b'id="writer"' not in client.get(reverse("adventure", args=[adventure.pk])).content


def test_a_narrator_that_does_not_know_a_setting_says_so(owner, adventure, monkeypatch):
    smol = Narrator(name="smol", line="", engine="openvino", model="some.gguf")
    monkeypatch.setattr("game.play.option_views.current_narrator", lambda adventure: smol)
    answer = save(owner, adventure, preset="wild")
    assert answer.json()["ignored"] == ["dry", "xtc"]
    assert "does not know DRY, logit bias, XTC" in owner.get(page_of(adventure)).content.decode()


def test_the_settings_go_along_with_a_copy_and_an_export(owner, alice, adventure):
    save(owner, adventure, preset="wild", banned="the lamp")
    adventure.refresh_from_db()
    copy = duplicate(alice, adventure, only_path=True)
    assert settings_of(copy) == WriterSettings(preset="wild", banned=("the lamp",))
    exported = json.loads(owner.get(reverse("export", args=[adventure.pk, "json"])).content)
    assert exported["adventure"]["sampling"] == {"preset": "wild", "banned": ["the lamp"]}


def test_settings_that_are_not_understood_are_left_out(adventure, caplog):
    adventure.sampling = {"preset": "furious", "banned": ["a secret"]}
    assert settings_of(adventure) == WriterSettings()
    assert "secret" not in caplog.text


def test_every_bound_is_one_that_engines_take():
    for name, (least, most) in BOUNDS.items():
        SamplingParams(**{name: least})
        SamplingParams(**{name: most})


# ---- with each turn


def test_a_turn_keeps_what_it_was_told_with_and_what_was_left_out():
    sampling = SamplingParams(banned=("the lamp",), worn=True, dry_multiplier=0.8)
    report = Report(
        tokens=5, window=100, max_tokens=10, pieces=(), sampling=sampling, ignored=("dry",)
    )
    narrator = Narrator(name="bard", line="", engine="scripted")
    kept = compact_report(report, narrator, banned=["the lamp", "the lamp"])
    assert kept.sampling.dry_multiplier == 0.8
    assert kept.sampling.banned == ()  # hundreds of them would be kept with each turn
    assert kept.bans > 100
    assert kept.banned == ("the lamp", "the lamp")
    assert kept.ignored == ("dry",)


def test_what_was_off_is_not_shown():
    shown = sampling_labels(SamplingParams(temperature=0).model_dump(mode="json"))
    assert shown == {
        "max_tokens": 120,
        "temperature": 0,
        "top_p": 0.95,
        "repetition_penalty": 1.1,
    }
    on = SamplingParams(dry_multiplier=1, logit_bias={"lamp": -5})
    shown = sampling_labels(on.model_dump(mode="json"))
    assert (shown["dry_multiplier"], shown["dry_base"]) == (1, 1.75)
    assert shown["logit_bias"] == "“lamp” -5"


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_a_worker_told_shows_its_settings_and_what_was_left_out(
    client, alice, adventure, workers
):
    client.force_login(alice)
    banned = "the dark\ndusty bottles\nslow and heavy"  # of each of the parrot's replies one
    save(client, adventure, preset="custom", temperature="1.2", banned=banned)
    workers.start(pace=0)
    turn = act(adventure, alice, "listen")
    until(lambda: Turn.objects.get(pk=turn.pk).status != "queued")
    reply = Turn.objects.get(pk=turn.pk).reply
    assert reply.startswith("You ")
    assert not any(phrase in reply for phrase in banned.splitlines())
    context = reverse("context", args=[adventure.pk, turn.pk])
    kept = client.get(context).json()
    assert kept["sampling"]["temperature"] == 1.2
    assert kept["bans"] == 3
    assert set(kept["banned"]) <= set(banned.splitlines())
    assert kept["banned"]
    page = client.get(context, {"part": ""}).content.decode()
    assert "temperature 1.2" in page
    assert kept["banned"][0] in page
