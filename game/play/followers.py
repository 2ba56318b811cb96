"""Following the story logs: one Redis connection for all sockets of a web process.

A socket that starts to follow an adventure is registered first and then given what it missed
from the log, so that nothing falls between; entries that reach it twice are dropped by their id.
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
FEW = 100  # so many logs are read in every call; of more, only those where something goes on
ACTIVE_SECONDS = 10.0  # after its last entry, or a command, a log counts as one of those
QUIET_EVERY = 0.2  # seconds between looks at all others, for MANY of them; more, more seldom
MANY = 500
PAUSE = 0.01  # seconds in which entries gather: a call for hundreds of logs has its price
# Where more than FEW are active: seconds from one round of reads to the next, and from the first
# words of a step to the rest. Then nobody else lingers. A round is shorter than a step of so many
# stories, so that it waits for the next one and begins with it.
ROUND = 1 / 25
GATHER = 0.015
AWAITED = 0.002  # seconds: whoever waited for so long has read the first words of a step
WORDS = "turn.token"
WORDS_BEGIN = f'{{"type":"{WORDS}",'  # as inference.queue.streams writes it
MOST_WAITING = 2 * 1024 * 1024  # bytes that may wait for one socket: a log full of words
ENTRY_BYTES = 700  # what an entry takes beside its text, about
PAGE = 100  # entries read at a time when a socket comes back
RETRY_SECONDS = 0.5  # until the reader goes on after an error

T = TypeVar("T")


@dataclass(slots=True)
class Entry:
    """One entry of a log: its id and its event as JSON. `size` in bytes.

    Most entries are words that go out as they came: they are read only where something has to be
    done with them, and then once for all sockets.
    """

    id: str
    text: str
    size: int
    at: tuple[int, int]  # the id, to be compared
    read: dict[str, Any] | None = None

    @property
    def words(self) -> bool:
        return self.text.startswith(WORDS_BEGIN)

    @property
    def event(self) -> dict[str, Any]:
        """What the entry says. One that nobody can read says nothing, and its story goes on: the
        next version tells that something is missing.
        """
        if self.read is None:
            try:
                self.read = dict(json.loads(self.text))
                self.read["type"]
            except (ValueError, TypeError, KeyError, RecursionError) as problem:
                logger.error("entry %s of a story log: %s", self.id, where(problem))
                self.read = {"type": LAGGED}
        return self.read

    @property
    def frame(self) -> str:
        """The event with its id, as pages get it."""
        return f'{self.text[:-1]},"id":"{self.id}"}}'


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Await work that goes on to its end when whoever awaits it is cancelled.

    asyncio.shield alone reports an error of such work as "never retrieved" (Python 3.11 and 3.12).
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise


class LogGone(Exception):
    """The log does not reach back to the id asked for, or broke off: a snapshot is needed."""


def order(log_id: str) -> tuple[int, int]:
    """Redis stream ids in the order in which they were given."""
    milliseconds, _, number = log_id.partition("-")
    return int(milliseconds), int(number)


class Follower:
    """One socket's view of one adventure's log.

    What waits is bounded: a socket that lags too far behind gets a snapshot instead.
    """

    def __init__(self, adventure: str) -> None:
        self.adventure = adventure
        self.waiting: deque[Entry] = deque()
        self.size = 0  # bytes that wait, about
        self.newest = (0, 0)  # the last entry that was put
        self.gone = False
        self.news = asyncio.Event()
        self.urgent = asyncio.Event()  # something else than words waits

    def catch_up(self, missed: list[Entry]) -> None:
        """Put what was missed before what has come meanwhile. The two may overlap."""
        came = self.drained()
        self.newest = (0, 0)
        for entry in [*missed, *came]:
            self.put(entry)

    def put(self, entry: Entry) -> None:
        if self.gone or entry.at <= self.newest:
            return
        self.newest = entry.at
        self.waiting.append(entry)
        self.size += entry.size
        self.news.set()
        if not entry.words:
            self.urgent.set()
        if self.size > MOST_WAITING:
            self.break_off()

    def break_off(self) -> None:
        """The log goes on without this follower."""
        self.gone = True
        self.drained()
        self.news.set()
        self.urgent.set()

    def drained(self) -> list[Entry]:
        found = list(self.waiting)
        self.waiting.clear()
        self.size = 0
        self.urgent.clear()
        return found

    async def delay_flush(self, seconds: float) -> None:
        """Let words gather, until something else comes."""
        # Not asyncio.timeout: what it raises and catches costs more than the frame that follows.
        over = asyncio.get_running_loop().call_later(seconds, self.urgent.set)
        try:
            await self.urgent.wait()
        finally:
            over.cancel()

    async def take(self) -> list[Entry]:
        """All entries that are there, waiting for the first. Raises LogGone where it broke off."""
        await self.news.wait()
        self.news.clear()
        if self.gone:
            raise LogGone
        return self.drained()


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
            protocol=2,
        )
        # Redis-py makes three copies of what XREAD answers; `dispatch_entries` reads it as it came.
        self.reader.set_response_callback("XREAD", as_it_came)  # type: ignore[arg-type]
        self.client: Any = redis.asyncio.Redis.from_url(
            url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        self.wakeup_key = reader_key(str(uuid.uuid4()))  # written to end a blocking read early
        self.wakeup_id = FIRST
        self.positions: dict[str, str] = {}
        self.active: dict[str, float] = {}  # until when
        self.following: dict[str, set[Follower]] = defaultdict(set)
        self.task: asyncio.Task[None] | None = None
        self.flows = True  # False while the reader waits for Redis
        self.quiet_due = 0.0  # time.monotonic(); when the quiet logs are read next
        self.in_rounds = False  # words gather for all together, so that no socket has to wait

    async def follow(self, adventure: str, after: str) -> Follower:
        """Follow an adventure from just after a log id.

        Raises LogGone when the log does not hold that id any more, and redis.RedisError.
        """
        if not is_log_id(after):
            raise LogGone
        follower = Follower(adventure)
        self.following[adventure].add(follower)
        self.mark_active(adventure)
        # Shielded: redis-py can swallow a cancellation that reaches it in mid-command, and the
        # socket that went away would be followed for ever.
        try:
            if adventure not in self.positions:
                # Where the shared reader goes on is never what a client said: an id of the future
                # would keep every other window of the adventure from its words.
                last = await shielded(self.last_id(adventure))
                if follower.gone:
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
        """Follow no more."""
        others = self.following.get(follower.adventure)
        if others is None:
            return
        others.discard(follower)
        if not others:
            del self.following[follower.adventure]
            self.positions.pop(follower.adventure, None)
            self.active.pop(follower.adventure, None)

    async def last_id(self, adventure: str) -> str:
        """The id of the log's newest entry; FIRST when there is none."""
        newest = await self.client.xrevrange(log_key(adventure), count=1)
        return newest[0][0].decode() if newest else FIRST

    async def entries_after(self, adventure: str, after: str) -> list[Entry]:
        """What the log holds after an id.

        Raises LogGone when the log does not hold that id, or more than may wait for a socket.
        """
        key = log_key(adventure)
        entries = await self.entries_from(key, after)
        if after == FIRST:
            # Only a log that was never trimmed reaches back to its beginning.
            if entries and (await self.client.xinfo_stream(key))["entries-added"] != len(entries):
                raise LogGone
            return entries
        if not entries or entries[0].id != after:
            raise LogGone
        return entries[1:]

    async def entries_from(self, key: str, start: str) -> list[Entry]:
        """The entries from an id on, read by the page: a log may hold 2,000 long ones."""
        entries: list[Entry] = []
        size = 0
        while True:
            page = [decoded(*each) for each in await self.client.xrange(key, start, count=PAGE)]
            last_page = len(page) < PAGE
            if entries:  # a page begins with the last entry of the one before
                if not page or page[0].id != start:
                    raise LogGone  # trimmed meanwhile
                del page[0]
            entries += page
            size += sum(entry.size for entry in page)
            if size > MOST_WAITING:
                raise LogGone
            if last_page:
                return entries
            start = entries[-1].id

    async def wake(self) -> None:
        """Make the reader look at what it follows anew."""
        pipe = self.client.pipeline(transaction=False)
        pipe.xadd(self.wakeup_key, {"r": "1"}, maxlen=10)
        pipe.expire(self.wakeup_key, 60)
        await pipe.execute()

    async def read_forever(self) -> None:
        """The one reader of all logs. It ends only when nobody follows.

        A broken connection sends every socket back to a snapshot; an error of one log sends only
        those who follow that one. Whatever else goes wrong is logged, and the reader goes on.
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
        """Wait until Redis answers, then send every socket back to a snapshot."""
        self.flows = False
        await self.wait_for_redis()
        self.flows = True
        for adventure in list(self.following):
            self.break_off(adventure)

    async def read_once(self) -> None:
        """Wait for new entries and hand them out.

        Redis is asked for the active logs at once and for the quiet ones now and then: to ask for
        two thousand takes ten milliseconds, and words come all the time.
        """
        active, quiet = self.split_active(time.monotonic())
        self.in_rounds = len(active) > FEW
        block = BLOCK_MS
        if quiet and time.monotonic() >= self.quiet_due:
            self.dispatch_all(await self.read(quiet))
            self.quiet_due = time.monotonic() + QUIET_EVERY * max(1, len(quiet) / MANY)
        if quiet:
            block = max(1, math.ceil(1000 * (self.quiet_due - time.monotonic())))
        asked = time.monotonic()
        answer = await self.read(active, block)
        came = time.monotonic()
        if self.in_rounds and answer and came - asked > AWAITED:
            self.dispatch_all(answer)
            await asyncio.sleep(GATHER)
            answer = await self.read(active)
        self.dispatch_all(answer)
        if self.in_rounds:
            await asyncio.sleep(max(0.0, came + ROUND - time.monotonic()))
        elif answer and len(active) > FEW // 10:
            await asyncio.sleep(PAUSE)

    def split_active(self, now: float) -> tuple[list[str], list[str]]:
        """The adventures whose logs are active, and the others; few are all active."""
        if len(self.positions) <= FEW:
            return list(self.positions), []
        self.active = {
            each: until
            for each, until in self.active.items()
            if until > now and each in self.positions
        }
        return list(self.active), [each for each in self.positions if each not in self.active]

    def mark_active(self, adventure: str) -> None:
        """Something is about to go on in this adventure, or just did."""
        self.active[adventure] = time.monotonic() + ACTIVE_SECONDS

    async def read(self, adventures: list[str], block: int | None = None) -> Any:
        """New entries of these logs; waits `block` ms for some, or for the bell."""
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
        # Not redis-py's xread: it turns a dict of two thousand logs over with as many iterators.
        return await self.reader.execute_command(
            "XREAD", "COUNT", 500, *wait, "STREAMS", *keys, *ids
        )

    def dispatch_all(self, answer: Any) -> None:
        for key, entries in answer or []:
            try:
                self.dispatch_entries(key.decode(), entries)
            except Exception as problem:  # an entry that nobody can read: the others go on
                adventure = key.decode(errors="replace").removeprefix(log_key(""))
                logger.error("adventure %s: its log cannot be read: %s", adventure, where(problem))
                self.break_off(adventure)

    def dispatch_entries(self, key: str, entries: list[tuple[bytes, list[bytes]]]) -> None:
        last = entries[-1][0].decode()
        if key == self.wakeup_key:
            self.wakeup_id = last
            return
        adventure = key.removeprefix(log_key(""))
        if adventure not in self.positions:
            return  # the last follower left while the read was under way
        self.positions[adventure] = last
        self.mark_active(adventure)
        for log_id, fields in entries:
            read = decoded(log_id, {fields[0]: fields[1]})
            for follower in self.following[adventure]:
                follower.put(read)

    async def wait_for_redis(self) -> None:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            with contextlib.suppress(redis.RedisError, OSError):
                await self.client.ping()
                return

    async def break_off_unreadable(self) -> bool:
        """Redis refused a read of many logs: break off those that it refuses by themselves.

        False when there are none: then it was not about a log.
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
        """Tell those who follow an adventure that its log may have lost something."""
        for follower in self.following.pop(adventure, set()):
            follower.break_off()
        self.positions.pop(adventure, None)
        self.active.pop(adventure, None)


def as_it_came(answer: Any, **_: Any) -> Any:
    return answer


def decoded(log_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    text, name = fields.get(b"e", b"").decode(errors="replace"), log_id.decode()
    return Entry(name, text, sys.getsizeof(text) + ENTRY_BYTES, order(name))


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
