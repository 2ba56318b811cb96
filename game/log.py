"""The one place from which the game publishes. Workers append their tokens themselves."""

import logging
from functools import cache

import redis
from django.conf import settings
from django.db import transaction

from game.models import Adventure
from game.protocol import LoggedEvent
from inference.log import StoryLog

logger = logging.getLogger(__name__)


@cache
def story_log() -> StoryLog:
    """This process' story log. Its client is safe to share between threads."""
    return StoryLog(settings.INFERENCE.redis_url)


def publish_on_commit(adventure: Adventure, event: LoggedEvent) -> None:
    """Send `event` to everyone who watches, once the change behind it is committed.

    With Redis away the event is lost, not the change: the sweep sees that the log lags behind.
    """
    event.version = adventure.version
    content = event.model_dump(mode="json")
    identity, version = str(adventure.pk), adventure.version

    def publish() -> None:
        try:
            story_log().publish(identity, content, version)
        except redis.RedisError as problem:
            logger.warning("adventure %s: %s not published: %s", identity, event.type, problem)

    transaction.on_commit(publish)


def forget_on_commit(adventure: str, turns: list[str], narrators: list[str]) -> None:
    """Let Redis forget an adventure that is deleted, once it is. By itself it takes an hour."""

    def forget() -> None:
        try:
            story_log().forget(adventure, turns, narrators)
        except redis.RedisError as problem:
            logger.warning("adventure %s: not forgotten yet: %s", adventure, problem)

    transaction.on_commit(forget)
