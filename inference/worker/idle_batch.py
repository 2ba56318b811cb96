"""Prompts by the thousand, told when no player wants anything.

Jobs lie in Redis under the name of their batch; whoever asked for them collects what came of them
(`manage.py narrate-batch`). A worker takes some only while it tells no turn and none waits; when a
turn comes, all of them are broken off at the engine's next step and wait again, before all others.
A job that is lost with its worker is noticed by whoever asked for it, and sent again.
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

LOOK_EVERY = 1.0  # seconds between looks for jobs, and between signs that they are told
DEATHS = 3  # of engines, after which a job that was there each time is given up


@dataclass
class Job:
    """One prompt while it is told."""

    request: GenerationRequest
    stream: ReplyStream
    began: float
    tokens: int = 0
    error: str = ""
    raw: str = ""  # what a program reads is no story: nothing is cleaned

    def take(self, new: NewText) -> bool:
        """Take what one step brought. Whether that was all."""
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
        """Take what one step brought of an answer that a program reads. Whether that was all."""
        self.raw += new.text
        if new.finish == "error":
            self.error = new.error or "the engine failed"
        elif new.finish == "length":
            self.error = "the answer has no end: give it more tokens (sampling.max_tokens)"
        return new.finish is not None

    def result(self, narrator: Narrator) -> BatchResult:
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
    """The jobs that one worker tells in between. Redis is spoken to on a thread of its own."""

    log: QueueClient
    narrator: Narrator
    engine: Callable[[], EngineProcess | None]
    number: Callable[[], int]  # the next one for the engine
    may_tell: Callable[[], bool]
    jobs: dict[int, Job] = field(default_factory=dict)
    done: list[tuple[str, BatchResult]] = field(default_factory=list)
    broken_off: list[GenerationRequest] = field(default_factory=list)
    deaths: dict[tuple[str, str], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    nudge: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def start(self) -> None:
        threading.Thread(target=self.live, name="batch", daemon=True).start()

    def stop(self) -> None:
        self.ended = True
        self.nudge.set()

    def live(self) -> None:
        while not self.ended:
            self.nudge.wait(LOOK_EVERY)
            self.nudge.clear()
            try:
                self.give_back()
                self.take_jobs()
                self.say_alive()
            except redis.RedisError as problem:
                logger.warning("narrator %s: batch work waits: %s", self.narrator.name, problem)
                time.sleep(LOOK_EVERY)
            except Exception as problem:
                logger.error(
                    "narrator %s: batch work failed: %s", self.narrator.name, where(problem)
                )
                time.sleep(LOOK_EVERY)

    def take_jobs(self) -> None:
        """Fill the slots, while there is no turn to tell. Raises redis.RedisError."""
        engine = self.engine()
        free = self.narrator.slots - len(self.jobs)
        if free <= 0 or engine is None or not engine.alive or not self.may_tell():
            return
        for request in self.log.take_batch(self.narrator.name, free):
            job = Job(request, reply_stream(request, self.narrator, again=False), time.monotonic())
            with self.lock:
                number = self.number()
                self.jobs[number] = job
                engine.submit(number, request)
        if not self.may_tell():  # a turn came meanwhile, and saw no job to break off
            self.preempt(engine)

    def say_alive(self) -> None:
        with self.lock:
            told = [job.request for job in self.jobs.values()]
        if told:
            self.log.renew_batch_jobs(told)

    def preempt(self, engine: EngineProcess) -> None:
        """A turn is here: break all off, and have them wait again. Never waits."""
        if not self.jobs:
            return
        with self.lock:
            jobs, self.jobs = self.jobs, {}
            self.broken_off += [job.request for job in jobs.values()]
            for number in jobs:
                engine.cancel(number)
        self.nudge.set()

    def drop(self) -> None:
        """The engine died. One of the jobs may be why: each gets only so many tries."""
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
        self.nudge.set()

    def take(self, news: list[NewText]) -> None:
        """What one step brought."""
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
            self.nudge.set()

    def give_back(self) -> None:
        """Send what is done, and let wait again what was broken off. Raises redis.RedisError."""
        with self.lock:
            done, self.done = self.done, []
            broken_off, self.broken_off = self.broken_off, []
        try:
            while done:
                self.log.store_batch_result(*done[0])
                metrics.BACKGROUND.labels(self.narrator.name, "batch").inc()
                done.pop(0)
            while broken_off:
                self.log.enqueue_batch(broken_off[0], first=True)
                broken_off.pop(0)
        except redis.RedisError:
            with self.lock:
                self.done = done + self.done
                self.broken_off = broken_off + self.broken_off
            raise
