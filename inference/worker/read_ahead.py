"""Reads the beginning of next prompts into the engine's cache while players read and type.

Idle work of the lowest priority: it begins only while the worker tells nothing and no turn waits,
and stops at the engine's next step when a turn comes. What was read by then stays in the cache, and
the rest waits for the next quiet moment, for a while. Nothing depends on it: a read-ahead that is
lost costs the next turn the time that it would have saved.
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
QUIET_SECONDS = 0.25  # an adventure is read once nothing has changed in it for so long
EXPIRES_SECONDS = 180.0  # until nobody is expected to act any more
MOST_WAITING = 64  # adventures; the oldest go first
MOST_CHARACTERS = 8_000_000  # of the stories that wait


def next_request(request: GenerationRequest, reply: str) -> GenerationRequest:
    """The turn after `request`, with its reply told and an action that nobody knows yet."""
    context = request.context
    told = context.action.model_copy(update={"reply": reply})
    following = context.model_copy(
        update={"story": (*context.story, told), "action": Passage(kind="continue")}
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

    `may_read` says whether the worker has nothing else to do, and raises redis.RedisError.
    `make_way` breaks off other idle work. `live` runs on a thread of its own; `note`, `preempt`,
    `take` and `drop` never wait.
    """

    log: QueueClient
    narrator: Narrator
    worker: str
    engine: Callable[[], EngineProcess | None]
    number: Callable[[], int]  # the next one for the engine
    may_read: Callable[[], bool]
    make_way: Callable[[EngineProcess], None]
    on: bool = False
    waiting: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    reading: tuple[int, Job] | None = None  # under the engine's number
    lock: threading.Lock = field(default_factory=threading.Lock)
    nudge: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def start(self) -> None:
        threading.Thread(target=self.live, name="read-ahead", daemon=True).start()

    def stop(self) -> None:
        self.ended = True
        self.nudge.set()

    @property
    def busy(self) -> bool:
        """Whether anything is read or waits for it: other idle work comes after it."""
        return bool(self.reading or self.waiting)

    def note(self, request: GenerationRequest) -> None:
        """Have an adventure's next prompt read soon, in place of what was noted of it before."""
        if not self.on:
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
            self.forget_oldest()
        self.nudge.set()

    def forget_oldest(self) -> None:
        """Keep to the limits. Called with the lock."""
        while (
            len(self.waiting) > MOST_WAITING
            or sum(job.characters for job in self.waiting.values()) > MOST_CHARACTERS
        ):
            self.waiting.popitem(last=False)
            self.count("dropped")

    def count(self, what: str) -> None:
        metrics.READ_AHEADS.labels(self.narrator.name, what).inc()

    # On its own thread

    def live(self) -> None:
        while not self.ended:
            self.nudge.wait(self.seconds_to_wait())
            self.nudge.clear()
            try:
                self.hear()
                self.look()
            except redis.RedisError as problem:
                logger.warning(
                    "narrator %s: nothing is read ahead: %s", self.narrator.name, problem
                )
                time.sleep(LOOK_EVERY)
            except Exception as problem:
                logger.error("narrator %s: reading ahead: %s", self.narrator.name, where(problem))
                time.sleep(LOOK_EVERY)

    def seconds_to_wait(self) -> float:
        with self.lock:
            due = [job.due for job in self.waiting.values()]
        soonest = min(due, default=float("inf")) - time.monotonic()
        return min(max(soonest, QUIET_SECONDS / 5), LOOK_EVERY)

    def hear(self) -> None:
        """Take what the game asks for: an adventure was opened, or its head moved."""
        if not self.on:
            return
        for request in self.log.take_read_aheads(self.narrator.name, self.worker):
            self.note(request)

    def look(self) -> None:
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
        self.make_way(engine)
        number = self.number()
        with self.lock:
            found = self.waiting.pop(due[-1], None)
            if found is None:
                return
            self.reading = (number, found)
            engine.prefill(number, found.request)  # never waits; before preempt can cancel it
        self.count("started")
        self.log.note_cached(found.request.adventure, self.worker)
        if not self.may_read():  # a turn came meanwhile, and saw nothing to break off
            self.preempt(engine)

    # On other threads

    def preempt(self, engine: EngineProcess, adventure: str = "") -> None:
        """A turn is here: break off, and have the rest wait for later, unless it is of `adventure`.

        That adventure's own read-ahead is of no use any more: its turn is told now.
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
        """The engine died, and its cache with it. Were it reading ahead that killed it, the next
        one would die as well.
        """
        with self.lock:
            self.reading = None
            self.waiting.clear()

    def take(self, news: list[NewText]) -> None:
        """What one step brought."""
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
            self.nudge.set()
