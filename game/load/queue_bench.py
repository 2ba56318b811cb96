"""Measures the line in which turns wait: `manage.py bench --line`.

How long a free worker takes to begin an action, how many messages a waiting turn costs, and what a
long line takes of Redis' memory while nothing moves. The narrators are scripted: only the way from
an action to its worker is measured.
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
LONG = 500  # turns in a long line


def measure() -> None:
    """Print one JSON object a figure."""
    latencies()
    waiting(1)
    waiting(LONG)


def latencies() -> None:
    """Seconds from an action to the `turn.started` of a worker that has nothing to do."""
    adventure = begin(QUICK)
    seconds = []
    for _ in range(ACTIONS):
        last = queue_client().last_id(str(adventure.pk))
        began = time.monotonic()
        turn = act(adventure)
        while not has(adventure, last, b"turn.started"):
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
    """Let `count` turns wait behind one that takes minutes, and see what comes into Redis."""
    client = queue_client().redis
    act(begin(SLOW))
    while queue_client().waiting(SLOW):
        time.sleep(0.1)
    empty = used(client)
    told = [act(begin(SLOW)) for _ in range(count)]
    full = used(client)
    print_figure("messages", messages(client), waiting=count, seconds=WATCHED_SECONDS)
    left = client.llen(celery_key(f"narrator.{SLOW}"))
    print_figure("messages_left_in_queue", left, waiting=count)
    print_figure("redis_bytes_per_turn", (full - empty) // count, waiting=count)
    print_figure("redis_bytes_grown", used(client) - full, waiting=count, seconds=WATCHED_SECONDS)
    for turn in [*told, *Turn.objects.filter(status="queued")]:
        endings.stop_unwatched_turn(turn)


def messages(client: Any) -> int:
    """How many Celery messages are sent to narrators in WATCHED_SECONDS."""
    count, until = 0, time.monotonic() + WATCHED_SECONDS
    with client.monitor() as monitor:
        while time.monotonic() < until:
            with contextlib.suppress(redis.TimeoutError):
                command = monitor.next_command()["command"]
                count += command.startswith(f"LPUSH {celery_key('narrator.')}")
    return count


def begin(narrator: str) -> Adventure:
    player = Player.objects.create_user(f"bench-{uuid.uuid4().hex}")
    scenario = Scenario.objects.get(slug="your-own-beginning")
    adventure = adventures.begin(player, scenario, {"opening": "You stand before a door."})
    adventure.narrator = narrator
    adventure.save(update_fields=["narrator"])
    return adventure


def act(adventure: Adventure) -> Turn:
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text="open the door")
    player = Player.objects.get(membership__adventure=adventure)
    accepted = turns.carry_out(adventure.pk, player, command)
    return Turn.objects.select_related("adventure").get(pk=str(accepted.turn))


def has(adventure: Adventure, after: str, what: bytes) -> bool:
    """Whether the log has an entry of this kind; waits for one."""
    client = queue_client().redis
    client.xread({log_key(str(adventure.pk)): "$"}, block=20)
    entries = client.xrange(log_key(str(adventure.pk)), f"({after}")
    return any(what in fields[b"e"] for _, fields in entries)


def used(client: Any) -> int:
    return int(client.info("memory")["used_memory_dataset"])
