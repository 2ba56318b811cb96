"""Work for idle workers: summaries, prompts to read ahead, and batches of prompts."""

import json

from inference.contract.request import BatchResult, GenerationRequest, SummaryRequest
from inference.queue.connection import RedisClient
from inference.queue.keys import (
    OFF_KEY,
    background_key,
    batch_done_key,
    batch_jobs_key,
    batch_key,
    batch_running_key,
    cached_by_key,
    read_aheads_key,
    waiting_key,
    worker_key,
    workers_key,
)
from inference.queue.streams import LOG_SECONDS, to_json
from inference.queue.turns import MEMORY_SECONDS

BATCH_SECONDS = 7 * 24 * 3_600  # until Redis drops a batch whose results nobody collects
BATCH_LOST_SECONDS = 30  # without a renewal, after which a running job counts as lost
READ_AHEADS = 32  # most that wait for one worker in Redis; the oldest are dropped
READ_AHEAD_SECONDS = 60


class Jobs(RedisClient):
    """Enqueues and takes jobs. Raises redis.RedisError."""

    def enqueue_background(self, request: SummaryRequest, requeue: bool = False) -> None:
        """Enqueue a summary for an idle worker, replacing the adventure's pending one.

        `requeue=True` is for a job that was taken before: it keeps a newer pending job.
        """
        key, content = background_key(request.narrator), request.model_dump_json()
        pipe = self.redis.pipeline(transaction=True)
        if requeue:
            pipe.hsetnx(key, request.adventure, content)
        else:
            pipe.hset(key, request.adventure, content)
        pipe.expire(key, MEMORY_SECONDS)
        pipe.execute()

    def take_background(self, narrator: str) -> SummaryRequest | None:
        """Take a summary job; None when none waits, or the narrator is switched off."""
        if self.redis.sismember(OFF_KEY, narrator):
            return None
        taken = self._run("take_background_job", [background_key(narrator)])
        return SummaryRequest.from_message(taken) if taken else None

    def worker_for_read_ahead(self, narrator: str, adventure: str) -> str:
        """The worker that should read an adventure ahead; "" for none, as while turns wait.

        The worker that has the adventure in its cache is preferred, then any with a free place.
        """
        if self.redis.zcard(waiting_key(narrator)):
            return ""
        names: list[str] = [
            each.decode() for each in self.redis.zrange(workers_key(narrator), 0, -1)
        ]
        last = self.redis.get(cached_by_key(adventure))
        stats = self.redis.mget([worker_key(narrator, name) for name in names] or ["-"])
        found = zip(names, stats, strict=False)
        reading = [name for name, each in found if each and json.loads(each).get("reads_ahead")]
        last_name = "" if last is None else str(last, "utf-8")
        if last_name in reading:
            return last_name
        for name in reading:
            if self.redis.llen(read_aheads_key(narrator, name)) < READ_AHEADS:
                return name
        return ""

    def enqueue_read_ahead(self, request: GenerationRequest, worker: str) -> None:
        """Ask a worker to read the next turn's prompt into its cache when it is idle."""
        key = read_aheads_key(request.narrator, worker)
        pipe = self.redis.pipeline(transaction=True)
        pipe.lpush(key, request.model_dump_json())
        pipe.ltrim(key, 0, READ_AHEADS - 1)
        pipe.expire(key, READ_AHEAD_SECONDS)
        pipe.execute()

    def take_read_aheads(self, narrator: str, worker: str) -> list[GenerationRequest]:
        """Take the requests that this worker should read ahead, the oldest first."""
        taken = self.redis.lpop(read_aheads_key(narrator, worker), READ_AHEADS)
        return [GenerationRequest.from_message(each) for each in reversed(taken or [])]

    def note_cached(self, adventure: str, worker: str) -> None:
        """Note that a worker has read an adventure's prompt into its cache."""
        self.redis.set(cached_by_key(adventure), worker, ex=LOG_SECONDS)

    def enqueue_batch(self, request: GenerationRequest, first: bool = False) -> None:
        """Enqueue a batch job: `request.adventure` is its batch and `request.turn` its id.

        With `first` it goes before all others.
        """
        batch, narrator = request.adventure, request.narrator
        pipe = self.redis.pipeline(transaction=True)
        pipe.hset(batch_jobs_key(batch), request.turn, request.model_dump_json())
        pipe.expire(batch_jobs_key(batch), BATCH_SECONDS)
        pipe.zrem(batch_running_key(batch), request.turn)
        name = to_json({"batch": batch, "id": request.turn})
        (pipe.lpush if first else pipe.rpush)(batch_key(narrator), name)
        pipe.expire(batch_key(narrator), BATCH_SECONDS)
        pipe.execute()

    def take_batch(self, narrator: str, most: int) -> list[GenerationRequest]:
        """Take up to `most` batch jobs for an idle worker."""
        taken: list[GenerationRequest] = []
        for raw in self.redis.lrange(batch_key(narrator), 0, most - 1):
            name = json.loads(raw)
            batch = name["batch"]
            keys = [batch_key(narrator), batch_jobs_key(batch), batch_running_key(batch)]
            if request := self._run("take_batch_job", keys, [raw, name["id"]]):
                taken.append(GenerationRequest.from_message(request))
        return taken

    def renew_batch_jobs(self, requests: list[GenerationRequest]) -> None:
        """Note that these jobs are still running."""
        now = int(self.redis.time()[0])
        pipe = self.redis.pipeline(transaction=False)
        for request in requests:
            pipe.zadd(batch_running_key(request.adventure), {request.turn: now}, xx=True)
            pipe.expire(batch_running_key(request.adventure), BATCH_SECONDS)
        pipe.execute()

    def store_batch_result(self, batch: str, result: BatchResult) -> None:
        """Store the result of a job until it is collected."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.rpush(batch_done_key(batch), result.model_dump_json())
        pipe.expire(batch_done_key(batch), BATCH_SECONDS)
        pipe.hdel(batch_jobs_key(batch), result.id)
        pipe.zrem(batch_running_key(batch), result.id)
        pipe.execute()

    def batch_results(self, batch: str) -> list[BatchResult]:
        """The results that were not dropped yet, the oldest first."""
        kept = self.redis.lrange(batch_done_key(batch), 0, -1)
        return [BatchResult.from_message(each) for each in kept]

    def forget_results(self, batch: str, count: int) -> None:
        """Drop the first `count` results, once they were stored elsewhere."""
        self.redis.ltrim(batch_done_key(batch), count, -1)

    def batch_under_way(self, narrator: str, batch: str) -> set[str]:
        """The ids of jobs that wait, run, or have a result, read at one moment.

        A job that was not renewed for BATCH_LOST_SECONDS is not among them: its worker is gone.
        """
        since = int(self.redis.time()[0]) - BATCH_LOST_SECONDS
        pipe = self.redis.pipeline(transaction=True)
        pipe.zrangebyscore(batch_running_key(batch), since, "+inf")
        pipe.lrange(batch_key(narrator), 0, -1)
        pipe.lrange(batch_done_key(batch), 0, -1)
        running, waiting, done = pipe.execute()
        names = [json.loads(each) for each in waiting]
        return {
            *(each.decode() for each in running),
            *(each["id"] for each in names if each["batch"] == batch),
            *(BatchResult.from_message(each).id for each in done),
        }
