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
    batch_told_key,
    cached_by_key,
    read_aheads_key,
    waiting_key,
    worker_key,
    workers_key,
)
from inference.queue.streams import LOG_SECONDS, to_json
from inference.queue.turns import MEMORY_SECONDS

BATCH_SECONDS = 7 * 24 * 3_600  # how long Redis keeps batches that nobody comes back for
BATCH_LOST_SECONDS = 30  # without a sign of a job that is told
READ_AHEADS = 32  # that wait for one worker in Redis; what is more is dropped
READ_AHEAD_SECONDS = 60


class Jobs(RedisClient):
    """Enqueues and takes jobs. Raises redis.RedisError."""

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
        taken = self._run("take_background_job", [background_key(narrator)])
        return SummaryRequest.heard(taken) if taken else None

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
            if request := self._run("take_batch_job", keys, [raw, name["id"]]):
                taken.append(GenerationRequest.heard(request))
        return taken

    def renew_batch_jobs(self, requests: list[GenerationRequest]) -> None:
        """Say that these jobs are being told."""
        now = int(self.redis.time()[0])
        pipe = self.redis.pipeline(transaction=False)
        for request in requests:
            pipe.zadd(batch_told_key(request.adventure), {request.turn: now}, xx=True)
            pipe.expire(batch_told_key(request.adventure), BATCH_SECONDS)
        pipe.execute()

    def store_batch_result(self, batch: str, result: BatchResult) -> None:
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
        told, waiting, done = pipe.execute()
        names = [json.loads(each) for each in waiting]
        return {
            *(each.decode() for each in told),
            *(each["id"] for each in names if each["batch"] == batch),
            *(BatchResult.heard(each).id for each in done),
        }
