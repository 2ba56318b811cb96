"""The queue of waiting turns of each narrator, and the leases of running turns.

Every time in here is Redis' own clock.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inference.contract.request import GenerationRequest, Result, Token
from inference.queue.connection import POLL_SECONDS
from inference.queue.keys import (
    OFF_KEY,
    end_key,
    lease_key,
    log_key,
    order_key,
    requests_key,
    revoked_key,
    round_key,
    running_key,
    started_key,
    waiting_key,
    wakeup_key,
)
from inference.queue.lease import LEASE_SECONDS, Lease
from inference.queue.streams import (
    LOG_ENTRIES,
    LOG_SECONDS,
    ReplySoFar,
    Streams,
    end_of,
    token_event,
)

MEMORY_SECONDS = 24 * 3_600  # how long Redis remembers that a turn was started or ended

# The queue is a sorted set of turns. Who stands before whom is start-time fair queuing (Goyal, Vin,
# Cheng 1996) with a turn as the unit: a player's turns are counted in rounds, one turn in each; a
# new turn joins the current round, or the one after the player's last. So somebody who plays in a
# hundred windows gets one turn in each round, as everybody does. Within a round turns are served in
# the order of arrival: a score is ROUND * round + arrival.
ROUND = 1_000_000_000
MOST_WAKEUPS = 100  # in a queue whose narrator has no idle worker


@dataclass(frozen=True)
class TurnState:
    """The state of a turn in Redis."""

    leased: bool
    waiting: bool
    started: int  # the newest attempt that was started or revoked; 0 for none
    end: Result | None


class TurnQueue(Streams):
    """Enqueues turns, leases them to workers, and ends them. Raises redis.RedisError."""

    def position_of_next(self, narrator: str, player: str) -> int:
        """How many waiting turns would come before a new turn of this player."""
        keys = [waiting_key(narrator), order_key(narrator), round_key(narrator, player)]
        return int(self._run("position_of_next", keys, [ROUND]))

    def enqueue(self, request: GenerationRequest) -> int:
        """Enqueue a turn for its narrator, fairly among players. Returns its position, 0 is next.

        A turn that waits already keeps its place; a later attempt of a turn goes first.
        """
        narrator = request.narrator
        keys = [
            waiting_key(narrator),
            requests_key(narrator),
            order_key(narrator),
            round_key(narrator, request.player),
            wakeup_key(narrator),
        ]
        again = "again" if request.attempt > 1 else ""
        args = [ROUND, request.turn, request.model_dump_json(), again, LOG_SECONDS]
        args.append(MOST_WAKEUPS)
        return int(self._run("enqueue_turn", keys, args))

    def drop_stale_requests(self, narrator: str) -> int:
        """Delete requests of turns that do not wait. Returns how many there were."""
        keys = [waiting_key(narrator), requests_key(narrator)]
        if int(self.redis.hlen(keys[1])) <= int(self.redis.zcard(keys[0])):
            return 0
        return int(self._run("drop_stale_requests", keys))

    def waiting_ids(self, narrator: str, most: int) -> list[str]:
        """The ids of the first `most` waiting turns, the next one first."""
        return [each.decode() for each in self.redis.zrange(waiting_key(narrator), 0, most - 1)]

    def position(self, narrator: str, turn: str) -> int | None:
        """How many turns wait before this one; None when it does not wait."""
        rank = self.redis.zrank(waiting_key(narrator), turn)
        return None if rank is None else int(rank)

    def waiting(self, narrator: str) -> int:
        """How many turns wait for the narrator."""
        return int(self.redis.zcard(waiting_key(narrator)))

    def revoke(self, adventure: str, narrator: str, turn: str, attempt: int) -> ReplySoFar:
        """End a turn from outside, so that no worker runs this attempt. Returns its reply so far.

        A later attempt may run: where the end cannot be stored, the turn goes on.
        """
        keys = [
            lease_key(turn),
            running_key(narrator),
            waiting_key(narrator),
            requests_key(narrator),
            revoked_key(turn),
            round_key(narrator, self.player_of(narrator, turn)),
        ]
        self._run("revoke_turn", keys, [ROUND, turn, attempt, MEMORY_SECONDS])
        return self.reply_so_far(adventure, turn)

    def player_of(self, narrator: str, turn: str) -> str:
        """The pseudonym of a waiting turn's player; "" when the turn does not wait."""
        request = self.redis.hget(requests_key(narrator), turn)
        return "" if request is None else GenerationRequest.from_message(request).player

    def state(self, narrator: str, turn: str) -> TurnState:
        """The state of one turn, read at one moment."""
        return self.states([(narrator, turn)])[0]

    def states(self, turns: Sequence[tuple[str, str]]) -> list[TurnState]:
        """The states of turns, given as pairs of narrator and turn, in the same order."""
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

    def take_next(self, narrator: str, worker: str) -> Lease | None:
        """Lease the turn that is next. None when none waits, or the narrator is switched off.

        Where an earlier attempt has shown words, they are in `request.told`.
        """
        holder = f"{worker}:{uuid.uuid4().hex[:8]}"
        args = [holder, LEASE_SECONDS * 1000, MEMORY_SECONDS, LOG_ENTRIES, LOG_SECONDS]
        queue = [waiting_key(narrator), requests_key(narrator), wakeup_key(narrator), OFF_KEY]
        # A script's keys must be given before it runs, so the turn is looked up first and checked
        # again when it is taken.
        while found := self._run("next_turn", queue, [narrator]):
            turn, adventure = (each.decode() for each in found)
            keys = [
                *queue,
                order_key(narrator),
                running_key(narrator),
                lease_key(turn),
                started_key(turn),
                revoked_key(turn),
                end_key(turn),
                log_key(adventure),
            ]
            if taken := self._run("take_turn", keys, [*args, ROUND, narrator, turn]):
                return self.lease_of(*taken)
        return None

    def lease_of(self, raw: bytes, value: bytes, before: bytes, ended: bytes) -> Lease:
        """The lease that `take_turn.lua` returned, with the words of earlier attempts.

        `before` is empty where no attempt was started before, `ended` where none has an end.
        """
        request = GenerationRequest.from_message(raw)
        if end := end_of(ended or None):
            return Lease(request, value.decode(), end)
        if before:
            so_far = self.reply_so_far(request.adventure, request.turn).reply
            request = request.model_copy(update={"told": so_far})
        return Lease(request, value.decode())

    def wait_for_turn(self, narrator: str) -> bool:
        """Block until a wake-up comes for the narrator, POLL_SECONDS at most. Whether one came.

        A lost wake-up costs a second: workers look at the queue after each wait.
        """
        return self.blocking.blpop([wakeup_key(narrator)], timeout=POLL_SECONDS) is not None

    def wake_worker(self, narrator: str) -> None:
        """Wake one idle worker of the narrator, to look at the queue."""
        self.redis.lpush(wakeup_key(narrator), 1)

    def renew(self, leases: list[Lease]) -> list[bool]:
        """Renew leases for LEASE_SECONDS from now; False for each that was lost."""
        keys = [lease_key(lease.request.turn) for lease in leases]
        values = [lease.value for lease in leases]
        done = self._run("renew_leases", keys, [LEASE_SECONDS * 1000, *values]) if leases else []
        return [bool(each) for each in done]

    def finish(self, lease: Lease, result: Result, last: list[Token]) -> bool:
        """Log the last pieces, store the Result and release the lease. False when it was lost."""
        request = lease.request
        keys = [
            lease_key(request.turn),
            log_key(request.adventure),
            end_key(request.turn),
            running_key(request.narrator),
        ]
        limits = [LOG_ENTRIES, LOG_SECONDS, MEMORY_SECONDS]
        args = [lease.value, request.turn, *limits, result.model_dump_json()]
        return bool(self._run("finish_turn", keys, [*args, *map(token_event, last)]))

    def release(self, lease: Lease) -> None:
        """Release a lease in mid-turn: the sweep starts another attempt at once."""
        request = lease.request
        keys = [lease_key(request.turn), running_key(request.narrator)]
        self._run("release_lease", keys, [lease.value, request.turn])

    def requeue_turn(self, lease: Lease) -> bool:
        """Release a lease in mid-turn and put the turn first in the queue, as the same attempt.

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
            wakeup_key(narrator),
        ]
        # The next worker reads the words so far from the log.
        again = request.model_copy(update={"told": ""}).model_dump_json()
        args = [lease.value, request.turn, again, ROUND, LOG_SECONDS]
        return bool(self._run("requeue_turn", keys, args))

    def switch_off(self, narrators: Iterable[str]) -> None:
        """Switch these narrators off, and all others on. Workers take no turns of those off."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.delete(OFF_KEY)
        if names := list(narrators):
            pipe.sadd(OFF_KEY, *names)
        pipe.execute()
