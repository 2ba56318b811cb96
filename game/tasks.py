"""Celery tasks of the queue "game": what needs Postgres and no model."""

import logging
from datetime import timedelta

import redis
from celery import shared_task
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


@shared_task(name="game.tasks.record_reply", ignore_result=True)
def record_reply(result: str) -> None:
    """Store how a turn ended. Sent by the worker, as JSON of a Result."""
    turns.finish_turn(Result.model_validate_json(result))


@shared_task(name="game.tasks.sweep_stale_turns", ignore_result=True)
def sweep_stale_turns() -> None:
    """Bring back on their way the turns that lost it, and wake workers where messages were lost."""
    under_way = Turn.objects.filter(status=Status.QUEUED, created__lt=Now() - GRACE)
    try:
        for turn_id in list(under_way.order_by("created").values_list("pk", flat=True)):
            turns.give_again(turn_id, turns.sweep_turn)
        for narrator in narration.narrators().names:
            narration.top_up_wake_ups(narrator)
        publish_what_the_log_missed()
    except redis.RedisError as problem:
        logger.warning("the sweep waits for Redis: %s", problem)


def publish_what_the_log_missed() -> None:
    """Where the log lags behind Postgres (a crash between commit and append), make pages look."""
    recent = Adventure.objects.filter(changed__gt=Now() - LAG, changed__lt=Now() - GRACE)
    for adventure in recent.only("pk", "version"):
        seen = story_log().version(str(adventure.pk))
        if seen is not None and seen < adventure.version:
            logger.info("adventure %s: its log lags behind", adventure.pk)
            story_log().publish_lag(str(adventure.pk), adventure.version)
