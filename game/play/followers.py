"""Reads the story logs for all sockets of a web process over one Redis connection.

A socket that begins to follow an adventure is registered first and then gets the entries it missed,
so that none is lost between; entries that reach it twice are dropped by their id.
"""

import asyncio
import contextlib
import json
import logging
import math
import sys
import time
import uuid
import weakref
from collections import defaultdict, deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inference.log_context import where
from inference.queue.keys import log_key, reader_key
from inference.queue.streams import FIRST, LAGGED, is_log_id

logger = logging.getLogger(__name__)

BLOCK_MS = 5_000
MAX_LOGS_PER_READ = 100  # of more logs, each call reads only the active ones
ACTIVE_SECONDS = 10.0  # how long a log stays active after its last entry, or a command
QUIET_SECONDS = 0.2  # between reads of up to QUIET_BATCH quiet logs; longer for more
QUIET_BATCH = 500
GATHER_SECONDS = 0.01  # pause after a read, so that a call for hundreds of logs returns more
# With more than MAX_LOGS_PER_READ active logs, reads go in rounds: seconds from one round to the
# next, and from the first words of an engine's step to the rest. Sockets then do not delay frames
# by themselves. A round is shorter than a step of so many stories, so it waits for the next step
# and begins with it.
ROUND_SECONDS = 1 / 25
STEP_SECONDS = 0.015
IDLE_SECONDS = 0.002  # a read that waited this long has returned the first words of a step
WORDS = "turn.token"
WORDS_BEGIN = f'{{"type":"{WORDS}",'  # as inference.queue.streams writes it
MAX_BUFFERED = 2 * 1024 * 1024  # bytes per socket, about as much as a log full of words
ENTRY_BYTES = 700  # approximate memory of an entry without its text
PAGE = 100  # entries per read when a socket catches up
RETRY_SECONDS = 0.5  # between attempts to reach Redis

T = TypeVar("T")


@dataclass(slots=True)
class Entry:
    """One entry of a log: its id and its event as JSON. `size` is in bytes.

    Most entries are words, which are forwarded unparsed. Others are parsed once for all sockets.
    """

    id: str
    text: str
    size: int
    at: tuple[int, int]  # the id, comparable
    parsed: dict[str, Any] | None = None

    @property
    def words(self) -> bool:
        """Whether it is a piece of a reply, without parsing it."""
        return self.text.startswith(WORDS_BEGIN)

    @property
    def event(self) -> dict[str, Any]:
        """The parsed event.

        An unreadable entry is logged and becomes an event without content: the next version shows
        that something is missing.
        """
        if self.parsed is None:
            try:
                self.parsed = dict(json.loads(self.text))
                self.parsed["type"]
            except (ValueError, TypeError, KeyError, RecursionError) as problem:
                logger.error("entry %s of a story log: %s", self.id, where(problem))
                self.parsed = {"type": LAGGED}
        return self.parsed

    @property
    def frame(self) -> str:
        """The event with its id, as JSON for pages."""
        return f'{self.text[:-1]},"id":"{self.id}"}}'


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Await work that runs to its end even if the caller is cancelled.

    With asyncio.shield alone an error of such work is reported as "never retrieved" (Python 3.11
    and 3.12).
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise


class LogGone(Exception):
    """The log no longer has the requested id, or broke off: a snapshot is needed."""


def id_order(log_id: str) -> tuple[int, int]:
    """A Redis stream id in a form that sorts by age."""
    milliseconds, _, number = log_id.partition("-")
    return int(milliseconds), int(number)


class Follower:
    """One socket's view of one adventure's log.

    Its buffer is bounded: a socket that lags too far behind gets a snapshot instead.
    """

    def __init__(self, adventure: str) -> None:
        self.adventure = adventure
        self.buffer: deque[Entry] = deque()
        self.size = 0  # approximate bytes in the buffer
        self.newest = (0, 0)  # the last entry that was added
        self.broken_off = False
        self.available = asyncio.Event()
        self.urgent = asyncio.Event()  # the buffer has something else than words

    def catch_up(self, missed: list[Entry]) -> None:
        """Put missed entries before those that arrived meanwhile. The two may overlap."""
        arrived = self.drain()
        self.newest = (0, 0)
        for entry in [*missed, *arrived]:
            self.put(entry)

    def put(self, entry: Entry) -> None:
        """Add an entry, unless it is not newer than the last one. Breaks off at MAX_BUFFERED."""
        if self.broken_off or entry.at <= self.newest:
            return
        self.newest = entry.at
        self.buffer.append(entry)
        self.size += entry.size
        self.available.set()
        if not entry.words:
            self.urgent.set()
        if self.size > MAX_BUFFERED:
            self.break_off()

    def break_off(self) -> None:
        """Drop the buffer; `take` raises LogGone from now on."""
        self.broken_off = True
        self.drain()
        self.available.set()
        self.urgent.set()

    def drain(self) -> list[Entry]:
        """Empty the buffer and return its entries."""
        found = list(self.buffer)
        self.buffer.clear()
        self.size = 0
        self.urgent.clear()
        return found

    async def delay_flush(self, seconds: float) -> None:
        """Wait up to `seconds` so that words gather; anything else ends the wait."""
        # Not asyncio.timeout: its exception costs more than the frame that follows.
        timer = asyncio.get_running_loop().call_later(seconds, self.urgent.set)
        try:
            await self.urgent.wait()
        finally:
            timer.cancel()

    async def take(self) -> list[Entry]:
        """Wait for entries and return all of them. Raises LogGone."""
        await self.available.wait()
        self.available.clear()
        if self.broken_off:
            raise LogGone
        return self.drain()


class Followers:
    """Reads the logs that this process' sockets follow. Belongs to one event loop."""

    def __init__(self, url: str) -> None:
        # Longer than BLOCK_MS: redis-py 8 ends a blocking read at socket_timeout (redis-py #4091).
        # Any: redis-py's types are unions over RESP2 and RESP3, sync and async calls.
        self.reader: Any = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=BLOCK_MS / 1000 + 5,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        # redis-py copies an XREAD response three times; `dispatch_entries` reads the raw one.
        self.reader.set_response_callback("XREAD", unparsed)  # type: ignore[arg-type]
        self.client: Any = redis.asyncio.Redis.from_url(
            url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        self.wakeup_key = reader_key(str(uuid.uuid4()))  # written to end a blocking read early
        self.wakeup_id = FIRST
        self.positions: dict[str, str] = {}
        self.active: dict[str, float] = {}  # time.monotonic() until which each is active
        self.following: dict[str, set[Follower]] = defaultdict(set)
        self.task: asyncio.Task[None] | None = None
        self.is_connected = True  # False while the reader waits for Redis
        self.quiet_due = 0.0  # time.monotonic(); when the quiet logs are read next
        self.in_rounds = False  # words gather here, so that no socket has to delay its frames

    async def follow(self, adventure: str, after: str) -> Follower:
        """Follow an adventure from just after a log id.

        Raises LogGone if the log no longer has that id, and redis.RedisError.
        """
        if not is_log_id(after):
            raise LogGone
        follower = Follower(adventure)
        self.following[adventure].add(follower)
        self.mark_active(adventure)
        # Shielded: redis-py can swallow a cancellation in the middle of a command, and a closed
        # socket would then be followed forever.
        try:
            if adventure not in self.positions:
                # The shared reader never continues at an id from a client: one in the future would
                # withhold entries from the adventure's other sockets.
                last = await shielded(self.last_id(adventure))
                if follower.broken_off:
                    raise LogGone
                self.positions.setdefault(adventure, last)
            missed = await shielded(self.entries_after(adventure, after))
            follower.catch_up(missed)
            if self.task is None or self.task.done():
                self.task = asyncio.create_task(self.read_forever())
            await shielded(self.wake())
        except BaseException:
            self.unfollow(follower)
            raise
        return follower

    def unfollow(self, follower: Follower) -> None:
        """Stop following; the last follower of an adventure ends reading its log."""
        others = self.following.get(follower.adventure)
        if others is None:
            return
        others.discard(follower)
        if not others:
            del self.following[follower.adventure]
            self.positions.pop(follower.adventure, None)
            self.active.pop(follower.adventure, None)

    async def last_id(self, adventure: str) -> str:
        """The id of the log's newest entry; FIRST if it is empty."""
        newest = await self.client.xrevrange(log_key(adventure), count=1)
        return newest[0][0].decode() if newest else FIRST

    async def entries_after(self, adventure: str, after: str) -> list[Entry]:
        """The entries after an id.

        Raises LogGone if the log no longer has that id, or has more than MAX_BUFFERED after it.
        """
        key = log_key(adventure)
        entries = await self.entries_from(key, after)
        if after == FIRST:
            # Only a log that was never trimmed still has its first entry.
            if entries and (await self.client.xinfo_stream(key))["entries-added"] != len(entries):
                raise LogGone
            return entries
        if not entries or entries[0].id != after:
            raise LogGone
        return entries[1:]

    async def entries_from(self, key: str, start: str) -> list[Entry]:
        """The entries from an id on, read in pages, since a log may have 2,000 long ones."""
        entries: list[Entry] = []
        size = 0
        while True:
            page = [
                decode_entry(*each) for each in await self.client.xrange(key, start, count=PAGE)
            ]
            last_page = len(page) < PAGE
            if entries:  # each page begins with the last entry of the previous one
                if not page or page[0].id != start:
                    raise LogGone  # trimmed meanwhile
                del page[0]
            entries += page
            size += sum(entry.size for entry in page)
            if size > MAX_BUFFERED:
                raise LogGone
            if last_page:
                return entries
            start = entries[-1].id

    async def wake(self) -> None:
        """End a blocking read, so that the reader sees new followers."""
        pipe = self.client.pipeline(transaction=False)
        pipe.xadd(self.wakeup_key, {"r": "1"}, maxlen=10)
        pipe.expire(self.wakeup_key, 60)
        await pipe.execute()

    async def read_forever(self) -> None:
        """Read all logs until nobody follows any.

        A lost connection sends every socket a snapshot, an error in one log only its own sockets.
        Other errors are logged, and the reader goes on.
        """
        self.quiet_due = 0.0
        while self.following:
            try:
                await self.read_once()
            except redis.ResponseError as problem:
                logger.error("a story log cannot be read: %s", type(problem).__name__)
                if not await self.break_off_unreadable():
                    await self.recover()
            except (redis.RedisError, OSError) as problem:
                logger.warning("the story logs broke off: %s", problem)
                await self.recover()
            except Exception as problem:
                logger.error("the reader of the story logs failed: %s", where(problem))
                await self.recover()

    async def recover(self) -> None:
        """Wait until Redis answers, then break off every log."""
        self.is_connected = False
        await self.wait_for_redis()
        self.is_connected = True
        for adventure in list(self.following):
            self.break_off(adventure)

    async def read_once(self) -> None:
        """Wait for new entries and dispatch them.

        Active logs are read in every call and quiet ones now and then: reading two thousand takes
        ten milliseconds, and words arrive all the time.
        """
        active, quiet = self.split_active(time.monotonic())
        self.in_rounds = len(active) > MAX_LOGS_PER_READ
        block = BLOCK_MS
        if quiet and time.monotonic() >= self.quiet_due:
            self.dispatch_all(await self.read(quiet))
            self.quiet_due = time.monotonic() + QUIET_SECONDS * max(1, len(quiet) / QUIET_BATCH)
        if quiet:
            block = max(1, math.ceil(1000 * (self.quiet_due - time.monotonic())))
        began = time.monotonic()
        answer = await self.read(active, block)
        answered = time.monotonic()
        if self.in_rounds and answer and answered - began > IDLE_SECONDS:
            self.dispatch_all(answer)
            await asyncio.sleep(STEP_SECONDS)
            answer = await self.read(active)
        self.dispatch_all(answer)
        if self.in_rounds:
            await asyncio.sleep(max(0.0, answered + ROUND_SECONDS - time.monotonic()))
        elif answer and len(active) > MAX_LOGS_PER_READ // 10:
            await asyncio.sleep(GATHER_SECONDS)

    def split_active(self, now: float) -> tuple[list[str], list[str]]:
        """The adventures with active logs, and the others; a few are all active."""
        if len(self.positions) <= MAX_LOGS_PER_READ:
            return list(self.positions), []
        self.active = {
            each: until
            for each, until in self.active.items()
            if until > now and each in self.positions
        }
        return list(self.active), [each for each in self.positions if each not in self.active]

    def mark_active(self, adventure: str) -> None:
        """Count an adventure's log as active for ACTIVE_SECONDS."""
        self.active[adventure] = time.monotonic() + ACTIVE_SECONDS

    async def read(self, adventures: list[str], block: int | None = None) -> Any:
        """New entries of these logs. With `block` waits up to so many milliseconds for one."""
        adventures = [each for each in adventures if each in self.positions]
        keys = [log_key(each) for each in adventures]
        ids = [self.positions[each] for each in adventures]
        wait: list[Any] = []
        if block is not None:
            keys.append(self.wakeup_key)
            ids.append(self.wakeup_id)
            wait = ["BLOCK", block]
        if not keys:
            return []
        # Not redis-py's xread, which makes iterators for each of two thousand logs.
        return await self.reader.execute_command(
            "XREAD", "COUNT", 500, *wait, "STREAMS", *keys, *ids
        )

    def dispatch_all(self, answer: Any) -> None:
        """Dispatch the response of a read; an unreadable log is broken off."""
        for key, entries in answer or []:
            try:
                self.dispatch_entries(key.decode(), entries)
            except Exception as problem:  # an unreadable entry: the other logs go on
                adventure = key.decode(errors="replace").removeprefix(log_key(""))
                logger.error("adventure %s: its log cannot be read: %s", adventure, where(problem))
                self.break_off(adventure)

    def dispatch_entries(self, key: str, entries: list[tuple[bytes, list[bytes]]]) -> None:
        """Give a log's new entries to its followers, and advance its position."""
        last = entries[-1][0].decode()
        if key == self.wakeup_key:
            self.wakeup_id = last
            return
        adventure = key.removeprefix(log_key(""))
        if adventure not in self.positions:
            return  # the last follower left during the read
        self.positions[adventure] = last
        self.mark_active(adventure)
        for log_id, fields in entries:
            entry = decode_entry(log_id, {fields[0]: fields[1]})
            for follower in self.following[adventure]:
                follower.put(entry)

    async def wait_for_redis(self) -> None:
        """Wait until Redis answers a ping."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            with contextlib.suppress(redis.RedisError, OSError):
                await self.client.ping()
                return

    async def break_off_unreadable(self) -> bool:
        """After an error for a read of many logs: break off those that fail alone.

        False if none does, so the error was not about a log.
        """
        followed = dict(self.positions)
        pipe = self.client.pipeline(transaction=False)
        for adventure, position in followed.items():
            pipe.xrange(log_key(adventure), position, count=1)
        try:
            answers = await pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError):
            return False
        refused = [
            adventure
            for adventure, answer in zip(followed, answers, strict=True)
            if isinstance(answer, redis.ResponseError)
        ]
        for adventure in refused:
            logger.error("adventure %s: its log cannot be read", adventure)
            self.break_off(adventure)
        return bool(refused)

    def break_off(self, adventure: str) -> None:
        """Break off every follower of an adventure: its log may have lost entries."""
        for follower in self.following.pop(adventure, set()):
            follower.break_off()
        self.positions.pop(adventure, None)
        self.active.pop(adventure, None)


def unparsed(answer: Any, **_: Any) -> Any:
    """A response callback that returns the raw response."""
    return answer


def decode_entry(log_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    """An entry from an id and fields as Redis returns them."""
    text, name = fields.get(b"e", b"").decode(errors="replace"), log_id.decode()
    return Entry(name, text, sys.getsizeof(text) + ENTRY_BYTES, id_order(name))


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Followers] = (
    weakref.WeakKeyDictionary()
)


def followers() -> Followers:
    """The followers of this process (of this event loop; tests have several)."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        found = _by_loop[loop] = Followers(settings.INFERENCE.redis_url)
    return found
