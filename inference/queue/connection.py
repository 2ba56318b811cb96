"""Connections to Redis, and Lua scripts that run there."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

LUA = Path(__file__).parent / "lua"
POLL_SECONDS = 1.0  # most between two looks of an idle worker for waiting turns


# Any: redis-py's own types join the sync and async answers.
def connect(url: str, timeout: float = 1.0) -> Any:
    """A client whose requests fail within `timeout` seconds (redis-py would retry ten times).

    A broken connection is opened once more: else each one of the pool would fail once after a
    restart of Redis. Readers drop what was written twice by that.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


@cache
def lua_scripts() -> dict[str, str]:
    """The scripts of `lua/` by name. Each is atomic; its head describes KEYS, ARGV and result."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(LUA.glob("*.lua"))}


class RedisClient:
    """A connection to Redis, a second one for blocking reads, and the scripts."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        # redis-py cuts a blocking read at socket_timeout (redis-py #4091): above POLL_SECONDS.
        self.blocking = connect(url, POLL_SECONDS + 2)
        register = self.redis.register_script
        self._scripts = {name: register(text) for name, text in lua_scripts().items()}

    def _run(self, script: str, keys: Sequence[str], args: Sequence[Any] = ()) -> Any:
        """What a script returns. Raises redis.RedisError."""
        return self._scripts[script](keys, args)
