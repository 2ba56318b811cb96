"""The library's periodic clean-up, a Celery task of the queue "game"."""

import logging

from celery import shared_task

from game.library import archive, ratings, trash

logger = logging.getLogger(__name__)


@shared_task(name="game.library.tasks.tidy", ignore_result=True)
def tidy() -> None:
    """Purge what was deleted long enough ago, and recompute the sums of ratings."""
    adventures = archive.purge_deleted()
    if adventures:
        logger.info("deleted adventures purged: %s", adventures)
    rows = trash.purge()
    if rows:
        logger.info("rows deleted permanently: %s", rows)
    ratings.count()
