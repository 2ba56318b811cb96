"""Celery tasks of the queue "game", which need Postgres and no model."""

import logging
import threading
import time
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.db import DatabaseError, InterfaceError, close_old_connections

from game.installed import publishing
from game.play import endings, suggestions, summaries
from game.play.sweep import sweep
from game.state import changes
from inference import tracing
from inference.contract.questions import Reading, Suggestions
from inference.contract.request import Result, SummaryResult
from inference.installing.jobs import JobResult
from inference.log_context import about, where

logger = logging.getLogger(__name__)

QUEUE = "game"
CHECK_SECONDS = 1.0  # between checks whether Celery asks for sweeps
SILENT_SECONDS = 5.0  # seconds without a request after which this process sweeps by itself


@shared_task(name="game.tasks.record_reply", ignore_result=True)
def record_reply(result: str) -> None:
    """Store a turn's result, sent by a worker as JSON of a Result."""
    ended = Result.from_message(result)
    names = {"adventure": ended.adventure, "turn": ended.turn, "attempt": str(ended.attempt)}
    with about(**names), tracing.span("record", ended.trace, **names):
        if endings.finish_turn(ended):
            summaries.summarise_dropped_turns(UUID(ended.turn))


@shared_task(name="game.tasks.record_summary", ignore_result=True)
def record_summary(result: str) -> None:
    """Store a narrator's summary, sent by a worker as JSON of a SummaryResult."""
    summaries.record(SummaryResult.from_message(result))


@shared_task(name="game.tasks.record_reading", ignore_result=True)
def record_reading(result: str) -> None:
    """Store what a narrator read of the state of the world, sent by a worker as JSON of Reading."""
    read = Reading.from_message(result)
    changes.record_reading(UUID(read.adventure), UUID(read.turn), read.changes, read.texts)


@shared_task(name="game.tasks.record_suggestions", ignore_result=True)
def record_suggestions(result: str) -> None:
    """Publish the actions that a narrator suggests, sent by a worker as JSON of Suggestions."""
    suggestions.record(Suggestions.from_message(result))


@shared_task(name="game.tasks.record_install", ignore_result=True)
def record_install(result: str) -> None:
    """Store how an install or removal ended, sent by a worker as JSON of a JobResult."""
    publishing.record(JobResult.model_validate_json(result))


@shared_task(name="game.tasks.sweep_stale_turns", ignore_result=True)
def sweep_stale_turns() -> None:
    """Run the sweep; Celery's beat asks for it every two seconds."""
    last_asked.note()
    sweep()


class LastAsked:
    """When Celery last asked this process to sweep, on the monotonic clock."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def note(self) -> None:
        """Celery has asked now."""
        self.at = time.monotonic()

    def seconds_ago(self) -> float:
        """Seconds since Celery last asked, or since this process began."""
        return time.monotonic() - self.at


last_asked = LastAsked()


@worker_ready.connect
def watch_the_sweep(sender: Any, **_: Any) -> None:
    """Start a thread that sweeps by itself if Celery delivers no message to do so.

    A Celery worker may stop consuming after Redis was reset (celery #10205, #10302), and after an
    outage it retries only after up to 30 s. Turns saved meanwhile, and replies that wait in the
    log, must not wait so long.
    """
    if QUEUE in sender.app.amqp.queues.consume_from:
        threading.Thread(target=sweep_without_celery, name="sweep-watch", daemon=True).start()


def sweep_without_celery() -> None:
    """Sweep forever whenever Celery has not asked for it for SILENT_SECONDS."""
    while True:
        time.sleep(CHECK_SECONDS)
        if last_asked.seconds_ago() < SILENT_SECONDS:
            continue
        try:
            sweep()
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("the sweep waits for the database: %s", type(problem).__name__)
        except Exception as problem:  # an unexpected error must not end this thread
            logger.error("the sweep failed: %s", where(problem))
        finally:
            close_old_connections()
