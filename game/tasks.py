"""Celery tasks of the queue "game": what needs Postgres and no model."""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

import redis
from celery import shared_task
from celery.signals import worker_ready
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models.functions import Now

from game import narration, turns
from game.log import story_log
from game.models import Adventure, Status, Turn
from inference.request import Result

logger = logging.getLogger(__name__)

# A turn is given this long to get from the commit into Redis before the sweep looks at it.
GRACE = timedelta(seconds=3)
# Adventures that changed in this time are checked for events that never reached the log.
LAG = timedelta(minutes=10)

QUEUE = "game"
LOOK_EVERY = 2.0  # seconds between looks whether the sweep is swept
UNSWEPT = 10.0  # seconds without a sweep after which this process sweeps unasked


@shared_task(name="game.tasks.record_reply", ignore_result=True)
def record_reply(result: str) -> None:
    """Store how a turn ended. Sent by the worker, as JSON of a Result."""
    turns.finish_turn(Result.model_validate_json(result))


@shared_task(name="game.tasks.sweep_stale_turns", ignore_result=True)
def sweep_stale_turns() -> None:
    """Bring back on their way the turns that lost it, and wake workers where messages were lost."""
    last_sweep.note()
    under_way = Turn.objects.filter(status=Status.QUEUED, created__lt=Now() - GRACE)
    try:
        for turn_id in list(under_way.order_by("created").values_list("pk", flat=True)):
            turns.give_again(turn_id, turns.sweep_turn)
        for narrator in narration.narrators().names:
            narration.top_up_wake_ups(narrator)
        publish_what_the_log_missed()
    except redis.RedisError as problem:
        logger.warning("the sweep waits for Redis: %s", problem)


class LastSweep:
    """When this process swept last, in seconds of its own clock."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def note(self) -> None:
        self.at = time.monotonic()

    def seconds_ago(self) -> float:
        return time.monotonic() - self.at


last_sweep = LastSweep()


@worker_ready.connect
def watch_the_sweep(sender: Any, **_: Any) -> None:
    """Sweep all the same where Celery brings no message to do so.

    A Celery worker may stop consuming after Redis was reset (celery #10205, #10302); the turns
    whose ends wait in the log must not wait with it.
    """
    if QUEUE in sender.app.amqp.queues.consume_from:
        threading.Thread(target=sweep_unasked, name="sweep-watch", daemon=True).start()


def sweep_unasked() -> None:
    while True:
        time.sleep(LOOK_EVERY)
        if last_sweep.seconds_ago() < UNSWEPT:
            continue
        try:
            sweep_stale_turns()
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("the sweep waits for the database: %s", type(problem).__name__)
        finally:
            close_old_connections()


def publish_what_the_log_missed() -> None:
    """Where the log lags behind Postgres (a crash between commit and append), make pages look."""
    recent = Adventure.objects.filter(changed__gt=Now() - LAG, changed__lt=Now() - GRACE)
    for adventure in recent.only("pk", "version"):
        seen = story_log().version(str(adventure.pk))
        if seen is not None and seen < adventure.version:
            logger.info("adventure %s: its log lags behind", adventure.pk)
            story_log().publish_lag(str(adventure.pk), adventure.version)
