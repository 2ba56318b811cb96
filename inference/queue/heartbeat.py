"""What workers and hosts say of themselves again and again: who lives, and how they do."""

import json
import time
from collections.abc import Iterable

from inference.contract.model_state import ModelState, heard
from inference.queue.connection import RedisClient
from inference.queue.eta import NarratorStats
from inference.queue.keys import (
    ONLINE_KEY,
    PROBE_KEY,
    celery_key,
    lease_key,
    model_key,
    running_key,
    swept_key,
    worker_key,
    workers_key,
)
from inference.queue.streams import LOG_SECONDS

WORKER_SECONDS = 30  # a worker that has said nothing for so long is gone


class Heartbeats(RedisClient):
    """Writes and reads heartbeats. Raises redis.RedisError."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._stats: dict[str, tuple[float, NarratorStats]] = {}

    def send_heartbeat(
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
        self._run("heartbeat", keys, [worker, WORKER_SECONDS, stats])

    def leave(self, narrator: str, worker: str) -> None:
        """Take a worker that ends off the list."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.zrem(workers_key(narrator), worker)
        pipe.delete(worker_key(narrator, worker))
        pipe.execute()

    def narrator_stats(self, narrator: str, age: float = 0.0) -> NarratorStats:
        """How the narrator's workers do, from what they said of themselves.

        What was read up to `age` seconds ago will do; its estimates are ready.
        """
        kept = self._stats.get(narrator)
        if kept is None or time.monotonic() - kept[0] > age:
            kept = self._stats[narrator] = (time.monotonic(), self.read_narrator_stats(narrator))
        return kept[1]

    def read_narrator_stats(self, narrator: str) -> NarratorStats:
        names = self.redis.zrange(workers_key(narrator), 0, -1)
        said = self.redis.mget([worker_key(narrator, name.decode()) for name in names] or ["-"])
        stats = [json.loads(each) for each in said if each is not None]
        turns = self.redis.zrange(running_key(narrator), 0, -1)
        leases = [lease_key(turn.decode()) for turn in turns]
        running = self._run("running_times", [running_key(narrator), *leases], turns)
        return NarratorStats(
            workers=len(stats),
            loaded=sum(each["loaded"] for each in stats),
            slots=sum(each["slots"] for each in stats),
            running=tuple(milliseconds / 1000 for milliseconds in running),
            lately=tuple(seconds for each in stats for seconds in each["lately"]),
        )

    def narrator_alive(self, narrator: str) -> bool:
        return self.narrator_stats(narrator).workers > 0

    def narrator_ready(self, narrator: str) -> bool:
        """Whether a worker of it has its model loaded."""
        return self.narrator_stats(narrator).loaded > 0

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

    def online(self, seconds: int) -> int:
        """How many players were seen within so many seconds."""
        time_now = int(self.redis.time()[0])
        pipe = self.redis.pipeline(transaction=True)
        pipe.zremrangebyscore(ONLINE_KEY, "-inf", time_now - LOG_SECONDS)
        pipe.zcount(ONLINE_KEY, time_now - seconds, "+inf")
        return int(pipe.execute()[1])

    def messages(self, queue: str) -> int:
        """How many messages lie in a Celery queue."""
        return int(self.redis.llen(celery_key(queue)))
