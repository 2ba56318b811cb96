"""Summaries that a worker generates while it is idle. They never delay a turn.

Jobs wait in Redis, one for each adventure, the newest. A worker takes one only when none of its
slots is taken and no turn waits; when a turn comes, the job is broken off at the engine's next step
and enqueued again. A job that is lost with a worker is lost: the game enqueues another one when the
story is cut next.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from inference.contract.request import SummaryRequest, SummaryResult
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.log_context import where
from inference.narrators import Narrator
from inference.queue.client import QueueClient
from inference.worker import summaries

logger = logging.getLogger(__name__)

RecordSummary = Callable[[SummaryResult], None]


@dataclass
class Job:
    """A summary while it is generated."""

    request: SummaryRequest
    number: int
    text: str


@dataclass
class IdleSummaries:
    """The one summary job of a worker, if it has any. `record` sends its result to the game.

    `take_job` and `send_results` talk to Redis and the broker, on the thread that renews leases.
    The other methods never wait.
    """

    queue: QueueClient
    narrator: Narrator
    record: RecordSummary
    job: Job | None = None
    broken_off: list[SummaryRequest] = field(default_factory=list)
    done: list[SummaryResult] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_job(self, engine: EngineProcess | None, number: int) -> None:
        """Take a job, if one waits, as the engine's request `number`. Raises redis.RedisError."""
        if self.job is not None or engine is None or not engine.alive:
            return
        if self.queue.waiting(self.narrator.name):
            return
        request = self.queue.take_background(self.narrator.name)
        if request is None:
            return
        with self.lock:
            self.job = Job(request, number, summaries.answer_prefix(self.narrator))
            engine.submit(number, request)  # never waits; before preempt can cancel it

    def preempt(self, engine: EngineProcess) -> None:
        """Break off for a turn; the job is enqueued again."""
        with self.lock:
            job, self.job = self.job, None
            if job is not None:
                self.broken_off.append(job.request)
                engine.cancel(job.number)

    def drop(self) -> None:
        """The engine died: drop the job, which may be why."""
        with self.lock:
            self.job = None

    def take(self, news: list[NewText]) -> None:
        """Take the texts of one step."""
        with self.lock:
            job = self.job
            for new in news:
                if job is None or new.request != job.number:
                    continue
                job.text += new.text
                if new.finish is None:
                    continue
                self.job = None
                if new.finish == "error":
                    logger.warning("narrator %s: no summary: %s", self.narrator.name, new.error)
                    continue
                try:
                    self.done.append(result_of(job))
                except (
                    Exception
                ) as problem:  # this summary is left out: another one is enqueued later
                    logger.error(
                        "adventure %s: no summary: %s", job.request.adventure, where(problem)
                    )

    def send_results(self) -> None:
        """Send results, and enqueue again what was broken off. Raises redis.RedisError."""
        with self.lock:
            done, self.done = self.done, []
            broken_off, self.broken_off = self.broken_off, []
        for result in done:
            if result.text:
                self.record(result)
        for index, request in enumerate(broken_off):
            try:
                self.queue.enqueue_background(request, requeue=True)
            except redis.RedisError:
                with self.lock:
                    self.broken_off = broken_off[index:] + self.broken_off
                raise


def result_of(job: Job) -> SummaryResult:
    """The result of a complete job: of its text, what the story confirms."""
    request = job.request
    return SummaryResult(
        adventure=request.adventure,
        turn=request.turn,
        text=summaries.cleaned(job.text, request),
        replaces=request.replaces,
    )
