"""Django's cache on Redis, which holds counts of who did what how often and nothing else.

While Redis is away it remembers nothing and lets everybody do everything: a game goes on, and
what guards accounts (django-axes) counts in Postgres.
"""

import json
import logging
import time
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)

AWAY = 5.0  # seconds in which nobody asks again after Redis did not answer


class JsonSerializer:
    """Whoever can write to Redis must not be able to run code here, as with Django's own pickle."""

    def dumps(self, value: Any) -> Any:
        return value if type(value) is int else json.dumps(value)

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class ForgivingCache(RedisCache):
    retry_at = 0.0

    def ask(self, answer: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """What Redis answers, or `answer` where it does not."""
        if time.monotonic() < ForgivingCache.retry_at:
            return answer
        try:
            return getattr(super(), method)(*args, **kwargs)
        except redis.RedisError as problem:
            ForgivingCache.retry_at = time.monotonic() + AWAY
            logger.warning("nothing is counted: %s", type(problem).__name__)
            return answer

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self.ask(True, "add", *args, **kwargs))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self.ask(default, "get", key, default, version)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self.ask(None, "set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self.ask(False, "touch", *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self.ask(False, "delete", *args, **kwargs))

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        found: dict[Any, Any] = self.ask({}, "get_many", *args, **kwargs)
        return found

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self.ask(False, "has_key", *args, **kwargs))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return int(self.ask(delta, "incr", key, delta, version))
