"""Batch jobs: prompts by the thousand that run while no turn runs or waits.

Jobs wait in Redis under the name of their batch, and so do their results until the command that
enqueued them collects them (`manage.py narrate-batch`). When a turn comes, all jobs are broken off
at the engine's next step and enqueued again, before all others. A job that is lost with its worker
is enqueued again by that command.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from inference import metrics
from inference.contract.request import BatchResult, GenerationRequest
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.log_context import where
from inference.narrators import Narrator
from inference.prompts import reply_stream
from inference.queue.client import QueueClient
from inference.reply import ReplyStream

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds between looks for jobs, and between renewals of those that run
DEATHS = 3  # of engines, after which a job that ran each time fails


@dataclass
class Job:
    """One prompt while its reply is generated."""

    request: GenerationRequest
    stream: ReplyStream
    began: float
    tokens: int = 0
    error: str = ""
    raw: str = ""  # of a reply that a program reads: it is not cleaned

    def take(self, new: NewText) -> bool:
        """Add the text of one step. Whether the reply is complete."""
        self.tokens += new.tokens
        if self.request.output is not None:
            return self.take_raw(new)
        self.stream.feed(new.text)
        if new.finish == "error":
            self.error = new.error or "the engine failed"
        if new.finish is not None:
            self.stream.finish("stop" if new.finish == "stop" else "length")
        return new.finish is not None or self.stream.done

    def take_raw(self, new: NewText) -> bool:
        """Add text that a program reads, uncleaned. Whether the reply is complete."""
        self.raw += new.text
        if new.finish == "error":
            self.error = new.error or "the engine failed"
        elif new.finish == "length":
            self.error = "the answer has no end: give it more tokens (sampling.max_tokens)"
        return new.finish is not None

    def result(self, narrator: Narrator) -> BatchResult:
        """The result of the job, as it is now."""
        reply = self.stream.told if self.request.output is None else self.raw
        error = self.error or ("" if reply else "the narrator found no words")
        return BatchResult(
            id=self.request.turn,
            reply=reply,
            error=error,
            tokens=self.tokens,
            seconds=round(time.monotonic() - self.began, 3),
            narrator=narrator.name,
            revision=narrator.revision or narrator.fingerprint,
        )


@dataclass
class IdleBatch:
    """The batch jobs of one worker. `run` talks to Redis on a thread of its own.

    `may_run` says whether the worker is free, and raises redis.RedisError.
    """

    queue: QueueClient
    narrator: Narrator
    engine: Callable[[], EngineProcess | None]
    next_number: Callable[[], int]  # for a request of the engine
    may_run: Callable[[], bool]
    jobs: dict[int, Job] = field(default_factory=dict)
    done: list[tuple[str, BatchResult]] = field(default_factory=list)
    broken_off: list[GenerationRequest] = field(default_factory=list)
    deaths: dict[tuple[str, str], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    changed: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def start(self) -> None:
        """Begin to take jobs, on a thread of its own."""
        threading.Thread(target=self.run, name="batch", daemon=True).start()

    def stop(self) -> None:
        """Take no further jobs. Does not wait."""
        self.ended = True
        self.changed.set()

    def run(self) -> None:
        """Take, renew and return jobs until `stop`. Errors are logged, and it is tried again."""
        while not self.ended:
            self.changed.wait(LOOK_EVERY)
            self.changed.clear()
            try:
                self.send_results()
                self.take_jobs()
                self.renew_jobs()
            except redis.RedisError as problem:
                logger.warning("narrator %s: batch work waits: %s", self.narrator.name, problem)
                time.sleep(LOOK_EVERY)
            except Exception as problem:
                logger.error(
                    "narrator %s: batch work failed: %s", self.narrator.name, where(problem)
                )
                time.sleep(LOOK_EVERY)

    def take_jobs(self) -> None:
        """Fill the slots, while the worker is free. Raises redis.RedisError."""
        engine = self.engine()
        free = self.narrator.slots - len(self.jobs)
        if free <= 0 or engine is None or not engine.alive or not self.may_run():
            return
        for request in self.queue.take_batch(self.narrator.name, free):
            job = Job(request, reply_stream(request, self.narrator, again=False), time.monotonic())
            with self.lock:
                number = self.next_number()
                self.jobs[number] = job
                engine.submit(number, request)
        if not self.may_run():  # a turn came meanwhile, and saw no job to break off
            self.preempt(engine)

    def renew_jobs(self) -> None:
        """Note in Redis that its jobs still run. Raises redis.RedisError."""
        with self.lock:
            running = [job.request for job in self.jobs.values()]
        if running:
            self.queue.renew_batch_jobs(running)

    def preempt(self, engine: EngineProcess) -> None:
        """Break all jobs off for a turn; they are enqueued again. Never waits."""
        if not self.jobs:
            return
        with self.lock:
            jobs, self.jobs = self.jobs, {}
            self.broken_off += [job.request for job in jobs.values()]
            for number in jobs:
                engine.cancel(number)
        self.changed.set()

    def drop(self) -> None:
        """The engine died: enqueue the jobs again, but fail one that was there DEATHS times."""
        with self.lock:
            jobs, self.jobs = self.jobs, {}
            for job in jobs.values():
                name = (job.request.adventure, job.request.turn)
                self.deaths[name] = self.deaths.get(name, 0) + 1
                if self.deaths[name] < DEATHS:
                    self.broken_off.append(job.request)
                    continue
                del self.deaths[name]
                job.error = f"the engine died {DEATHS} times while telling"
                self.done.append((job.request.adventure, job.result(self.narrator)))
        self.changed.set()

    def take(self, news: list[NewText]) -> None:
        """Take the texts of one step."""
        if not self.jobs:
            return
        ended = False
        with self.lock:
            for new in news:
                job = self.jobs.get(new.request)
                if job is None:
                    continue
                try:
                    over = job.take(new)
                except Exception as problem:
                    over, job.error = True, where(problem)
                if not over:
                    continue
                engine = self.engine()
                if new.finish is None and engine is not None:
                    engine.cancel(new.request)
                del self.jobs[new.request]
                self.done.append((job.request.adventure, job.result(self.narrator)))
                ended = True
        if ended:
            self.changed.set()

    def send_results(self) -> None:
        """Store results, and enqueue again what was broken off. Raises redis.RedisError."""
        with self.lock:
            done, self.done = self.done, []
            broken_off, self.broken_off = self.broken_off, []
        try:
            while done:
                self.queue.store_batch_result(*done[0])
                metrics.BACKGROUND.labels(self.narrator.name, "batch").inc()
                done.pop(0)
            while broken_off:
                self.queue.enqueue_batch(broken_off[0], first=True)
                broken_off.pop(0)
        except redis.RedisError:
            with self.lock:
                self.done = done + self.done
                self.broken_off = broken_off + self.broken_off
            raise
