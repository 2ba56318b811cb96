"""How many windows one player has open, over all adventures and web processes.

Each says every few seconds that it is there; the list is in Redis, in the order of opening. While
Redis is away there is no limit: it comes back, and so does the limit.
"""

import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings

from game.play.events import story_log
from inference.queue.keys import ONLINE_KEY, windows_key, windows_seen_key

SECONDS = 12  # without a word, after which a window is gone

# Notes a window, forgets those that are gone, and tells its place from the newest (0) and how many
# there are; and that the player is on line, for the operator.
# KEYS: the player's windows, when they were heard, players on line.
# ARGV: this window, milliseconds until it is gone, the player.
HERE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZADD', KEYS[1], 'NX', now, ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[1])
local gone = now - ARGV[2] * 1000
for _, window in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local seen = redis.call('ZSCORE', KEYS[2], window)
  if not seen or tonumber(seen) <= gone then
    redis.call('ZREM', KEYS[1], window)
    redis.call('ZREM', KEYS[2], window)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], time[1], ARGV[3])
return {redis.call('ZREVRANK', KEYS[1], ARGV[1]), redis.call('ZCARD', KEYS[1])}
"""


@cache
def script() -> Any:
    return story_log().redis.register_script(HERE)


def stay(windows: Sequence["Windows"]) -> list[bool]:
    """Say that these windows are there still. False for each whose place newer ones have taken."""
    pipe = story_log().redis.pipeline(transaction=False)
    for window in windows:
        window.say_to(pipe)
    return [int(place) < settings.WINDOWS_PER_PLAYER for place, _ in pipe.execute()]


class Windows:
    """One window among its player's. Raises redis.RedisError."""

    def __init__(self, player: UUID) -> None:
        self.name = uuid.uuid4().hex
        self.keys = [windows_key(str(player)), windows_seen_key(str(player)), ONLINE_KEY]
        self.player = str(player)

    def opens(self) -> bool:
        """Note that it opens. False when there are far too many already."""
        _, count = self.say()
        if count > 2 * settings.WINDOWS_PER_PLAYER:
            self.leave()
            return False
        return True

    def say(self) -> tuple[int, int]:
        """Say that it is there: its place from the newest, and how many there are."""
        place, count = self.say_to(story_log().redis)
        return int(place), int(count)

    def say_to(self, client: Any) -> Any:
        """The same to a client or a pipeline, which answers later."""
        return script()(self.keys, [self.name, int(SECONDS * 1000), self.player], client)

    def leave(self) -> None:
        pipe = story_log().redis.pipeline(transaction=True)
        for key in self.keys[:2]:
            pipe.zrem(key, self.name)
        pipe.execute()
