"""What the library tidies up now and then, in the queue "game"."""

import logging

from celery import shared_task

from game.library import archive, ratings, trash

logger = logging.getLogger(__name__)


@shared_task(name="game.library.tasks.tidy", ignore_result=True)
def tidy() -> None:
    """End what was deleted long enough ago, and count again who has begun and rated what."""
    ended = archive.purge_deleted()
    if ended:
        logger.info("deleted adventures purged: %s", ended)
    gone = trash.purge()
    if gone:
        logger.info("rows deleted permanently: %s", gone)
    ratings.count()
