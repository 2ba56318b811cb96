"""The one place from which the game publishes. Workers append their tokens themselves."""

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

BREAKER_SECONDS = 3.0  # for which the breaker stays open


class RedisBreaker:
    """A circuit breaker: while Redis does not answer, sockets ask it nothing that can wait.

    Each question would hold a thread until it times out, and commands wait for those threads.
    """

    def __init__(self) -> None:
        self.until = 0.0

    def trip(self) -> None:
        self.until = time.monotonic() + BREAKER_SECONDS

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self.until


redis_breaker = RedisBreaker()


@cache
def queue_client() -> QueueClient:
    """This process' story log. Its client is safe to share between threads."""
    return QueueClient(settings.INFERENCE.redis_url)


def publish_on_commit(adventure: Adventure, event: LoggedEvent) -> None:
    """Send `event` to everyone who watches, once the change behind it is committed.

    All events of one change go out together or not at all. With Redis away they are lost, not the
    change: whoever hears the next version, and the sweep, see that the log lags behind. They would
    not, had one event of a version come through and another not. An event means that something
    changed: it raises the version, once in a change.
    """
    adventure.raise_version()
    event.version = adventure.version
    content = event.model_dump(mode="json")
    together: list[dict[str, Any]] = adventure.__dict__.setdefault("unpublished", [])
    together.append(content)
    if len(together) > 1:
        return  # goes with the first
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


def forget_on_commit(adventure: str, turns: list[str], narrators: list[str]) -> None:
    """Let Redis forget an adventure that is deleted, once it is. By itself it takes an hour."""

    def forget() -> None:
        try:
            queue_client().forget(adventure, turns, narrators)
        except redis.RedisError as problem:
            logger.warning("adventure %s: not forgotten yet: %s", adventure, problem)

    after_commit(forget)
