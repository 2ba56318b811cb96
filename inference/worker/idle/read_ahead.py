"""Reads the beginning of next prompts into the engine's cache while players read and type.

Idle work that goes before other idle work: it begins only while no turn runs or waits, and stops at
the engine's next step when a turn comes. What was read by then stays in the cache, and the rest
waits until the worker is idle again, for a while. Nothing depends on it: a read-ahead that is lost
costs the next turn the time that it would have saved.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from inference import metrics
from inference.contract.request import GenerationRequest, Passage
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.log_context import where
from inference.narrators import Narrator
from inference.queue.client import QueueClient

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds between looks into Redis, and at a worker that was busy
QUIET_SECONDS = 0.25  # without a change of an adventure, before it is read
EXPIRES_SECONDS = 180.0  # after which a player is not expected to act any more
MOST_WAITING = 64  # adventures; the oldest go first
MOST_CHARACTERS = 8_000_000  # of the stories that wait
LAST_READ = 16  # adventures whose last read-ahead is kept


def next_request(request: GenerationRequest, reply: str) -> GenerationRequest:
    """The turn after `request`, which got `reply`, with an action that is not known yet.

    What the game finds out when the turn has ended is left out: it asks for that itself.
    """
    context = request.context
    last = context.action.model_copy(update={"reply": reply})
    following = context.model_copy(
        update={
            "story": (*context.story, last),
            "turns": context.turns and context.turns + 1,
            "action": Passage(kind="continue"),
            "earlier": (),
            "world": None,
        }
    )
    return request.model_copy(update={"context": following, "told": ""})


@dataclass
class Job:
    """One adventure's next prompt. Times are time.monotonic()."""

    request: GenerationRequest
    noted: float
    due: float
    characters: int


@dataclass
class ReadAhead:
    """The read-aheads of one worker, one for each adventure, the newest.

    `may_read` says whether the worker is free, and raises redis.RedisError. `stop_idle_work`
    breaks off other idle work. `run` has a thread of its own; `note`, `preempt`, `take` and `drop`
    never wait.
    """

    queue: QueueClient
    narrator: Narrator
    worker: str
    engine: Callable[[], EngineProcess | None]
    next_number: Callable[[], int]  # for a request of the engine
    may_read: Callable[[], bool]
    stop_idle_work: Callable[[EngineProcess], None]
    enabled: bool = False
    waiting: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    reading: tuple[int, Job] | None = None  # under the engine's number
    last_read: OrderedDict[str, GenerationRequest] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    changed: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def start(self) -> None:
        """Begin to read ahead, on a thread of its own."""
        threading.Thread(target=self.run, name="read-ahead", daemon=True).start()

    def stop(self) -> None:
        """Read nothing more ahead. Does not wait."""
        self.ended = True
        self.changed.set()

    @property
    def busy(self) -> bool:
        """Whether anything is read or waits to be: other idle work comes after it."""
        return bool(self.reading or self.waiting)

    def note(self, request: GenerationRequest) -> None:
        """Have an adventure's next prompt read soon, in place of an earlier one of it."""
        if not self.enabled:
            return
        context = request.context
        characters = len(context.memory) + sum(
            len(each.action) + len(each.reply) for each in context.story
        )
        now, engine = time.monotonic(), self.engine()
        with self.lock:
            if self.waiting.pop(request.adventure, None) is not None:
                self.count("dropped")
            if self.reading and self.reading[1].request.adventure == request.adventure and engine:
                engine.cancel(self.reading[0])  # what it reads is another branch, or an older text
                self.reading = None
                self.count("dropped")
            self.waiting[request.adventure] = Job(request, now, now + QUIET_SECONDS, characters)
            self.drop_oldest()
        self.changed.set()

    def drop_oldest(self) -> None:
        """Drop what is over the limits. The caller holds the lock."""
        while (
            len(self.waiting) > MOST_WAITING
            or sum(job.characters for job in self.waiting.values()) > MOST_CHARACTERS
        ):
            self.waiting.popitem(last=False)
            self.count("dropped")

    def count(self, what: str) -> None:
        """Count a read-ahead as `what`: "started", "finished" or "dropped"."""
        metrics.READ_AHEADS.labels(self.narrator.name, what).inc()

    # On its own thread

    def run(self) -> None:
        """Take requests and read until `stop`. Errors are logged, and it is tried again."""
        while not self.ended:
            self.changed.wait(self.seconds_to_wait())
            self.changed.clear()
            try:
                self.take_requests()
                self.start_reading()
            except redis.RedisError as problem:
                logger.warning(
                    "narrator %s: nothing is read ahead: %s", self.narrator.name, problem
                )
                time.sleep(LOOK_EVERY)
            except Exception as problem:
                logger.error("narrator %s: reading ahead: %s", self.narrator.name, where(problem))
                time.sleep(LOOK_EVERY)

    def seconds_to_wait(self) -> float:
        """Seconds until the next look: LOOK_EVERY, or less where an adventure is due before."""
        with self.lock:
            due = [job.due for job in self.waiting.values()]
        soonest = min(due, default=float("inf")) - time.monotonic()
        return min(max(soonest, QUIET_SECONDS / 5), LOOK_EVERY)

    def take_requests(self) -> None:
        """Take the requests of the game: an adventure was opened, or its head moved."""
        if not self.enabled:
            return
        for request in self.queue.take_read_aheads(self.narrator.name, self.worker):
            self.note(request)

    def start_reading(self) -> None:
        """Have the engine read the newest adventure that is due, if the worker is idle."""
        engine = self.engine()
        if self.reading is not None or engine is None or not engine.alive:
            return
        now = time.monotonic()
        with self.lock:
            for adventure, job in list(self.waiting.items()):
                if now - job.noted > EXPIRES_SECONDS:
                    del self.waiting[adventure]
                    self.count("dropped")
            due = [adventure for adventure, job in self.waiting.items() if job.due <= now]
        if not due or not self.may_read():
            return
        self.stop_idle_work(engine)
        number = self.next_number()
        with self.lock:
            found = self.waiting.pop(due[-1], None)
            if found is None:
                return
            self.reading = (number, found)
            engine.prefill(number, found.request)  # never waits; before preempt can cancel it
        self.count("started")
        self.keep_last(found.request)
        self.queue.note_cached(found.request.adventure, self.worker)
        if not self.may_read():  # a turn came meanwhile, and saw nothing to break off
            self.preempt(engine)

    def keep_last(self, request: GenerationRequest) -> None:
        """Keep a request that is read, in place of the adventure's one before."""
        with self.lock:
            self.last_read[request.adventure] = request
            self.last_read.move_to_end(request.adventure)
            while len(self.last_read) > LAST_READ:
                self.last_read.popitem(last=False)

    # On other threads

    def in_cache(self, adventure: str) -> GenerationRequest | None:
        """The request of an adventure that was read last; None where it is not known any more."""
        return self.last_read.get(adventure)

    def preempt(self, engine: EngineProcess, adventure: str = "") -> None:
        """Break off for a turn of `adventure`; the rest waits for later.

        That adventure's own read-ahead is dropped: its prompt is read for the turn.
        """
        with self.lock:
            if self.waiting.pop(adventure, None) is not None:
                self.count("dropped")
            reading, self.reading = self.reading, None
            if reading is None:
                return
            number, job = reading
            engine.cancel(number)
            mine = job.request.adventure
            if mine != adventure and mine not in self.waiting:
                self.waiting[mine] = job
                self.waiting.move_to_end(mine, last=False)  # those noted meanwhile are newer
        self.count("dropped")

    def drop(self) -> None:
        """The engine died, and its cache with it: drop all, since one of them may be why."""
        with self.lock:
            self.reading = None
            self.waiting.clear()
            self.last_read.clear()

    def take(self, news: list[NewText]) -> None:
        """Take the texts of one step: those of read-aheads say only that one has ended."""
        if self.reading is None:
            return
        for new in news:
            with self.lock:
                if self.reading is None or self.reading[0] != new.request or new.finish is None:
                    continue
                self.reading = None
            if new.finish == "error":
                logger.warning("narrator %s: not read ahead: %s", self.narrator.name, new.error)
            self.count("finished" if new.finish == "stop" else "dropped")
            self.changed.set()
