"""Indexes adventures in the background, as a Celery task of the queue "game"."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from game.database import after_commit
from game.play.events import redis_breaker
from game.recall import indexing

logger = logging.getLogger(__name__)

EXPIRES_SECONDS = 600  # a request that waited for longer was made again meanwhile


@shared_task(name="game.recall.tasks.index_adventure", ignore_result=True)
def index_adventure(adventure: str) -> None:
    """Index some turns of an adventure that have no entry, and ask again if there are more."""
    if indexing.index_some(UUID(adventure)):
        request_index(UUID(adventure))


def request_index(adventure: UUID) -> None:
    """Ask for the entries that an adventure lacks. If Redis is down, the next turn asks again."""
    if redis_breaker.is_open:
        return
    try:
        index_adventure.apply_async((str(adventure),), queue="game", expires=EXPIRES_SECONDS)
    except OperationalError as problem:
        redis_breaker.trip()
        logger.warning("adventure %s: not indexed yet: %s", adventure, type(problem).__name__)


def request_on_commit(adventure: UUID) -> None:
    """Ask for an adventure's entries once the transaction is committed."""
    after_commit(lambda: request_index(adventure))
