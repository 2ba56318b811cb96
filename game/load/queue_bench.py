"""Measures the queue of turns: `manage.py bench --queue`.

How long it takes until an idle worker starts a turn, how many messages a waiting turn costs, and
how much memory a long queue takes in Redis while nothing moves. The narrators are scripted: only
the path from an action to its worker is measured.
"""

import contextlib
import statistics
import time
import uuid
from typing import Any

import redis

from game.models import Adventure, Player, Scenario, Turn
from game.play import adventures, endings, turns
from game.play.events import queue_client
from game.play.protocol import TakeAction
from inference.lab.bench import print_figure
from inference.queue.keys import celery_key, log_key

QUICK, SLOW = "quick", "slow"
NARRATORS: dict[str, Any] = {
    "default": QUICK,
    "narrators": [
        {
            "name": QUICK,
            "line": "Tells at once.",
            "engine": "scripted",
            "slots": 4,
            "options": {"pace": 0, "replies": ["The door opens."]},
        },
        {
            "name": SLOW,
            "line": "Tells one story for minutes.",
            "engine": "scripted",
            "slots": 1,
            "options": {"pace": 0.2, "replies": [" ".join(f"word{n}." for n in range(200))]},
        },
    ],
}
ACTIONS = 100
WATCHED_SECONDS = 24
LONG = 500  # turns in a long queue


def measure() -> None:
    """Print every figure as a JSON object on a line of its own."""
    latencies()
    waiting(1)
    waiting(LONG)


def latencies() -> None:
    """Measure the seconds from an action to the `turn.started` of an idle worker."""
    adventure = begin_adventure(QUICK)
    seconds = []
    for _ in range(ACTIONS):
        last = queue_client().last_id(str(adventure.pk))
        began = time.monotonic()
        turn = queue_action(adventure)
        while not wait_for_event(adventure, last, b"turn.started"):
            pass
        seconds.append(time.monotonic() - began)
        while Turn.objects.get(pk=turn.pk).status == "queued":
            time.sleep(0.01)
        time.sleep(0.02)
    seconds.sort()
    for name, value in (
        ("median", statistics.median(seconds)),
        ("p99", seconds[int(len(seconds) * 0.99)]),
        ("worst", seconds[-1]),
    ):
        print_figure("seconds_until_started", round(value, 4), of=name, actions=ACTIONS)


def waiting(count: int) -> None:
    """Queue `count` turns behind one that takes minutes; measure messages and memory in Redis."""
    client = queue_client().redis
    queue_action(begin_adventure(SLOW))
    while queue_client().waiting(SLOW):
        time.sleep(0.1)
    empty = memory_used(client)
    queued = [queue_action(begin_adventure(SLOW)) for _ in range(count)]
    full = memory_used(client)
    print_figure("messages", messages(client), waiting=count, seconds=WATCHED_SECONDS)
    left = client.llen(celery_key(f"narrator.{SLOW}"))
    print_figure("messages_left_in_queue", left, waiting=count)
    print_figure("redis_bytes_per_turn", (full - empty) // count, waiting=count)
    print_figure(
        "redis_bytes_grown", memory_used(client) - full, waiting=count, seconds=WATCHED_SECONDS
    )
    for turn in [*queued, *Turn.objects.filter(status="queued")]:
        endings.stop_unwatched_turn(turn)


def messages(client: Any) -> int:
    """How many Celery messages narrators are sent in WATCHED_SECONDS."""
    count, end = 0, time.monotonic() + WATCHED_SECONDS
    with client.monitor() as monitor:
        while time.monotonic() < end:
            with contextlib.suppress(redis.TimeoutError):
                command = monitor.next_command()["command"]
                count += command.startswith(f"LPUSH {celery_key('narrator.')}")
    return count


def begin_adventure(narrator: str) -> Adventure:
    """Begin an adventure of a new player with this narrator."""
    player = Player.objects.create_user(f"bench-{uuid.uuid4().hex}")
    scenario = Scenario.objects.get(slug="your-own-beginning")
    adventure = adventures.begin(player, scenario, {"opening": "You stand before a door."})
    adventure.narrator = narrator
    adventure.save(update_fields=["narrator"])
    return adventure


def queue_action(adventure: Adventure) -> Turn:
    """Take an action in an adventure. Returns its turn."""
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text="open the door")
    player = Player.objects.get(membership__adventure=adventure)
    accepted = turns.carry_out(adventure.pk, player, command)
    return Turn.objects.select_related("adventure").get(pk=str(accepted.turn))


def wait_for_event(adventure: Adventure, after: str, what: bytes) -> bool:
    """Wait up to 20 ms for an event. Whether the log has one of this type since `after`."""
    client = queue_client().redis
    client.xread({log_key(str(adventure.pk)): "$"}, block=20)
    entries = client.xrange(log_key(str(adventure.pk)), f"({after}")
    return any(what in fields[b"e"] for _, fields in entries)


def memory_used(client: Any) -> int:
    """Bytes of data in Redis, without its overhead."""
    return int(client.info("memory")["used_memory_dataset"])
