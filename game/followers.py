"""Following the story logs: one Redis connection for all sockets of a web process.

A socket that starts to follow an adventure is registered first and then given what it missed
from the log, so that nothing falls between; entries that reach it twice are dropped by their id.
"""

import asyncio
import contextlib
import json
import logging
import re
import uuid
import weakref
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inference.log import FIRST, LOG_ENTRIES, PREFIX, log_key

logger = logging.getLogger(__name__)

BLOCK_MS = 5_000
LOG_ID = re.compile(r"\d{1,20}-\d{1,20}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a log: its id and the event, decoded once for all sockets."""

    id: str
    event: dict[str, Any]


class LogGone(Exception):
    """The log does not reach back to the id asked for, or broke off: a snapshot is needed."""


def order(log_id: str) -> tuple[int, int]:
    """Redis stream ids in the order in which they were given."""
    milliseconds, _, number = log_id.partition("-")
    return int(milliseconds), int(number)


@dataclass(eq=False)
class Follower:
    """One socket's view of one adventure's log. `entries` holds LogGone where it broke off."""

    adventure: str
    entries: asyncio.Queue[Entry | LogGone] = field(default_factory=asyncio.Queue)


class Followers:
    """Reads the logs that this process' sockets follow. Lives in one event loop."""

    def __init__(self, url: str) -> None:
        # Above BLOCK: redis-py 8 cuts a blocking read at socket_timeout (redis-py #4091).
        # Any: redis-py's types join what RESP2 and RESP3, sync and async calls answer.
        self.reader: Any = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=BLOCK_MS / 1000 + 5,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),
        )
        self.client: Any = redis.asyncio.Redis.from_url(
            url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        self.bell = f"{PREFIX}bell:{uuid.uuid4()}"  # rung to end a blocking read early
        self.bell_id = FIRST
        self.positions: dict[str, str] = {}
        self.following: dict[str, set[Follower]] = defaultdict(set)
        self.task: asyncio.Task[None] | None = None

    async def follow(self, adventure: str, after: str) -> Follower:
        """Follow an adventure from just after a log id.

        Raises LogGone when the log does not hold that id any more, and redis.RedisError.
        """
        follower = Follower(adventure)
        if adventure not in self.positions:
            self.positions[adventure] = after if LOG_ID.fullmatch(after) else FIRST
        self.following[adventure].add(follower)
        # Shielded: redis-py can swallow a cancellation that reaches it in mid-command, and the
        # socket that went away would be followed for ever.
        try:
            missed = await asyncio.shield(self.entries_after(adventure, after))
            live = drained(follower.entries)
            for entry in [*missed, *live]:
                follower.entries.put_nowait(entry)
            if self.task is None or self.task.done():
                self.task = asyncio.create_task(self.read_for_ever())
            await asyncio.shield(self.ring())
        except BaseException:
            self.leave(follower)
            raise
        return follower

    def leave(self, follower: Follower) -> None:
        """Follow no more."""
        others = self.following.get(follower.adventure)
        if others is None:
            return
        others.discard(follower)
        if not others:
            del self.following[follower.adventure]
            self.positions.pop(follower.adventure, None)

    async def entries_after(self, adventure: str, after: str) -> list[Entry]:
        """What the log holds after an id. Raises LogGone when the log does not hold that id."""
        if not LOG_ID.fullmatch(after):
            raise LogGone
        key = log_key(adventure)
        entries = await self.client.xrange(key, min=after, count=LOG_ENTRIES * 2)
        if after == FIRST:
            # Only a log that was never trimmed reaches back to its beginning.
            if entries and (await self.client.xinfo_stream(key))["entries-added"] != len(entries):
                raise LogGone
            return [decoded(*entry) for entry in entries]
        if not entries or entries[0][0].decode() != after:
            raise LogGone
        return [decoded(*entry) for entry in entries[1:]]

    async def ring(self) -> None:
        """Make the reader look at what it follows anew."""
        pipe = self.client.pipeline(transaction=False)
        pipe.xadd(self.bell, {"r": "1"}, maxlen=10)
        pipe.expire(self.bell, 60)
        await pipe.execute()

    async def read_for_ever(self) -> None:
        """The one reader. A broken connection sends every socket back to a snapshot."""
        while self.following:
            streams: dict[Any, Any] = {log_key(a): last for a, last in self.positions.items()}
            try:
                answer = await self.reader.xread(
                    {**streams, self.bell: self.bell_id}, block=BLOCK_MS, count=500
                )
            except (redis.RedisError, OSError) as problem:
                logger.warning("the story logs broke off: %s", problem)
                await self.wait_for_redis()
                self.break_off()
                continue
            for key, entries in answer or []:
                self.hand_out(key.decode(), entries)

    def hand_out(self, key: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        last = entries[-1][0].decode()
        if key == self.bell:
            self.bell_id = last
            return
        adventure = key.removeprefix(log_key(""))
        if adventure not in self.positions:
            return  # the last follower left while the read was under way
        self.positions[adventure] = last
        for entry in entries:
            read = decoded(*entry)
            for follower in self.following[adventure]:
                follower.entries.put_nowait(read)

    async def wait_for_redis(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            with contextlib.suppress(redis.RedisError, OSError):
                await self.client.ping()
                return

    def break_off(self) -> None:
        """Tell every socket that its log may have lost something."""
        for followers in self.following.values():
            for follower in followers:
                follower.entries.put_nowait(LogGone())
        self.following.clear()
        self.positions.clear()


def decoded(log_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(log_id.decode(), json.loads(fields[b"e"]))


def drained(queue: "asyncio.Queue[Entry | LogGone]") -> list[Entry | LogGone]:
    found = []
    while not queue.empty():
        found.append(queue.get_nowait())
    return found


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Followers] = (
    weakref.WeakKeyDictionary()
)


def followers() -> Followers:
    """The followers of this process (of this event loop, where tests have several)."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        found = _by_loop[loop] = Followers(settings.INFERENCE.redis_url)
    return found
