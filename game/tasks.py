"""Celery tasks of the queue "game": what needs Postgres and no model."""

import logging
import platform
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import redis
from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.db.models.functions import Now

from game import installed_narrators, metrics
from game.models import Adventure, Status, Turn
from game.moderation import operation
from game.play import narration, summaries, turns
from game.play.events import story_log
from inference import tracing
from inference.contract.request import Result, SummaryResult
from inference.installing.jobs import JobResult
from inference.log_context import about, where
from inference.narrators import NarratorsError
from inference.worker.reply import BROKEN

logger = logging.getLogger(__name__)

# A turn is given this long to get from the commit into Redis before the sweep looks at it.
GRACE = timedelta(seconds=3)
HOPELESS = timedelta(minutes=1)  # after which a turn ends that the sweep cannot help
# Adventures that changed in this time are checked for events that never reached the log.
LAG = timedelta(minutes=10)
AT_ONCE = 500  # turns that Redis is asked about in one go

QUEUE = "game"
LOOK_EVERY = 1.0  # seconds between looks whether Celery asks for sweeps
UNASKED = 5.0  # seconds without being asked after which this process sweeps all the same


@shared_task(name="game.tasks.record_reply", ignore_result=True)
def record_reply(result: str) -> None:
    """Store how a turn ended. Sent by the worker, as JSON of a Result."""
    ended = Result.heard(result)
    names = {"adventure": ended.adventure, "turn": ended.turn, "attempt": str(ended.attempt)}
    with about(**names), tracing.span("record", ended.trace, **names):
        if turns.finish_turn(ended):
            summaries.catch_up(UUID(ended.turn))


@shared_task(name="game.tasks.record_summary", ignore_result=True)
def record_summary(result: str) -> None:
    """Store what a narrator says of what happened before. JSON of a SummaryResult."""
    summaries.record(SummaryResult.heard(result))


@shared_task(name="game.tasks.record_install", ignore_result=True)
def record_install(result: str) -> None:
    """Store how installing or removing a narrator ended. JSON of a JobResult."""
    installed_narrators.record(JobResult.model_validate_json(result))


@shared_task(name="game.tasks.sweep_stale_turns", ignore_result=True)
def sweep_stale_turns() -> None:
    """The sweep, as Celery's beat asks for it every two seconds."""
    last_asked.note()
    sweep()


def sweep() -> None:
    """Bring back on their way the turns that lost it, and make pages see what they missed.

    Where one part fails the others are done all the same.
    """
    parts: list[Callable[[], None]] = [
        operation.tell_workers,
        installed_narrators.publish,
        bring_back_what_got_lost,
        publish_what_the_log_missed,
        stop_what_nobody_watches,
        tidy_lines,
    ]
    for part in parts:
        try:
            part()
        except (OperationalError, InterfaceError):
            raise  # the database is away: the other parts would fare no better
        except NarratorsError as problem:
            logger.warning("the sweep waits for the narrators file: %s", problem)
        except redis.RedisError as problem:
            logger.warning("the sweep waits for Redis: %s", problem)
            return
        except Exception as problem:
            logger.error("the sweep: %s: %s", part.__name__, where(problem))
    try:
        story_log().note_sweep(platform.node())
    except redis.RedisError as problem:
        logger.warning("the sweep waits for Redis: %s", problem)


def bring_back_what_got_lost() -> None:
    under_way = Turn.objects.filter(status=Status.QUEUED, created__lt=Now() - GRACE)
    waiting = list(under_way.order_by("created").values_list("pk", "narrator"))
    # Most are where they should be; only the others are locked and looked at one by one.
    for start in range(0, len(waiting), AT_ONCE):
        part = waiting[start : start + AT_ONCE]
        fine = turns.on_their_way(part)
        for turn_id, _ in part:
            if turn_id not in fine:
                bring_back(turn_id)


def tidy_lines() -> None:
    for narrator in narration.narrators().names:
        story_log().tidy(narrator)


def bring_back(turn_id: UUID) -> None:
    """Look at one turn under way. One that cannot be helped must not keep the others waiting."""
    try:
        turns.give_again(turn_id, turns.sweep_turn)
    except (redis.RedisError, OperationalError, InterfaceError):
        raise  # the others would fare no better
    except Exception as problem:  # its text may hold the player's words
        logger.error("turn %s: the sweep cannot help it: %s", turn_id, where(problem))
        give_up(turn_id)


def give_up(turn_id: UUID) -> None:
    """End a turn that the sweep could not help for HOPELESS. Words that players saw stay."""
    turn = Turn.objects.filter(pk=turn_id, created__lt=Now() - HOPELESS).first()
    if turn is None:
        return
    adventure = str(turn.adventure_id)
    try:
        turns.finish_turn(
            Result(
                adventure=adventure,
                turn=str(turn.pk),
                attempt=turn.attempt,
                outcome="failed",
                reply=story_log().told(adventure, str(turn.pk)).reply,
                reason=BROKEN,
            )
        )
    except Exception as problem:
        logger.error("turn %s: cannot be ended: %s", turn_id, where(problem))


def stop_what_nobody_watches() -> None:
    """Where the host says so: end turns whose last window was closed a while ago."""
    seconds = settings.STOP_WHEN_AWAY_SECONDS
    if not seconds:
        return
    old = Turn.objects.filter(
        status=Status.QUEUED, created__lt=Now() - timedelta(seconds=seconds)
    ).select_related("adventure")
    under_way = {str(turn.adventure_id): turn for turn in old}
    for adventure in story_log().unwatched(list(under_way), seconds):
        try:
            turns.leave_turn(under_way[adventure])
        except (redis.RedisError, OperationalError, InterfaceError):
            raise
        except Exception as problem:  # the others need not go on for nobody
            logger.error("adventure %s: not stopped: %s", adventure, where(problem))


class LastAsked:
    """When Celery last asked this process to sweep, in seconds of its own clock."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def note(self) -> None:
        self.at = time.monotonic()

    def seconds_ago(self) -> float:
        return time.monotonic() - self.at


last_asked = LastAsked()


@worker_ready.connect
def watch_the_sweep(sender: Any, **_: Any) -> None:
    """Sweep all the same where Celery brings no message to do so.

    A Celery worker may stop consuming after Redis was reset (celery #10205, #10302), and after
    an outage it tries again only after up to 30 s; the turns that were saved meanwhile, and those
    whose ends wait in the log, must not wait with it.
    """
    if QUEUE in sender.app.amqp.queues.consume_from:
        threading.Thread(target=sweep_unasked, name="sweep-watch", daemon=True).start()


def sweep_unasked() -> None:
    while True:
        time.sleep(LOOK_EVERY)
        if last_asked.seconds_ago() < UNASKED:
            continue
        try:
            sweep()
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("the sweep waits for the database: %s", type(problem).__name__)
        except Exception as problem:  # whoever watches must not end with the first surprise
            logger.error("the sweep broke off: %s", where(problem))
        finally:
            close_old_connections()


def publish_what_the_log_missed() -> None:
    """Where the log lags behind Postgres (a crash between commit and append), make pages look.

    A log that knows no version is one of an emptied Redis: what was said since may be missing.
    """
    recent = Adventure.objects.filter(changed__gt=Now() - LAG, changed__lt=Now() - GRACE)
    versions = {str(pk): version for pk, version in recent.values_list("pk", "version")}
    for adventure, seen in story_log().versions(list(versions)).items():
        if (seen or 0) < versions[adventure]:
            metrics.SWEPT.labels("log lagged").inc()
            logger.info("adventure %s: its log lags behind", adventure)
            story_log().publish_lag(adventure, versions[adventure])
