"""Heartbeats of workers and hosts: which are alive, and the statistics that they report."""

import json
import time
from collections.abc import Iterable

from inference.contract.model_state import ModelState
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

WORKER_SECONDS = 30  # without a heartbeat, after which a worker counts as gone


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
        recent_seconds: Iterable[float],
        loaded: bool = True,
        reads_ahead: bool = False,
    ) -> None:
        """Send a worker's heartbeat: its slots, and the seconds that its last turns took.

        A worker that is not `loaded` takes turns, too: the first waits for the model.
        """
        seconds = [round(each, 2) for each in recent_seconds]
        # Processes of other versions read it: its keys stay.
        stats = json.dumps(
            {"slots": slots, "lately": seconds, "loaded": loaded, "reads_ahead": reads_ahead}
        )
        keys = [workers_key(narrator), worker_key(narrator, worker)]
        self._run("heartbeat", keys, [worker, WORKER_SECONDS, stats])

    def remove_worker(self, narrator: str, worker: str) -> None:
        """Delete the heartbeat of a worker that ends."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.zrem(workers_key(narrator), worker)
        pipe.delete(worker_key(narrator, worker))
        pipe.execute()

    def narrator_stats(self, narrator: str, age: float = 0.0) -> NarratorStats:
        """The statistics of the narrator's workers together.

        Those read up to `age` seconds ago are returned from a cache, with computed estimates.
        """
        kept = self._stats.get(narrator)
        if kept is None or time.monotonic() - kept[0] > age:
            kept = self._stats[narrator] = (time.monotonic(), self.fetch_narrator_stats(narrator))
        return kept[1]

    def fetch_narrator_stats(self, narrator: str) -> NarratorStats:
        """The statistics of the narrator's workers, read from Redis now."""
        names = self.redis.zrange(workers_key(narrator), 0, -1)
        found = self.redis.mget([worker_key(narrator, name.decode()) for name in names] or ["-"])
        stats = [json.loads(each) for each in found if each is not None]
        turns = self.redis.zrange(running_key(narrator), 0, -1)
        leases = [lease_key(turn.decode()) for turn in turns]
        running = self._run("running_times", [running_key(narrator), *leases], turns)
        return NarratorStats(
            workers=len(stats),
            loaded=sum(each["loaded"] for each in stats),
            slots=sum(each["slots"] for each in stats),
            running=tuple(milliseconds / 1000 for milliseconds in running),
            recent_seconds=tuple(seconds for each in stats for seconds in each["lately"]),
        )

    def narrator_alive(self, narrator: str) -> bool:
        """Whether any worker of the narrator is alive."""
        return self.narrator_stats(narrator).workers > 0

    def narrator_ready(self, narrator: str) -> bool:
        """Whether a worker of the narrator has its model loaded."""
        return self.narrator_stats(narrator).loaded > 0

    def model_state(self, narrator: str) -> ModelState | None:
        """Why the narrator's model is not ready; None where it is, or where no worker is alive."""
        raw = self.redis.get(model_key(narrator))
        return None if raw is None else ModelState.from_json(raw)

    def set_model_state(self, narrator: str, state: ModelState) -> None:
        """Store why the narrator's model is not ready; expires after WORKER_SECONDS."""
        self.redis.set(model_key(narrator), state.to_json(), ex=WORKER_SECONDS)

    def clear_model_state(self, narrator: str) -> None:
        """Delete the state of a narrator whose model is ready."""
        self.redis.delete(model_key(narrator))

    def note_sweep(self, host: str) -> None:
        """Send the heartbeat of a host's game worker, which sweeps every two seconds."""
        self.redis.set(swept_key(host), 1, ex=WORKER_SECONDS)

    def probe(self) -> None:
        """Write a key. Raises redis.ResponseError where Redis is full or cannot store it."""
        self.redis.set(PROBE_KEY, 1, ex=10)

    def online(self, seconds: int) -> int:
        """How many players were seen within the last `seconds`."""
        time_now = int(self.redis.time()[0])
        pipe = self.redis.pipeline(transaction=True)
        pipe.zremrangebyscore(ONLINE_KEY, "-inf", time_now - LOG_SECONDS)
        pipe.zcount(ONLINE_KEY, time_now - seconds, "+inf")
        return int(pipe.execute()[1])

    def messages(self, queue: str) -> int:
        """How many messages wait in a Celery queue."""
        return int(self.redis.llen(celery_key(queue)))
