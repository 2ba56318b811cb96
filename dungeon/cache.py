"""Django's cache on Redis, which holds counts of who did what how often and nothing else.

While Redis is away nothing is counted and every limit lets everybody through: games go on, and the
protection of accounts (django-axes) counts in Postgres.
"""

import json
import logging
import time
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)

AWAY = 5.0  # seconds without further attempts after Redis did not respond


class JsonSerializer:
    """JSON in place of Django's pickle: whoever can write to Redis must not be able to run code."""

    def dumps(self, value: Any) -> Any:
        """What Redis stores: integers as they are, which INCR needs, everything else as JSON."""
        return value if type(value) is int else json.dumps(value)

    def loads(self, data: bytes) -> Any:
        """The stored value. Raises ValueError for what is not JSON."""
        return json.loads(data)


class ForgivingCache(RedisCache):
    """RedisCache whose methods return a default while Redis is away, instead of raising."""

    retry_at = 0.0

    def ask(self, answer: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """The result of RedisCache's method, or `answer` while Redis does not respond."""
        if time.monotonic() < ForgivingCache.retry_at:
            return answer
        try:
            return getattr(super(), method)(*args, **kwargs)
        except redis.RedisError as problem:
            ForgivingCache.retry_at = time.monotonic() + AWAY
            logger.warning("nothing is counted: %s", type(problem).__name__)
            return answer

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Whether the key was new; True while Redis is away."""
        return bool(self.ask(True, "add", *args, **kwargs))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value; `default` while Redis is away."""
        return self.ask(default, "get", key, default, version)

    def set(self, *args: Any, **kwargs: Any) -> None:
        """Store a value; nothing while Redis is away."""
        self.ask(None, "set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        """Whether the key exists and has its new expiry; False while Redis is away."""
        return bool(self.ask(False, "touch", *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        """Whether a key was removed; False while Redis is away."""
        return bool(self.ask(False, "delete", *args, **kwargs))

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """The values that are there; none while Redis is away."""
        found: dict[Any, Any] = self.ask({}, "get_many", *args, **kwargs)
        return found

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        """Whether the key exists; False while Redis is away."""
        return bool(self.ask(False, "has_key", *args, **kwargs))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """The new count; `delta` while Redis is away. Raises ValueError for a missing key."""
        return int(self.ask(delta, "incr", key, delta, version))
