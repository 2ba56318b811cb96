"""The story log on Redis Streams, the leases of turns, and the line in which turns wait.

One stream holds what happens in one adventure; everyone who watches follows it. A turn is told by
whoever holds its lease: a key whose value names the holder and the attempt, gone after
LEASE_SECONDS unless renewed. Each change that depends on the lease is one Lua script, so a holder
that lost it is refused, whatever it still believes.

Every time in here is Redis' own.
"""

import json
import logging
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from inference.contract.model_state import ModelState, heard
from inference.contract.request import BatchResult, GenerationRequest, Result, SummaryRequest, Token
from inference.log_context import where
from inference.queue import scripts
from inference.queue.eta import Pace
from inference.queue.keys import (
    OFF_KEY,
    ONLINE_KEY,
    PROBE_KEY,
    WATCHING_KEY,
    background_key,
    batch_done_key,
    batch_jobs_key,
    batch_key,
    batch_told_key,
    bell_key,
    cached_by_key,
    celery_key,
    details_key,
    end_key,
    lease_key,
    log_key,
    model_key,
    order_key,
    read_aheads_key,
    requests_key,
    revoked_key,
    round_key,
    running_key,
    started_key,
    swept_key,
    version_key,
    waiting_key,
    watched_key,
    worker_key,
    workers_key,
)

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10
LOG_ENTRIES = 2_000  # about: Redis trims whole nodes
LOG_SECONDS = 3_600
# What stays of a log when a turn has ended: that event holds the whole reply, and whoever comes
# back to before it gets a snapshot. A reply is hundreds of entries, which would stay for an hour.
ENDED_ENTRIES = 100
ENDS = ("turn.told", "turn.stopped")  # with the turn as it is stored
MEMORY_SECONDS = 24 * 3_600  # how long Redis remembers that a turn was started or ended
BATCH_SECONDS = 7 * 24 * 3_600  # how long Redis keeps bulk work that nobody comes back for
BATCH_LOST_SECONDS = 30  # without a sign of a job that is told
READ_AHEADS = 32  # that wait for one worker in Redis; what is more is dropped
READ_AHEAD_SECONDS = 60
WORKER_SECONDS = 30  # a worker that has said nothing for so long is gone
BELL_SECONDS = 1.0  # an idle worker looks at the line at least so often
FIRST = "0-0"
LAGGED = "log.lagged"  # an entry for followers alone: pages get a snapshot instead
LOG_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")  # not \d: Redis refuses other scripts' digits


def is_log_id(text: str) -> bool:
    """Whether Redis accepts `text` as a stream id: two unsigned 64-bit numbers."""
    return LOG_ID.fullmatch(text) is not None and max(map(int, text.split("-"))) < 2**64


@dataclass(frozen=True)
class Lease:
    """The right to tell one turn. `value` is what the lease's key must hold."""

    request: GenerationRequest
    value: str
    ended: Result | None = None  # an earlier attempt came to the end; only its Result is missing


@dataclass(frozen=True)
class Told:
    """What the log knows of a turn: the words so far, and its end if it was reached.

    `telling` names the telling that the words are of, as its `turn.started` did; None where nobody
    has begun. `leased` is whether somebody tells it now.
    """

    reply: str
    end: Result | None
    telling: str | None = None
    leased: bool = False


@dataclass(frozen=True)
class TurnState:
    """Where a turn stands in Redis."""

    leased: bool
    waiting: bool
    started: int  # the newest attempt that was started, or may not be any more; 0 for none
    end: Result | None


# Any: redis-py's own types join the sync and async answers.
def connect(url: str, timeout: float = 1.0) -> Any:
    """A client that fails within `timeout` seconds instead of waiting (redis-py would retry 10
    times).

    A connection that broke is opened once more, or each one of the pool would fail once after a
    restart of Redis. What was written twice by that is dropped by its readers.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


class StoryLog:
    """What workers and the game do with Redis. Raises redis.RedisError when it is away."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        # redis-py cuts a blocking read at socket_timeout (redis-py #4091): above BELL_SECONDS.
        self.blocking = connect(url, BELL_SECONDS + 2)
        register = self.redis.register_script
        self._place = register(scripts.PLACE)
        self._enqueue = register(scripts.ENQUEUE)
        self._tidy = register(scripts.TIDY)
        self._revoke = register(scripts.REVOKE)
        self._running = register(scripts.RUNNING)
        self._next = register(scripts.NEXT)
        self._take = register(scripts.TAKE)
        self._append = register(scripts.APPEND)
        self._renew = register(scripts.RENEW)
        self._finish = register(scripts.FINISH)
        self._release = register(scripts.RELEASE)
        self._hand_on = register(scripts.HAND_ON)
        self._publish = register(scripts.PUBLISH)
        self._take_background = register(scripts.TAKE_BACKGROUND)
        self._take_batch = register(scripts.TAKE_BATCH)
        self._beat = register(scripts.BEAT)
        self.paces: dict[str, tuple[float, Pace]] = {}

    # The game's side

    def publish(self, adventure: str, events: Iterable[dict[str, Any]], version: int) -> None:
        """Append the events of one change for everyone who follows the adventure, all or none.

        Where a turn has ended, and is stored then, what led there need not be kept for long.
        """
        events = list(events)
        ended = [event["turn"]["id"] for event in events if event["type"] in ENDS]
        most = ENDED_ENTRIES if ended else LOG_ENTRIES
        keys = [log_key(adventure), version_key(adventure), *map(end_key, ended)]
        self._publish(keys, [most, LOG_SECONDS, version, *map(to_json, events)])

    def last_id(self, adventure: str) -> str:
        """The id of the newest entry, FIRST when there is none."""
        newest = self.redis.xrevrange(log_key(adventure), count=1)
        return newest[0][0].decode() if newest else FIRST

    def versions(self, adventures: list[str]) -> dict[str, int | None]:
        """The newest version of each adventure that its log has seen, None where it is gone."""
        if not adventures:
            return {}
        seen = self.redis.mget([version_key(adventure) for adventure in adventures])
        return {
            adventure: None if version is None else int(version)
            for adventure, version in zip(adventures, seen, strict=True)
        }

    def place(self, narrator: str, player: str) -> int:
        """How many would be told before a new turn of this player, of those that wait."""
        keys = [waiting_key(narrator), order_key(narrator), round_key(narrator, player)]
        return int(self._place(keys, [scripts.ROUND]))

    def enqueue(self, request: GenerationRequest) -> int:
        """Let a turn wait for its narrator, fairly among players. Its position.

        One that waits already keeps its place; one that was broken off goes first.
        """
        narrator = request.narrator
        keys = [
            waiting_key(narrator),
            requests_key(narrator),
            order_key(narrator),
            round_key(narrator, request.player),
            bell_key(narrator),
        ]
        again = "again" if request.attempt > 1 else ""
        args = [scripts.ROUND, request.turn, request.model_dump_json(), again, LOG_SECONDS]
        return int(self._enqueue(keys, args))

    def tidy(self, narrator: str) -> int:
        """Forget requests of turns that do not wait. How many there were."""
        keys = [waiting_key(narrator), requests_key(narrator)]
        if int(self.redis.hlen(keys[1])) <= int(self.redis.zcard(keys[0])):
            return 0
        return int(self._tidy(keys))

    def waiting_ids(self, narrator: str, most: int) -> list[str]:
        """The turns that wait, in the order in which they will be told; `most` at most."""
        return [each.decode() for each in self.redis.zrange(waiting_key(narrator), 0, most - 1)]

    def position(self, narrator: str, turn: str) -> int | None:
        """How many wait before this turn; None when it does not wait."""
        rank = self.redis.zrank(waiting_key(narrator), turn)
        return None if rank is None else int(rank)

    def publish_lag(self, adventure: str, version: int) -> None:
        """Tell followers that the adventure is at `version` and the log does not say how."""
        self.publish(adventure, [{"type": LAGGED, "version": version}], version)

    def waiting(self, narrator: str) -> int:
        return int(self.redis.zcard(waiting_key(narrator)))

    def messages(self, queue: str) -> int:
        """How many messages lie in a Celery queue."""
        return int(self.redis.llen(celery_key(queue)))

    def revoke(self, adventure: str, narrator: str, turn: str, attempt: int) -> Told:
        """End a turn from outside: nobody may tell this attempt any more. What was told until now.

        A later attempt may be told: where the end cannot be stored, the turn goes on.
        """
        keys = [
            lease_key(turn),
            running_key(narrator),
            waiting_key(narrator),
            requests_key(narrator),
            revoked_key(turn),
            round_key(narrator, self.player_of(narrator, turn)),
        ]
        self._revoke(keys, [scripts.ROUND, turn, attempt, MEMORY_SECONDS])
        return self.told(adventure, turn)

    def player_of(self, narrator: str, turn: str) -> str:
        """Whose turn waits; "" when it does not."""
        request = self.redis.hget(requests_key(narrator), turn)
        return "" if request is None else GenerationRequest.heard(request).player

    def told(self, adventure: str, turn: str) -> Told:
        """What the log holds of a turn's reply, through all its attempts; all of one moment."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.get(end_key(turn))
        pipe.exists(lease_key(turn))
        pipe.xrange(log_key(adventure))
        end, leased, entries = pipe.execute()
        reply, telling = "", None
        for _, fields in entries:
            event = json.loads(fields[b"e"])
            if event.get("turn") != turn:
                continue
            if event["type"] == "turn.started":
                telling = event["telling"]
            # An entry may stand twice (a write that was retried); pieces go on where it ends.
            elif event["type"] == "turn.token" and event["index"] == len(reply):
                reply += event["text"]
        result = end_of(end)
        return Told(result.reply if result else reply, result, telling, bool(leased))

    def details(self, turn: str) -> str:
        """What the narrator was given for a turn, as its worker packed it; "" where it is gone."""
        kept = self.redis.get(details_key(turn))
        return "" if kept is None else str(kept, "ascii")

    def state(self, narrator: str, turn: str) -> TurnState:
        return self.states([(narrator, turn)])[0]

    def states(self, turns: Sequence[tuple[str, str]]) -> list[TurnState]:
        """What is known of each turn, given with its narrator."""
        pipe = self.redis.pipeline(transaction=len(turns) == 1)
        for narrator, turn in turns:
            pipe.exists(lease_key(turn))
            pipe.zscore(waiting_key(narrator), turn)
            pipe.mget(started_key(turn), revoked_key(turn))
            pipe.get(end_key(turn))
        answers = iter(pipe.execute())
        return [
            TurnState(
                leased=bool(leased),
                waiting=score is not None,
                started=max(int(attempt or 0) for attempt in attempts),
                end=end_of(end),
            )
            for leased, score, attempts, end in zip(*[answers] * 4, strict=True)
        ]

    def pace(self, narrator: str, age: float = 0.0) -> Pace:
        """How the narrator's workers do, from what they said of themselves.

        What was read up to `age` seconds ago will do; its estimates are ready.
        """
        kept = self.paces.get(narrator)
        if kept is None or time.monotonic() - kept[0] > age:
            kept = self.paces[narrator] = (time.monotonic(), self.read_pace(narrator))
        return kept[1]

    def read_pace(self, narrator: str) -> Pace:
        names = self.redis.zrange(workers_key(narrator), 0, -1)
        said = self.redis.mget([worker_key(narrator, name.decode()) for name in names] or ["-"])
        stats = [json.loads(each) for each in said if each is not None]
        turns = self.redis.zrange(running_key(narrator), 0, -1)
        leases = [lease_key(turn.decode()) for turn in turns]
        running = self._running([running_key(narrator), *leases], turns)
        return Pace(
            workers=len(stats),
            loaded=sum(each["loaded"] for each in stats),
            slots=sum(each["slots"] for each in stats),
            running=tuple(milliseconds / 1000 for milliseconds in running),
            lately=tuple(seconds for each in stats for seconds in each["lately"]),
        )

    def narrator_alive(self, narrator: str) -> bool:
        return self.pace(narrator).workers > 0

    def narrator_ready(self, narrator: str) -> bool:
        """Whether a worker of it has its model loaded."""
        return self.pace(narrator).loaded > 0

    def model_state(self, narrator: str) -> ModelState | None:
        """What its worker waits for; None where it waits for nothing, or where none lives."""
        said = self.redis.get(model_key(narrator))
        return None if said is None else heard(said)

    def say_model_state(self, narrator: str, state: ModelState) -> None:
        """What the narrator's worker waits for, said again and again while that lasts."""
        self.redis.set(model_key(narrator), state.to_json(), ex=WORKER_SECONDS)

    def forget_model_state(self, narrator: str) -> None:
        self.redis.delete(model_key(narrator))

    def note_sweep(self, host: str) -> None:
        """Say that this host's game worker sweeps: that is how one knows that it lives."""
        self.redis.set(swept_key(host), 1, ex=WORKER_SECONDS)

    def probe(self) -> None:
        """Write something. Raises redis.ResponseError where Redis is full or cannot keep it."""
        self.redis.set(PROBE_KEY, 1, ex=10)

    def watch(self, adventures: Iterable[str], seconds: int) -> None:
        """Note that a window of each is open; it is remembered for so many seconds."""
        pipe = self.redis.pipeline(transaction=False)
        for adventure in adventures:
            pipe.set(watched_key(adventure), 1, ex=seconds)
        pipe.execute()

    def unwatched(self, adventures: list[str], seconds: int) -> list[str]:
        """Those of which no window was open for so many seconds.

        None, while Redis was emptied less than that ago: it cannot know.
        """
        time_now = int(self.redis.time()[0])
        self.redis.set(WATCHING_KEY, time_now, nx=True)
        if not adventures or time_now - int(self.redis.get(WATCHING_KEY) or time_now) < seconds:
            return []
        seen = self.redis.mget([watched_key(adventure) for adventure in adventures])
        return [each for each, mark in zip(adventures, seen, strict=True) if mark is None]

    def forget(self, adventure: str, turns: list[str], narrators: list[str]) -> None:
        """Let go of all that is remembered of an adventure that is deleted."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.delete(log_key(adventure), version_key(adventure), watched_key(adventure))
        pipe.delete(cached_by_key(adventure))
        for turn in turns:
            pipe.delete(lease_key(turn), started_key(turn), end_key(turn), details_key(turn))
        for narrator in narrators:
            pipe.hdel(background_key(narrator), adventure)
        pipe.execute()

    def switch_off(self, narrators: Iterable[str]) -> None:
        """Workers take no turns of these narrators from now on, and again those of all others."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.delete(OFF_KEY)
        if names := list(narrators):
            pipe.sadd(OFF_KEY, *names)
        pipe.execute()

    def online(self, seconds: int) -> int:
        """How many players were seen within so many seconds."""
        time_now = int(self.redis.time()[0])
        pipe = self.redis.pipeline(transaction=True)
        pipe.zremrangebyscore(ONLINE_KEY, "-inf", time_now - LOG_SECONDS)
        pipe.zcount(ONLINE_KEY, time_now - seconds, "+inf")
        return int(pipe.execute()[1])

    # The worker's side

    def take_next(self, narrator: str, worker: str) -> Lease | None:
        """Lease the turn that has waited longest. None when none waits, or the host said so.

        A turn that was told in part before comes with those words in `request.told`.
        """
        holder = f"{worker}:{uuid.uuid4().hex[:8]}"
        args = [holder, LEASE_SECONDS * 1000, MEMORY_SECONDS, LOG_ENTRIES, LOG_SECONDS]
        line = [waiting_key(narrator), requests_key(narrator), bell_key(narrator), OFF_KEY]
        # Which turn is next must be known before it is taken: a script names its keys beforehand.
        while found := self._next(line, [narrator]):
            turn, adventure = (each.decode() for each in found)
            keys = [
                *line,
                order_key(narrator),
                running_key(narrator),
                lease_key(turn),
                started_key(turn),
                revoked_key(turn),
                end_key(turn),
                log_key(adventure),
            ]
            if taken := self._take(keys, [*args, scripts.ROUND, narrator, turn]):
                return self.lease_of(*taken)
        return None

    def lease_of(self, raw: bytes, value: bytes, before: bytes, ended: bytes) -> Lease:
        request = GenerationRequest.heard(raw)
        if end := end_of(ended or None):
            return Lease(request, value.decode(), end)
        if before:
            told = self.told(request.adventure, request.turn).reply
            request = request.model_copy(update={"told": told})
        return Lease(request, value.decode())

    def wait_for_turn(self, narrator: str) -> bool:
        """Block until the narrator's bell rings, BELL_SECONDS at most. Whether it rang.

        A ring that nobody heard costs a second: whoever waits looks at the line after each wait.
        """
        return self.blocking.blpop([bell_key(narrator)], timeout=BELL_SECONDS) is not None

    def ring(self, narrator: str) -> None:
        """Have an idle worker look at the line."""
        self.redis.lpush(bell_key(narrator), 1)

    def append(self, pieces: Iterable[tuple[Lease, list[Token]]]) -> list[bool]:
        """Append the pieces of one step for many turns at once; False where a lease was lost."""
        keys: list[str] = []
        args: list[Any] = [LOG_ENTRIES, LOG_SECONDS]
        for lease, tokens in pieces:
            request = lease.request
            keys += (lease_key(request.turn), log_key(request.adventure))
            args += (lease.value, len(tokens), *map(token_event, tokens))
        return [bool(done) for done in self._append(keys, args)] if keys else []

    def renew(self, leases: list[Lease]) -> list[bool]:
        """Keep the leases for LEASE_SECONDS more; False where one was lost."""
        keys = [lease_key(lease.request.turn) for lease in leases]
        values = [lease.value for lease in leases]
        done = self._renew(keys, [LEASE_SECONDS * 1000, *values]) if leases else []
        return [bool(each) for each in done]

    def finish(self, lease: Lease, result: Result, last: list[Token]) -> bool:
        """Log the last pieces and the end, and let go. False when the lease was lost before."""
        request = lease.request
        keys = [
            lease_key(request.turn),
            log_key(request.adventure),
            end_key(request.turn),
            running_key(request.narrator),
        ]
        limits = [LOG_ENTRIES, LOG_SECONDS, MEMORY_SECONDS]
        args = [lease.value, request.turn, *limits, result.model_dump_json()]
        return bool(self._finish(keys, [*args, *map(token_event, last)]))

    def keep_details(self, lease: Lease, details: str) -> None:
        """Keep what the narrator is given for a turn, for when it ends without its worker."""
        self.redis.set(details_key(lease.request.turn), details, ex=LOG_SECONDS)

    def release(self, lease: Lease) -> None:
        """Let a lease go in mid-turn: the sweep gives the turn to another attempt at once."""
        request = lease.request
        keys = [lease_key(request.turn), running_key(request.narrator)]
        self._release(keys, [lease.value, request.turn])

    def hand_on(self, lease: Lease) -> bool:
        """Let a lease go in mid-turn and put the turn first in the line, as the same attempt.

        False when the lease was lost before.
        """
        request = lease.request
        narrator = request.narrator
        keys = [
            lease_key(request.turn),
            running_key(narrator),
            waiting_key(narrator),
            requests_key(narrator),
            order_key(narrator),
            bell_key(narrator),
        ]
        # Whoever takes it reads from the log what was told.
        again = request.model_copy(update={"told": ""}).model_dump_json()
        args = [lease.value, request.turn, again, scripts.ROUND, LOG_SECONDS]
        return bool(self._hand_on(keys, args))

    def enqueue_background(self, request: SummaryRequest, again: bool = False) -> None:
        """Let a job wait for an idle worker, in place of the adventure's older one.

        With `again` it was taken before: a newer one stays.
        """
        key, content = background_key(request.narrator), request.model_dump_json()
        pipe = self.redis.pipeline(transaction=True)
        if again:
            pipe.hsetnx(key, request.adventure, content)
        else:
            pipe.hset(key, request.adventure, content)
        pipe.expire(key, MEMORY_SECONDS)
        pipe.execute()

    def take_background(self, narrator: str) -> SummaryRequest | None:
        """A job for an idle worker; None when none waits, or the narrator is switched off."""
        if self.redis.sismember(OFF_KEY, narrator):
            return None
        taken = self._take_background([background_key(narrator)])
        return SummaryRequest.heard(taken) if taken else None

    # Prompts that are read before their turn comes

    def worker_to_read(self, narrator: str, adventure: str) -> str:
        """The worker that should read an adventure ahead; "" for none, where turns wait.

        It is the one that has told or read the adventure, as long as it lives, or else any.
        """
        if self.redis.zcard(waiting_key(narrator)):
            return ""
        names: list[str] = [
            each.decode() for each in self.redis.zrange(workers_key(narrator), 0, -1)
        ]
        last = self.redis.get(cached_by_key(adventure))
        said = self.redis.mget([worker_key(narrator, name) for name in names] or ["-"])
        found = zip(names, said, strict=False)
        reading = [name for name, each in found if each and json.loads(each).get("reads_ahead")]
        last_name = "" if last is None else str(last, "utf-8")
        if last_name in reading:
            return last_name
        for name in reading:
            if self.redis.llen(read_aheads_key(narrator, name)) < READ_AHEADS:
                return name
        return ""

    def enqueue_read_ahead(self, request: GenerationRequest, worker: str) -> None:
        """Let a turn that nobody has taken yet be read by a worker, when it is idle."""
        key = read_aheads_key(request.narrator, worker)
        pipe = self.redis.pipeline(transaction=True)
        pipe.lpush(key, request.model_dump_json())
        pipe.ltrim(key, 0, READ_AHEADS - 1)
        pipe.expire(key, READ_AHEAD_SECONDS)
        pipe.execute()

    def take_read_aheads(self, narrator: str, worker: str) -> list[GenerationRequest]:
        """What this worker is asked to read, the oldest first."""
        taken = self.redis.lpop(read_aheads_key(narrator, worker), READ_AHEADS)
        return [GenerationRequest.heard(each) for each in reversed(taken or [])]

    def note_cached(self, adventure: str, worker: str) -> None:
        """Say that a worker has told or read an adventure."""
        self.redis.set(cached_by_key(adventure), worker, ex=LOG_SECONDS)

    # Many prompts at once: jobs wait by name, and lie with their batch until they are done

    def enqueue_batch(self, request: GenerationRequest, first: bool = False) -> None:
        """Let a job wait until nobody plays. Its batch is `adventure`, its id `turn`."""
        batch, narrator = request.adventure, request.narrator
        pipe = self.redis.pipeline(transaction=True)
        pipe.hset(batch_jobs_key(batch), request.turn, request.model_dump_json())
        pipe.expire(batch_jobs_key(batch), BATCH_SECONDS)
        pipe.zrem(batch_told_key(batch), request.turn)
        name = to_json({"batch": batch, "id": request.turn})
        (pipe.lpush if first else pipe.rpush)(batch_key(narrator), name)
        pipe.expire(batch_key(narrator), BATCH_SECONDS)
        pipe.execute()

    def take_batch(self, narrator: str, most: int) -> list[GenerationRequest]:
        """Jobs for an idle worker, `most` at most."""
        taken: list[GenerationRequest] = []
        for raw in self.redis.lrange(batch_key(narrator), 0, most - 1):
            name = json.loads(raw)
            batch = name["batch"]
            keys = [batch_key(narrator), batch_jobs_key(batch), batch_told_key(batch)]
            if request := self._take_batch(keys, [raw, name["id"]]):
                taken.append(GenerationRequest.heard(request))
        return taken

    def batch_lives(self, requests: list[GenerationRequest]) -> None:
        """Say that these jobs are being told."""
        now = int(self.redis.time()[0])
        pipe = self.redis.pipeline(transaction=False)
        for request in requests:
            pipe.zadd(batch_told_key(request.adventure), {request.turn: now}, xx=True)
            pipe.expire(batch_told_key(request.adventure), BATCH_SECONDS)
        pipe.execute()

    def batch_done(self, batch: str, result: BatchResult) -> None:
        """Keep what came of a job until whoever asked collects it."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.rpush(batch_done_key(batch), result.model_dump_json())
        pipe.expire(batch_done_key(batch), BATCH_SECONDS)
        pipe.hdel(batch_jobs_key(batch), result.id)
        pipe.zrem(batch_told_key(batch), result.id)
        pipe.execute()

    def batch_results(self, batch: str) -> list[BatchResult]:
        """What is done and not forgotten, in the order in which it was done."""
        kept = self.redis.lrange(batch_done_key(batch), 0, -1)
        return [BatchResult.heard(each) for each in kept]

    def forget_results(self, batch: str, count: int) -> None:
        """Drop the first `count` results: they are kept elsewhere by now."""
        self.redis.ltrim(batch_done_key(batch), count, -1)

    def batch_under_way(self, narrator: str, batch: str) -> set[str]:
        """The ids of jobs that wait, are told, or are done and not collected; all of one moment.

        Of a job that is told, somebody gave a sign lately; or else its worker is gone.
        """
        since = int(self.redis.time()[0]) - BATCH_LOST_SECONDS
        pipe = self.redis.pipeline(transaction=True)
        pipe.zrangebyscore(batch_told_key(batch), since, "+inf")
        pipe.lrange(batch_key(narrator), 0, -1)
        pipe.lrange(batch_done_key(batch), 0, -1)
        told, line, done = pipe.execute()
        names = [json.loads(each) for each in line]
        return {
            *(each.decode() for each in told),
            *(each["id"] for each in names if each["batch"] == batch),
            *(BatchResult.heard(each).id for each in done),
        }

    def beat(
        self,
        narrator: str,
        worker: str,
        slots: int,
        lately: Iterable[float],
        loaded: bool = True,
        reads_ahead: bool = False,
    ) -> None:
        """Say that a worker lives: its slots, and the seconds that its last turns took.

        One that is not `loaded` takes turns all the same; the first waits for its model.
        """
        seconds = [round(each, 2) for each in lately]
        said = {"slots": slots, "lately": seconds, "loaded": loaded, "reads_ahead": reads_ahead}
        stats = json.dumps(said)
        keys = [workers_key(narrator), worker_key(narrator, worker)]
        self._beat(keys, [worker, WORKER_SECONDS, stats])

    def leave(self, narrator: str, worker: str) -> None:
        """Take a worker that ends off the list."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.zrem(workers_key(narrator), worker)
        pipe.delete(worker_key(narrator, worker))
        pipe.execute()


def end_of(raw: bytes | None) -> Result | None:
    """How a turn ended. One that nobody can read counts as none: the turn is told again."""
    try:
        return None if raw is None else Result.heard(raw)
    except ValueError as problem:
        logger.error("the end of a turn cannot be read: %s", where(problem))
        return None


def token_event(token: Token) -> str:
    return to_json({"type": "turn.token", **token.__dict__})


# json.dumps would make an encoder for each word.
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
