"""The story log on Redis Streams, the leases of turns, and the line in which turns wait.

One stream holds what happens in one adventure; everyone who watches follows it. A turn is told by
whoever holds its lease: a key whose value names the holder and the attempt, gone after
LEASE_SECONDS unless renewed. Each change that depends on the lease is one Lua script, so a holder
that lost it is refused, whatever it still believes.

Every time in here is Redis' own.
"""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from inference.request import GenerationRequest, Result, Token

LEASE_SECONDS = 10
LOG_ENTRIES = 2_000  # about: Redis trims whole nodes
LOG_SECONDS = 3_600
MEMORY_SECONDS = 24 * 3_600  # how long Redis remembers that a turn was started or ended
WORKER_SECONDS = 30  # a worker that has said nothing for so long is gone
PREFIX = "grue:"
FIRST = "0-0"
LAGGED = "log.lagged"  # an entry for followers alone: pages get a snapshot instead


def log_key(adventure: str) -> str:
    return f"{PREFIX}log:{adventure}"


def lease_key(turn: str) -> str:
    return f"{PREFIX}lease:{turn}"


def started_key(turn: str) -> str:
    return f"{PREFIX}started:{turn}"


def end_key(turn: str) -> str:
    return f"{PREFIX}end:{turn}"


def version_key(adventure: str) -> str:
    return f"{PREFIX}version:{adventure}"


def waiting_key(narrator: str) -> str:
    return f"{PREFIX}waiting:{narrator}"


def requests_key(narrator: str) -> str:
    return f"{PREFIX}requests:{narrator}"


def workers_key(narrator: str) -> str:
    return f"{PREFIX}workers:{narrator}"


# Takes the next waiting turn that nobody tells yet, and logs that it has started. `telling` names
# this telling; it is fresh when Redis knows of no earlier one, so that words which a page may still
# show of one (Redis was emptied in mid-reply) are not its beginning.
# KEYS: waiting, requests. ARGV: holder, lease ms, memory s, log entries, log s, prefix.
TAKE = """
while true do
  local popped = redis.call('ZPOPMIN', KEYS[1])
  if #popped == 0 then return false end
  local turn = popped[1]
  local request = redis.call('HGET', KEYS[2], turn)
  redis.call('HDEL', KEYS[2], turn)
  if request then
    local given = cjson.decode(request)
    local lease = ARGV[6] .. 'lease:' .. turn
    local value = ARGV[1] .. ':' .. given.attempt
    if redis.call('SET', lease, value, 'NX', 'PX', ARGV[2]) then
      local started = ARGV[6] .. 'started:' .. turn
      local before = redis.call('GET', started) or ''
      local ended = redis.call('GET', ARGV[6] .. 'end:' .. turn) or ''
      redis.call('SET', started, given.attempt, 'EX', ARGV[3])
      if ended == '' then
        local log = ARGV[6] .. 'log:' .. given.adventure
        redis.call('XADD', log, 'MAXLEN', '~', ARGV[4], '*', 'e', cjson.encode(
          {type='turn.started', turn=turn, attempt=given.attempt,
           telling=string.sub(ARGV[1], -8), fresh=(before == '')}))
        redis.call('EXPIRE', log, ARGV[5])
      end
      return {request, value, before, ended}
    end
  end
end
"""

# Appends pieces of a reply. Returns 0 when the lease is another's by now.
# KEYS: lease, log. ARGV: value, log entries, log s, event...
APPEND = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 4, #ARGV do
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[i])
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1
"""

# Keeps the lease. Returns 0 when it is another's by now.
# KEYS: lease. ARGV: value, lease ms.
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

# Logs the last pieces, keeps the Result, lets the lease go. Returns 0 when it is another's by now.
# KEYS: lease, log, end. ARGV: value, log entries, log s, memory s, result, event...
FINISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 6, #ARGV do
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[i])
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('SET', KEYS[3], ARGV[5], 'EX', ARGV[4])
redis.call('DEL', KEYS[1])
return 1
"""

# Lets a lease go without an end, so that the next attempt may start at once.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# Puts an event into the log and notes which version of the adventure the log has seen.
# KEYS: log, version. ARGV: log entries, log s, version, event.
PUBLISH = """
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[2])
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[2]) or '-1') then
  redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
else
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
"""

# Notes that a worker lives, and how it does.
# KEYS: workers, worker. ARGV: name, seconds, stats.
BEAT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
"""


@dataclass(frozen=True)
class Lease:
    """The right to tell one turn. `value` is what the lease's key must hold."""

    request: GenerationRequest
    value: str
    ended: Result | None = None  # an earlier attempt came to the end; only its Result is missing


@dataclass(frozen=True)
class Told:
    """What the log knows of a turn: the words so far, and its end if it was reached."""

    reply: str
    end: Result | None


@dataclass(frozen=True)
class TurnState:
    """Where a turn stands in Redis."""

    leased: bool
    waiting: bool
    started: int  # the newest attempt that was started; 0 for none
    end: Result | None


@dataclass(frozen=True)
class Pace:
    """How a narrator's workers do together. `turn_seconds` is one turn's usual time."""

    workers: int
    slots: int
    running: int
    turn_seconds: float

    def seconds_until_started(self, position: int) -> int | None:
        """How long the turn at `position` (0 is next) waits for a slot. None: nobody knows."""
        if self.workers == 0 or self.slots == 0:
            return None
        before = self.running + position - self.slots + 1
        return max(0, round(before * self.turn_seconds / self.slots))


def connect(url: str) -> Any:  # redis-py's own types join the sync and async answers
    """A client that fails within a second instead of waiting (redis-py would retry 10 times).

    A connection that broke is opened once more, or each one of the pool would fail once after a
    restart of Redis. What was written twice by that is dropped by its readers.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


class StoryLog:
    """What workers and the game do with Redis. Raises redis.RedisError when it is away."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        self._take = self.redis.register_script(TAKE)
        self._append = self.redis.register_script(APPEND)
        self._renew = self.redis.register_script(RENEW)
        self._finish = self.redis.register_script(FINISH)
        self._release = self.redis.register_script(RELEASE)
        self._publish = self.redis.register_script(PUBLISH)
        self._beat = self.redis.register_script(BEAT)

    # The game's side

    def publish(self, adventure: str, event: dict[str, Any], version: int) -> None:
        """Append `event` for everyone who follows the adventure."""
        keys = [log_key(adventure), version_key(adventure)]
        self._publish(keys, [LOG_ENTRIES, LOG_SECONDS, version, to_json(event)])

    def last_id(self, adventure: str) -> str:
        """The id of the newest entry, FIRST when there is none."""
        newest = self.redis.xrevrange(log_key(adventure), count=1)
        return newest[0][0].decode() if newest else FIRST

    def version(self, adventure: str) -> int | None:
        """The newest version of the adventure that the log has seen, None when it is gone."""
        seen = self.redis.get(version_key(adventure))
        return None if seen is None else int(seen)

    def enqueue(self, request: GenerationRequest, since: float) -> int:
        """Let a turn wait for its narrator, in the order of `since` (seconds). Its position."""
        narrator, turn = request.narrator, request.turn
        pipe = self.redis.pipeline(transaction=True)
        pipe.hset(requests_key(narrator), turn, request.model_dump_json())
        pipe.zadd(waiting_key(narrator), {turn: since})
        pipe.zrank(waiting_key(narrator), turn)
        position = pipe.execute()[-1]
        return int(position or 0)

    def position(self, narrator: str, turn: str) -> int | None:
        """How many wait before this turn; None when it does not wait."""
        rank = self.redis.zrank(waiting_key(narrator), turn)
        return None if rank is None else int(rank)

    def publish_lag(self, adventure: str, version: int) -> None:
        """Tell followers that the adventure is at `version` and the log does not say how."""
        self.publish(adventure, {"type": LAGGED, "version": version}, version)

    def waiting(self, narrator: str) -> int:
        return int(self.redis.zcard(waiting_key(narrator)))

    def messages(self, queue: str) -> int:
        """How many Celery messages lie in a queue (a Redis list, as Celery's broker keeps it)."""
        return int(self.redis.llen(queue))

    def revoke(self, adventure: str, narrator: str, turn: str) -> Told:
        """End a turn from outside: nobody may tell it any more. What was told until now."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.delete(lease_key(turn))
        pipe.zrem(waiting_key(narrator), turn)
        pipe.hdel(requests_key(narrator), turn)
        pipe.execute()
        return self.told(adventure, turn)

    def told(self, adventure: str, turn: str) -> Told:
        """What the log holds of a turn's reply, through all its attempts."""
        end = self.redis.get(end_key(turn))
        if end is not None:
            result = Result.model_validate_json(end)
            return Told(result.reply, result)
        reply = ""
        for _, fields in self.redis.xrange(log_key(adventure)):
            event = json.loads(fields[b"e"])
            if event.get("turn") != turn or event["type"] != "turn.token":
                continue
            # An entry may stand twice (a write that was retried); pieces go on where it ends.
            if event["index"] == len(reply):
                reply += event["text"]
        return Told(reply, None)

    def state(self, narrator: str, turn: str) -> TurnState:
        pipe = self.redis.pipeline(transaction=True)
        pipe.exists(lease_key(turn))
        pipe.zscore(waiting_key(narrator), turn)
        pipe.get(started_key(turn))
        pipe.get(end_key(turn))
        leased, score, started, end = pipe.execute()
        return TurnState(
            leased=bool(leased),
            waiting=score is not None,
            started=int(started or 0),
            end=None if end is None else Result.model_validate_json(end),
        )

    def telling(self, turn: str) -> str | None:
        """Which telling of a turn is under way, as its `turn.started` names it; None for none."""
        lease = self.redis.get(lease_key(turn))
        return None if lease is None else str(lease.decode().split(":")[-2])

    def pace(self, narrator: str) -> Pace:
        """How the narrator's workers do, from what they said of themselves."""
        names = self.redis.zrange(workers_key(narrator), 0, -1)
        said = self.redis.mget([worker_key(narrator, name.decode()) for name in names] or ["-"])
        stats = [json.loads(each) for each in said if each is not None]
        slots = sum(each["slots"] for each in stats)
        weighted = sum(each["turn_seconds"] * each["slots"] for each in stats)
        return Pace(
            workers=len(stats),
            slots=slots,
            running=sum(each["running"] for each in stats),
            turn_seconds=weighted / slots if slots else 0.0,
        )

    def narrator_alive(self, narrator: str) -> bool:
        return self.pace(narrator).workers > 0

    # The worker's side

    def take_next(self, narrator: str, worker: str) -> Lease | None:
        """Lease the turn that has waited longest. None when none waits.

        A turn that was told in part before comes with those words in `request.told`.
        """
        holder = f"{worker}:{uuid.uuid4().hex[:8]}"
        args = [holder, LEASE_SECONDS * 1000, MEMORY_SECONDS, LOG_ENTRIES, LOG_SECONDS, PREFIX]
        taken = self._take([waiting_key(narrator), requests_key(narrator)], args)
        if not taken:
            return None
        raw, value, before, ended = taken
        request = GenerationRequest.model_validate_json(raw)
        if ended:
            return Lease(request, value.decode(), Result.model_validate_json(ended))
        if before:
            told = self.told(request.adventure, request.turn).reply
            request = request.model_copy(update={"told": told})
        return Lease(request, value.decode())

    def append(self, pieces: Iterable[tuple[Lease, list[Token]]]) -> list[bool]:
        """Append the pieces of one step for many turns at once; False where a lease was lost."""
        pipe = self.redis.pipeline(transaction=False)
        for lease, tokens in pieces:
            request = lease.request
            keys = [lease_key(request.turn), log_key(request.adventure)]
            args = [lease.value, LOG_ENTRIES, LOG_SECONDS, *map(token_event, tokens)]
            self._append(keys, args, client=pipe)
        return [bool(done) for done in pipe.execute()]

    def renew(self, leases: list[Lease]) -> list[bool]:
        """Keep the leases for LEASE_SECONDS more; False where one was lost."""
        pipe = self.redis.pipeline(transaction=False)
        for lease in leases:
            args = [lease.value, LEASE_SECONDS * 1000]
            self._renew([lease_key(lease.request.turn)], args, client=pipe)
        return [bool(done) for done in pipe.execute()]

    def finish(self, lease: Lease, result: Result, last: list[Token]) -> bool:
        """Log the last pieces and the end, and let go. False when the lease was lost before."""
        request = lease.request
        keys = [lease_key(request.turn), log_key(request.adventure), end_key(request.turn)]
        limits = [LOG_ENTRIES, LOG_SECONDS, MEMORY_SECONDS]
        events = map(token_event, last)
        return bool(self._finish(keys, [lease.value, *limits, result.model_dump_json(), *events]))

    def release(self, lease: Lease) -> None:
        """Let a lease go in mid-turn: the sweep gives the turn to another attempt at once."""
        self._release([lease_key(lease.request.turn)], [lease.value])

    def beat(self, narrator: str, worker: str, slots: int, running: int, turn_s: float) -> None:
        """Say that a worker lives: its slots, turns running, and one turn's usual seconds."""
        stats = json.dumps({"slots": slots, "running": running, "turn_seconds": turn_s})
        keys = [workers_key(narrator), worker_key(narrator, worker)]
        self._beat(keys, [worker, WORKER_SECONDS, stats])

    def leave(self, narrator: str, worker: str) -> None:
        """Take a worker that ends off the list."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.zrem(workers_key(narrator), worker)
        pipe.delete(worker_key(narrator, worker))
        pipe.execute()


def worker_key(narrator: str, worker: str) -> str:
    return f"{PREFIX}worker:{narrator}:{worker}"


def token_event(token: Token) -> str:
    return to_json({"type": "turn.token", **token.model_dump()})


def to_json(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
