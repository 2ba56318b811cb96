"""Imports files in the background, as Celery tasks of the queue "game"."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from game.database import after_commit
from game.imports import importing
from game.play.events import redis_breaker

logger = logging.getLogger(__name__)

EXPIRES_SECONDS = 60  # beat asks again every few seconds


@shared_task(name="game.imports.tasks.import_files", ignore_result=True)
def import_files() -> None:
    """Import the file that has waited longest, and ask again if more wait.

    Beat asks too, every ten seconds: for files whose worker died, and while Redis was down.
    """
    waiting = importing.next_waiting()
    if waiting is not None and importing.run(waiting) and importing.next_waiting() is not None:
        request_import()


@shared_task(name="game.imports.tasks.tidy", ignore_result=True)
def tidy() -> None:
    """Remove files that nobody imported."""
    removed = importing.tidy()
    if removed:
        logger.info("files that were not imported removed: %s", removed)


def request_import() -> None:
    """Ask a worker to import what waits. If Redis is down, beat asks later."""
    if redis_breaker.is_open:
        return
    try:
        import_files.apply_async(queue="game", expires=EXPIRES_SECONDS)
    except OperationalError as problem:
        redis_breaker.trip()
        logger.warning("imports wait: %s", type(problem).__name__)


def request_on_commit() -> None:
    """Ask a worker to import what waits, once the transaction is committed."""
    after_commit(request_import)
