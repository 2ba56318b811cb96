"""The open connections of each player, over all adventures and web processes.

The list is in Redis, in the order of opening, and each connection is refreshed every few seconds.
While Redis is down there is no limit.
"""

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings

from game.play.events import queue_client
from inference.queue.keys import ONLINE_KEY, windows_key, windows_seen_key

TTL_SECONDS = 12  # after which a connection expires that was not refreshed

# Adds or refreshes a connection and removes expired ones. Returns its rank from the newest (0) and
# how many there are. Records for the operator that the player is online.
# KEYS: the player's connections by opening time, the same by last refresh, players online.
# ARGV: this connection, milliseconds until it expires, the player.
REGISTER = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZADD', KEYS[1], 'NX', now, ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[1])
local gone = now - ARGV[2] * 1000
for _, connection in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local seen = redis.call('ZSCORE', KEYS[2], connection)
  if not seen or tonumber(seen) <= gone then
    redis.call('ZREM', KEYS[1], connection)
    redis.call('ZREM', KEYS[2], connection)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], time[1], ARGV[3])
return {redis.call('ZREVRANK', KEYS[1], ARGV[1]), redis.call('ZCARD', KEYS[1])}
"""


@cache
def script() -> Any:
    """The Lua script, registered with this process' Redis client."""
    return queue_client().redis.register_script(REGISTER)


def refresh_all(connections: Sequence["Connection"]) -> list[bool]:
    """Refresh these connections. False for each that exceeds its player's limit.

    Raises redis.RedisError.
    """
    pipe = queue_client().redis.pipeline(transaction=False)
    for connection in connections:
        connection.refresh_in(pipe)
    return [int(place) < settings.WINDOWS_PER_PLAYER for place, _ in pipe.execute()]


class Connection:
    """One connection of a player. Its methods raise redis.RedisError."""

    def __init__(self, player: UUID) -> None:
        self.name = uuid.uuid4().hex
        self.keys = [windows_key(str(player)), windows_seen_key(str(player)), ONLINE_KEY]
        self.player = str(player)

    def register(self) -> bool:
        """Add it. False if the player has more than twice the limit."""
        _, count = self.refresh()
        if count > 2 * settings.WINDOWS_PER_PLAYER:
            self.unregister()
            return False
        return True

    def refresh(self) -> tuple[int, int]:
        """Keep it for TTL_SECONDS. Returns its rank from the newest (0), and how many there are."""
        place, count = self.refresh_in(queue_client().redis)
        return int(place), int(count)

    def refresh_in(self, client: Any) -> Any:
        """As `refresh`, with a client, or a pipeline whose result comes later."""
        return script()(self.keys, [self.name, int(TTL_SECONDS * 1000), self.player], client)

    def unregister(self) -> None:
        """Remove it at once, when its socket closes."""
        pipe = queue_client().redis.pipeline(transaction=True)
        for key in self.keys[:2]:
            pipe.zrem(key, self.name)
        pipe.execute()
