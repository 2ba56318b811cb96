"""Publishes the game's events to the story logs. Workers append tokens by themselves."""

import logging
import time
from functools import cache
from typing import Any

import redis
from django.conf import settings

from game.database import after_commit
from game.models import Adventure
from game.play.protocol import LoggedEvent
from inference.queue.client import QueueClient

logger = logging.getLogger(__name__)

BREAKER_SECONDS = 3.0  # until an open breaker closes again


class RedisBreaker:
    """A circuit breaker: while Redis is down, sockets skip optional calls to it.

    Each call would block a thread until it times out, and commands need these threads.
    """

    def __init__(self) -> None:
        self.open_until = 0.0  # time.monotonic()

    def trip(self) -> None:
        """Open the breaker for BREAKER_SECONDS."""
        self.open_until = time.monotonic() + BREAKER_SECONDS

    @property
    def is_open(self) -> bool:
        """Whether calls should be skipped."""
        return time.monotonic() < self.open_until


redis_breaker = RedisBreaker()


@cache
def queue_client() -> QueueClient:
    """This process' client of queue and logs. Threads may share it."""
    return QueueClient(settings.INFERENCE.redis_url)


def publish_on_commit(adventure: Adventure, event: LoggedEvent) -> None:
    """Publish an event to everyone who watches, once its change is committed.

    All events of one change are published together or not at all. If Redis is down they are lost,
    but the change is not: pages see that a version is missing, and the sweep sees that the log
    lags. They could not if only some events of a version were lost. An event raises the version,
    once per change.
    """
    adventure.raise_version()
    event.version = adventure.version
    content = event.model_dump(mode="json")
    together: list[dict[str, Any]] = adventure.__dict__.setdefault("unpublished", [])
    together.append(content)
    if len(together) > 1:
        return  # published together with the first one
    identity, version = str(adventure.pk), adventure.version

    def publish() -> None:
        events = together.copy()
        together.clear()
        try:
            queue_client().publish(identity, events, version)
        except redis.RedisError as problem:
            names = ", ".join(each["type"] for each in events)
            logger.warning("adventure %s: %s not published: %s", identity, names, problem)

    after_commit(publish)


def delete_keys_on_commit(adventure: str, turns: list[str], narrators: list[str]) -> None:
    """Delete an adventure's keys in Redis on commit; they would expire after an hour."""

    def delete() -> None:
        try:
            queue_client().forget(adventure, turns, narrators)
        except redis.RedisError as problem:
            logger.warning("adventure %s: not deleted from Redis yet: %s", adventure, problem)

    after_commit(delete)
