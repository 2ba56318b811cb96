"""The queue of waiting turns: workers block on Redis for wake-ups, and get no other message."""

import re
import threading
import time
import uuid
from pathlib import Path

import pytest

from game.play import connections, sweep
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.queue.client import QueueClient
from inference.queue.connection import POLL_SECONDS, lua_scripts
from inference.queue.keys import requests_key, waiting_key, wakeup_key
from inference.queue.turns import MOST_WAKEUPS
from tests.game.play.test_turns import act
from tests.serving import until

ROOT = Path(__file__).resolve().parents[3]
CONTEXT = StoryContext(action=Passage(kind="continue"))


def ask(log, narrator="parrot"):
    request = GenerationRequest(
        adventure=str(uuid.uuid4()),
        turn=str(uuid.uuid4()),
        attempt=1,
        narrator=narrator,
        player=str(uuid.uuid4()),
        context=CONTEXT,
    )
    log.enqueue(request)
    return request


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_waits_costs_no_messages(alice, adventure, narrator_awake, log):
    """It used to cost one with each sweep, every two seconds, for ever."""
    act(adventure, alice)
    for _ in range(3):
        sweep.sweep()
    assert log.redis.keys("grue:celery:narrator*") == []
    assert log.waiting("parrot") == 1


def test_a_long_queue_has_no_more_wake_ups_than_workers_need(log):
    for _ in range(MOST_WAKEUPS + 50):
        ask(log)
    assert log.redis.llen(wakeup_key("parrot")) == MOST_WAKEUPS
    for _ in range(MOST_WAKEUPS + 50):
        assert log.take_next("parrot", "w") is not None
    assert log.redis.llen(wakeup_key("parrot")) == MOST_WAKEUPS
    assert log.take_next("parrot", "w") is None
    assert not log.redis.exists(wakeup_key("parrot")), "no turn waits: no wake-up is left"


def test_an_idle_worker_begins_a_turn_at_once(log, workers, monkeypatch):
    """It is woken: what it looks for by itself it finds only after POLL_SECONDS."""
    for module in ("connection", "turns"):
        monkeypatch.setattr(f"inference.queue.{module}.POLL_SECONDS", 30)
    workers.start(pace=0)
    waits = []
    for _ in range(5):
        time.sleep(0.02)
        began = time.monotonic()
        request = ask(log)
        until(lambda turn=request.turn: log.state("parrot", turn).started)
        waits.append(time.monotonic() - began)
    assert min(waits) < 15


def test_a_turn_whose_wake_up_was_lost_is_told_all_the_same(log, workers):
    """A wake-up is lost with the worker that took it and died."""
    workers.start(pace=0)
    request = ask(log, "nobody").model_copy(update={"narrator": "parrot"})
    enqueue = QueueClient.enqueue
    with log.redis.pipeline(transaction=True) as pipe:
        quiet = QueueClient.__new__(QueueClient)
        quiet._run = lambda name, keys, args: log._scripts[name](keys, args, client=pipe) and 0
        enqueue(quiet, request)
        pipe.delete(wakeup_key("parrot"))
        pipe.execute()
    until(lambda: log.state("parrot", request.turn).end, 60 * POLL_SECONDS)


def test_a_worker_that_drains_leaves_the_wake_up_to_others(log, workers):
    leaving, staying = workers.start(pace=0), workers.start(pace=0)
    woken = threading.Event()
    wait_for_turn = leaving.queue.wait_for_turn

    def late(narrator):
        came = wait_for_turn(narrator)
        leaving.turn_taker.draining = leaving.draining or came
        if came:
            woken.set()
        return came

    leaving.queue.wait_for_turn = late
    until(lambda: [ask(log), time.sleep(0.1)] and woken.is_set())
    last = ask(log)
    until(lambda: log.state("parrot", last.turn).end, 60 * POLL_SECONDS)
    until(lambda: staying.idle and leaving.idle)
    assert log.waiting("parrot") == 0


def test_a_request_that_cannot_be_read_holds_up_no_other(log):
    first, second, third = ask(log), ask(log), ask(log)
    log.redis.hset(requests_key("parrot"), first.turn, "{")
    log.redis.hdel(requests_key("parrot"), second.turn)
    assert log.take_next("parrot", "w").request == third
    assert not log.redis.exists(waiting_key("parrot"))


# ---- keys


def test_one_file_names_every_key():
    named = re.compile(r"""["']grue:(?! )""")
    spelt = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("game", "inference", "dungeon", "scripts")
        for path in (*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.lua"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if named.search(line)
    ]
    assert spelt == [f"inference/queue/keys.py:{number}" for number in prefix_lines()]


def prefix_lines():
    lines = (ROOT / "inference/queue/keys.py").read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.startswith("PREFIX =")]


@pytest.mark.parametrize("script", [*lua_scripts(), "register"])
def test_scripts_get_every_key_through_keys(script):
    text = connections.REGISTER if script == "register" else lua_scripts()[script]
    calls = re.findall(r"redis\.call\('(\w+)'(, KEYS\[)?", text)
    assert calls
    assert {name for name, key in calls if not key} <= {"TIME"}


def test_every_script_says_what_its_keys_are():
    for name, text in lua_scripts().items():
        assert "KEYS: " in text.split("redis.call")[0], name
