"""Suggested actions: asked for where they are on, for the head alone, and no part of the story."""

import json
import uuid

import pytest
import redis
from django.db import connection, connections

from game import tasks
from game.models import Adventure, Turn, TurnChanges
from game.play import adventures, narration, snapshots, suggestions
from game.play.protocol import EditTurn, RedoTurn, UndoTurn
from inference.contract.questions import Suggestions, digest_of
from inference.queue.client import QueueClient
from inference.queue.keys import log_key
from tests.game.play.test_turns import act, do, tell
from tests.serving import until

pytestmark = pytest.mark.django_db(transaction=True)

ACTIONS = ("ask Teague about the key", "leave", "wait")
REPLY = "Teague waves the key at you."
RULES = """
version: test-1
rules:
  - name: keys
    title: No keys
    says: Keys are not mentioned here.
    severity: block
    patterns: [key]
"""


@pytest.fixture
def told(alice, adventure, narrator_awake):
    """The head, told, in an adventure with suggestions."""
    adventures.set_options(adventure.pk, {"suggestions": True})
    turn = act(adventure, alice, "greet Teague")
    tell(turn, REPLY)
    return Turn.objects.get(pk=turn.pk)


def suggest(turn, actions=ACTIONS, **more):
    """What a worker sends; whether it was published."""
    made = {
        "adventure": str(turn.adventure_id),
        "turn": str(turn.pk),
        "texts": digest_of(turn.action, turn.reply),
        "actions": actions,
        **more,
    }
    return suggestions.record(Suggestions(**made))


def shown(turn):
    return snapshots.snapshot(turn.adventure_id).suggestions


def test_what_only_the_narrator_knows_is_in_no_suggestion(told):
    fact = {"part": "fact", "name": "the well is dry", "value": "true", "source": "scenario"}
    row = {"changes": [fact | {"hidden": True}]}
    TurnChanges.objects.update_or_create(turn_id=told.parent_id, defaults=row)
    assert suggest(told, ("look into the dry well", "say the well is dry", "wait"))
    assert "say the well is dry" not in shown(told)
    assert "wait" in shown(told)


def test_a_death_that_only_the_narrator_knows_is_in_no_suggestion(told):
    prosser = {"part": "person", "name": "Mr. Prosser", "source": "scenario"}
    here = {**prosser, "field": "here", "value": "no"}
    dead = {**prosser, "field": "life", "value": "dead", "hidden": True}
    TurnChanges.objects.update_or_create(turn_id=told.parent_id, defaults={"changes": [here, dead]})
    assert suggest(told, ("look for the body of Prosser", "wait"))
    assert shown(told) == ["wait"]


def test_they_are_off_until_the_owner_wants_them(client, alice, adventure, narrator_awake):
    turn = act(adventure, alice)
    assert narration.request_for(adventure, turn).suggestions is False
    client.force_login(alice)
    url = f"/adventures/{adventure.pk}/options/"
    answer = client.post(url, {"suggestions": "on"}, headers={"Accept": "application/json"})
    assert answer.json()["suggestions"] is True
    now = Adventure.objects.get(pk=adventure.pk)
    assert narration.request_for(now, turn).suggestions is True
    assert snapshots.adventure_data(now)["suggestions"] is True


def test_they_come_as_an_event_and_stay_in_the_snapshot(told, log):
    version = Adventure.objects.get().version
    assert suggest(told)
    [*_, last] = log.redis.xrange(log_key(str(told.adventure_id)))
    assert json.loads(last[1][b"e"]) == {
        "type": "turn.suggested",
        "turn": str(told.pk),
        "actions": list(ACTIONS),
    }
    assert shown(told) == list(ACTIONS)
    assert Adventure.objects.get().version == version, "the story has not changed"


def test_they_belong_to_the_head_alone(alice, adventure, told):
    suggest(told)
    do(adventure, alice, UndoTurn)
    assert shown(told) == []
    do(adventure, alice, RedoTurn)
    assert shown(told) == list(ACTIONS)
    act(adventure, alice, "leave")
    assert shown(told) == []


def test_late_ones_are_dropped(alice, adventure, told):
    assert not suggest(told, texts=digest_of("greet Teague", "Something else."))
    do(adventure, alice, EditTurn, turn=told.pk, reply="Teague is asleep.")
    assert not suggest(told), "its reply has changed"
    act(adventure, alice, "leave")
    assert not suggest(Turn.objects.get(pk=told.pk)), "the player was quicker"
    assert shown(told) == []


def test_switched_off_meanwhile_none_are_shown(adventure, told):
    adventures.set_options(adventure.pk, {"suggestions": False})
    assert not suggest(told)


def test_what_a_rule_forbids_in_replies_is_not_suggested(told, settings, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    settings.RULES_FILE = file
    assert suggest(told)
    assert shown(told) == ["leave", "wait"]
    assert not suggest(told, actions=("take the key",))


def test_without_redis_they_are_lost_and_nothing_else(told, monkeypatch):
    def away(*_):
        raise redis.ConnectionError

    monkeypatch.setattr(QueueClient, "publish_suggestions", away)
    monkeypatch.setattr(QueueClient, "suggestions", away)
    assert not suggest(told)
    assert shown(told) == []


def test_a_deleted_adventure_leaves_none(told, log):
    suggest(told)
    adventure = str(told.adventure_id)
    log.forget(adventure, [str(told.pk)], ["parrot"])
    assert log.suggestions(adventure, str(told.pk)) == []


def test_an_idle_worker_suggests_what_the_page_shows(alice, adventure, log, workers):
    adventures.set_options(adventure.pk, {"suggestions": True})
    worker = workers.start(pace=0, answers=[json.dumps(ACTIONS)], replies=[REPLY])

    def record(made):
        try:
            tasks.record_suggestions(made.model_dump_json())
        finally:
            connections.close_all()  # of the worker's thread

    worker.questions.record = record
    turn = act(adventure, alice, "greet Teague")
    until(lambda: shown(turn) == list(ACTIONS))
    assert Turn.objects.get(pk=turn.pk).reply == REPLY


def test_the_version_before_can_still_add_adventures_during_a_rolling_update(adventure):
    known = [field.column for field in Adventure._meta.concrete_fields]
    before = ", ".join(name for name in known if name not in ("id", "suggestions"))
    added = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO game_adventure (id, {before})"
            f" SELECT %s, {before} FROM game_adventure WHERE id = %s",
            [added, adventure.pk],
        )
    assert Adventure.objects.get(pk=added).suggestions is False
