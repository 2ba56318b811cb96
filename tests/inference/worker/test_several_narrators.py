"""Several narrators in one house: who may choose which, and how new adventures are split."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from game.models import Adventure, Status, Turn, TurnContext
from game.play import narration
from game.play.events import queue_client
from game.play.protocol import Refused, StopTurn
from inference.contract.prompt_report import unpack
from inference.engines.process import EngineFailed
from inference.narrators import parse_narrators
from tests.game.play.test_turns import act, do
from tests.serving import until

database = pytest.mark.django_db(transaction=True)
JSON = {"Accept": "application/json"}

HOUSE = """
default: parrot
narrators:
  - {name: parrot, title: Parrot, line: Says what it was taught., engine: scripted}
  - {name: raven, title: Raven, line: Says less., engine: scripted, revision: third}
  - {name: crow, line: Not ready., engine: scripted, visible: staff, weight: 5}
"""
SPLIT = HOUSE.replace("taught.,", "taught., weight: 3,").replace("less.,", "less., weight: 1,")


@pytest.fixture
def house(settings, tmp_path):
    """Writes a narrators file, and has the game read it."""

    def house(text=HOUSE):
        file = tmp_path / "narrators.yaml"
        file.write_text(text)
        settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file)
        return parse_narrators(text, "here")

    house()
    return house


class Chooser:
    """Somebody at an adventure's settings."""

    def __init__(self, client, player, adventure):
        client.force_login(player)
        self.client, self.url = client, f"/adventures/{adventure.pk}/narrator/"

    def choose(self, name, headers=JSON):
        return self.client.post(self.url, {"narrator": name}, headers=headers)


# ---- who tells an adventure is the player's to choose


@database
def test_the_narrator_that_a_player_chooses_tells_from_the_next_turn_on(
    client, alice, adventure, house, log
):
    for name in ("parrot", "raven"):
        log.send_heartbeat(name, "test", slots=4, recent_seconds=[2.0])
    under_way = act(adventure, alice)
    answer = Chooser(client, alice, adventure).choose("raven")
    assert answer.status_code == 200
    assert answer.json()["narrator"]["title"] == "Raven"
    assert Turn.objects.get(pk=under_way.pk).narrator == "parrot"
    assert log.waiting("parrot") == 1
    do(adventure, alice, StopTurn, turn=under_way.pk)
    after = act(adventure, alice)
    assert Turn.objects.get(pk=after.pk).narrator == "raven"
    assert log.waiting("raven") == 1


@database
def test_every_window_hears_who_tells_now(client, alice, adventure, house, log):
    Chooser(client, alice, adventure).choose("raven")
    [(_, fields)] = log.redis.xrevrange(f"grue:log:{adventure.pk}", count=1)
    event = json.loads(fields[b"e"])
    assert event["type"] == "adventure.changed"
    assert event["adventure"]["narrator"]["name"] == "raven"
    assert event["version"] == Adventure.objects.get(pk=adventure.pk).version


@database
def test_the_host_s_choice_can_be_gone_back_to(client, alice, adventure, house, log):
    chooser = Chooser(client, alice, adventure)
    chooser.choose("raven")
    assert chooser.choose("").json()["narrator"]["name"] == "parrot"
    assert Adventure.objects.get(pk=adventure.pk).narrator == ""


@database
@pytest.mark.parametrize("beyond", [False, True])
def test_a_story_whose_narrator_is_gone_never_goes_to_another_machine_unasked(
    adventure, house, log, monkeypatch, beyond
):
    """Whoever the host's default is just now: the first, or the one that stands in for it."""
    house(
        """
default: [near, far]
narrators:
- {name: near, line: x, engine: scripted}
- {name: far, line: x, engine: openai, model: "https://far.example/v1"}
"""
    )
    Adventure.objects.filter(pk=adventure.pk).update(narrator="gone")
    adventure.refresh_from_db()
    default = narration.narrators().get("far" if beyond else "near")
    monkeypatch.setattr(narration, "default", lambda *_: default)
    if beyond:
        with pytest.raises(Refused, match="no longer available"):
            narration.narrator_of(adventure)
    else:
        assert narration.narrator_of(adventure) == default


@database
@pytest.mark.parametrize("name", ["crow", "nobody", "parrot\0"])
def test_players_choose_among_those_that_they_are_offered(
    client, alice, adventure, house, log, name
):
    answer = Chooser(client, alice, adventure).choose(name)
    assert answer.status_code == 422
    assert answer.json()["message"] == "That narrator is not available."
    assert Adventure.objects.get(pk=adventure.pk).narrator == ""


@database
def test_staff_try_what_others_do_not_see_yet(client, alice, adventure, house, log):
    page = f"/adventures/{adventure.pk}/"
    chooser = Chooser(client, alice, adventure)
    assert "Not ready." not in client.get(page).content.decode()
    alice.is_staff = True
    alice.save()
    assert "Not ready." in client.get(page).content.decode()
    assert chooser.choose("crow").status_code == 200


@database
def test_nobody_else_may_choose(client, charlie, adventure, house, log):
    assert Chooser(client, charlie, adventure).choose("raven").status_code == 404
    client.logout()
    assert (
        client.post(f"/adventures/{adventure.pk}/narrator/", {"narrator": "raven"}).status_code
        == 404
    )
    assert Adventure.objects.get(pk=adventure.pk).narrator == ""


@database
def test_the_settings_offer_the_choice_and_work_without_scripts(
    client, alice, adventure, house, log
):
    chooser = Chooser(client, alice, adventure)
    answer = chooser.choose("raven", headers={})
    assert answer.headers["Location"] == f"/adventures/{adventure.pk}/"
    page = client.get(answer.headers["Location"]).content.decode()
    assert '<option value="raven" selected>Raven: Says less.</option>' in page
    assert "narrator: <bdi>Raven</bdi>" in page


@database
def test_where_there_is_one_narrator_there_is_nothing_to_choose(
    client, alice, adventure, house, log
):
    house("narrators: [{name: parrot, line: Alone., engine: scripted}]")
    client.force_login(alice)
    assert "narrator-form" not in client.get(f"/adventures/{adventure.pk}/").content.decode()


# ---- the host splits new adventures


@database
def test_new_adventures_are_split_by_weight_among_those_that_everyone_sees(alice, begin, house):
    house(SPLIT)
    narration.rng.seed(4)
    told_by = Counter(begin(alice).narrator for _ in range(40))
    assert set(told_by) == {"parrot", "raven"}
    narration.rng.seed(4)
    again = Counter(begin(alice).narrator for _ in range(40))
    assert again == told_by
    assert 20 < told_by["parrot"] < 38, "three quarters, more or less"


@database
def test_without_weights_the_host_s_default_tells_them_all(alice, begin, house):
    assert {begin(alice).narrator for _ in range(5)} == {""}
    assert narration.narrator_of(begin(alice)).name == "parrot"


@database
def test_who_may_be_drawn_says_where_words_may_go(house):
    away = "engine: openai, model: 'https://far.example/v1', weight: 1"
    house(
        SPLIT.replace("engine: scripted, revision: third", away).replace(
            "weight: 1, engine", "engine"
        )
    )
    assert narration.hosts_for_new_adventures() == "far.example or stay on this server"
    house(HOUSE)
    assert narration.hosts_for_new_adventures() == ""


# ---- a turn remembers who told it


@database
def test_a_turn_remembers_which_narrator_and_which_revision_told_it(
    client, alice, adventure, house, workers
):
    workers.start("raven", replies=["Never."], pace=0)
    Chooser(client, alice, adventure).choose("raven")
    turn = act(adventure, alice).pk
    until(lambda: Turn.objects.get(pk=turn).status == Status.TOLD)
    assert Turn.objects.get(pk=turn).narrator == "raven"
    details = unpack(TurnContext.objects.get(turn=turn).details)
    narrator_worker = workers.narrator_workers[0]
    assert (details.narrator, details.revision) == ("raven", narrator_worker.narrator.fingerprint)
    assert queue_client().waiting("raven") == 0


# ---- a worker that serves several


def told_by(adventure, player, name):
    """Have a narrator tell a turn to its end; the turn."""
    Adventure.objects.filter(pk=adventure.pk).update(narrator=name)
    turn = act(adventure, player)
    until(lambda: Turn.objects.get(pk=turn.pk).status != Status.QUEUED)
    turn.refresh_from_db()
    return turn


def speaker(name, said, **fields):
    options = {"replies": [said], "pace": 0, **fields.pop("options", {})}
    return {"name": name, "options": options, **fields}


PARROT, RAVEN, OWL = (
    speaker("parrot", "Polly sleeps."),
    speaker("raven", "Never again."),
    speaker("owl", "Who is it?"),
)


def loaded(pool):
    return [name for name, entry in pool.entries.items() if entry.worker]


@database
def test_one_worker_serves_several_and_loads_each_when_it_is_first_needed(
    alice, adventure, pools, log
):
    pools.write(PARROT, RAVEN, OWL)
    pool = pools.pool("parrot", "raven", "owl")
    assert loaded(pool) == ["parrot"]
    until(lambda: log.narrator_alive("raven"))
    assert not log.narrator_ready("raven"), "its line is open, its model is not loaded"
    assert told_by(adventure, alice, "raven").reply == "Never again."
    assert told_by(adventure, alice, "parrot").reply == "Polly sleeps."
    assert loaded(pool) == ["parrot", "raven"]
    assert log.narrator_ready("raven")
    assert log.narrator_stats("raven").workers == 1, "it is on call no more"


@database
def test_what_was_not_asked_for_the_longest_time_leaves_when_memory_is_short(
    alice, adventure, pools, log
):
    pools.write(PARROT, RAVEN, OWL)
    pool = pools.pool("parrot", "raven", "owl")
    for name in ("raven", "parrot"):
        told_by(adventure, alice, name)
    held = sum(each.memory for each in pool.loaded_workers()) / 1024 / 1024
    assert held > 10, "an engine's process weighs something"
    # Room for two and a half of them.
    pool.config = replace(pool.config, memory_mb=int(held * 1.25))
    assert told_by(adventure, alice, "owl").reply == "Who is it?"
    until(lambda: loaded(pool) == ["parrot", "owl"])
    until(lambda: log.narrator_alive("raven"))
    assert told_by(adventure, alice, "raven").reply == "Never again."
    until(lambda: loaded(pool) == ["raven", "owl"])


@database
def test_who_makes_room_finishes_its_turns_first(alice, bob, begin, adventure, pools):
    slow = speaker("parrot", "One two three four five six.", options={"pace": 4})
    pools.write(slow, RAVEN)
    pool = pools.pool("parrot", "raven", memory_mb=1)
    Adventure.objects.update(narrator="parrot")
    under_way = act(adventure, alice)
    parrot = pool.entries["parrot"].worker
    until(lambda: parrot.replies)
    assert told_by(begin(bob), bob, "raven").reply == "Never again."
    under_way.refresh_from_db()
    assert (under_way.reply, under_way.attempt) == ("One two three four five six.", 1)
    assert loaded(pool) == ["raven"]


@database
def test_a_narrator_is_ready_only_when_it_has_told_a_turn(pools, log):
    pools.write(speaker("parrot", "Hm.", options={"error_after_tokens": 0}), RAVEN)
    pool = pools.pool("parrot", "raven")
    assert not log.narrator_alive("parrot"), "it loads, and cannot tell"
    until(lambda: log.narrator_alive("raven"))
    assert loaded(pool) == []


@database
def test_a_narrator_that_never_begins_its_first_turn_is_not_waited_for(pools, monkeypatch):
    """A server may send for ever, and no words: each of its steps is short."""
    monkeypatch.setattr("inference.worker.warm_up.WARM_UP_SECONDS", 1.0)
    pools.write(speaker("parrot", "Hm.", options={"first_token_seconds": 60}))
    with pytest.raises(EngineFailed, match="cannot tell: it did not tell 8 tokens in 1 s"):
        pools.pool("parrot")


@database
def test_a_worker_whose_only_narrator_cannot_tell_does_not_begin(pools):
    pools.write(speaker("parrot", "Hm.", options={"crash_after_tokens": 1}))
    with pytest.raises(EngineFailed, match="narrator 'parrot' cannot tell: "):
        pools.pool("parrot")


@database
def test_a_narrator_that_cannot_be_loaded_leaves_the_others_alone(
    alice, adventure, pools, log, monkeypatch
):
    monkeypatch.setattr("inference.worker.pool.model_loader.RETRY_SECONDS", 0.5)
    pools.write(PARROT, {"name": "raven", "options": {"pace": "fast"}})
    pool = pools.pool("parrot", "raven")
    until(lambda: log.narrator_alive("raven"))
    Adventure.objects.update(narrator="raven")
    waits = act(adventure, alice)
    until(lambda: not log.narrator_alive("raven"))
    assert loaded(pool) == ["parrot"]
    # The turn waits. It is told once the host has put the file right.
    pools.write(PARROT, RAVEN)
    pool.reload()
    until(lambda: Turn.objects.get(pk=waits.pk).status == Status.TOLD)
    assert Turn.objects.get(pk=waits.pk).reply == "Never again."


@database
def test_no_narrator_tells_more_at_once_than_it_has_slots(alice, begin, pools, settings):
    settings.TURNS_PER_PLAYER = 100
    pools.write(speaker("parrot", "One two three.", slots=2, options={"pace": 8}))
    pool = pools.pool("parrot")
    parrot = pool.entries["parrot"].worker
    for _ in range(6):
        act(begin(alice), alice)
    most = 0

    def done():
        nonlocal most
        most = max(most, len(parrot.replies))
        return Turn.objects.filter(reply="One two three.").count() == 6

    until(done)
    assert most == 2


@database
def test_a_server_that_is_away_is_asked_until_it_answers(alice, adventure, pools, log, monkeypatch):
    monkeypatch.setattr("inference.worker.pool.model_loader.RETRY_SECONDS", 0.5)
    nobody = {"name": "raven", "engine": "openai", "model": "http://127.0.0.1:9/v1"}
    pools.write(nobody)
    pool = pools.pool("raven")  # does not raise, and does not wait for it
    assert not log.narrator_alive("raven")
    pools.write(RAVEN)
    pool.reload()
    until(lambda: pool.entries["raven"].narrator.engine == "scripted")
    log.send_heartbeat("raven", "test", slots=1, recent_seconds=[1.0])
    assert told_by(adventure, alice, "raven").reply == "Never again."
