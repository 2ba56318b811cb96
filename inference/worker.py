"""A worker of one narrator: takes turns that wait, has the engine tell them, appends to the log.

Threads: Celery's own each carry one turn and sleep; the engine process' reader hands over each
step's words and appends them all in one pipeline; one more keeps the leases and says that the
worker lives.
"""

import contextlib
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from inference.config import InferenceConfig
from inference.engines.base import NewText
from inference.engines.process import EngineFailed, EngineProcess
from inference.log import Lease, StoryLog
from inference.narrators import Narrator
from inference.prompts import reply_stream
from inference.request import Outcome, Result, Token
from inference.text import ReplyStream

logger = logging.getLogger(__name__)

LOAD_SECONDS = 600
KEEP_EVERY = 1.0  # seconds between renewals of leases; also how soon a stop is seen without words
RESAMPLES = 2  # when a reply is empty after cleaning
FINISH_SECONDS = 30  # how long the end of a reply waits for Redis to come back
DEATHS = 3  # engine deaths within DEATHS_SECONDS that end the worker
DEATHS_SECONDS = 120
OVERLOOKED = 3  # looks, KEEP_EVERY apart, after which a worker helps itself
USUAL_TURN_SECONDS = 5.0  # until the first turn is measured

Record = Callable[[Result], None]


@dataclass
class Telling:
    """One turn while it is told."""

    lease: Lease
    stream: ReplyStream
    index: int  # where the next piece goes, in code points
    began: float
    unsent: list[Token] = field(default_factory=list)
    tokens: int = 0
    first: float | None = None
    error: str = ""
    lost: bool = False  # the lease is another's, or the engine died: say nothing more
    done: threading.Event = field(default_factory=threading.Event)

    def take(self, new: NewText) -> None:
        """Take what one step brought."""
        self.tokens += new.tokens
        if new.tokens and self.first is None:
            self.first = time.monotonic()
        self.say(self.stream.feed(new.text))
        if self.stream.done or new.finish is None:
            return
        if new.finish == "error":
            self.error = new.error or "the engine failed"
        self.say(self.stream.finish("stop" if new.finish == "stop" else "length"))

    def say(self, text: str) -> None:
        if text:
            request = self.lease.request
            self.unsent.append(
                Token(turn=request.turn, attempt=request.attempt, index=self.index, text=text)
            )
            self.index += len(text)

    def result(self) -> Result:
        request, now = self.lease.request, time.monotonic()
        reply = self.stream.told
        outcome: Outcome = "told"
        reason = ""
        if self.error:
            outcome, reason = "failed", f"The narrator could not go on: {self.error}"
        elif not reply:
            outcome = "failed"
            reason = "The narrator found no words for this. Try again, or say it differently."
        return Result(
            adventure=request.adventure,
            turn=request.turn,
            attempt=request.attempt,
            outcome=outcome,
            reply=reply,
            reason=reason,
            tokens=self.tokens,
            seconds=now - self.began,
            first_token_seconds=None if self.first is None else self.first - self.began,
        )


class Storyteller:
    """Tells the turns of one narrator. `record` sends a Result to the game."""

    def __init__(self, narrator: Narrator, config: InferenceConfig, record: Record) -> None:
        self.narrator = narrator
        self.config = config
        self.record = record
        self.log = StoryLog(config.redis_url)
        self.name = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self.draining = False
        self.engine: EngineProcess | None = None
        self.ready = threading.Event()
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.tellings: dict[int, Telling] = {}
        self.last_request = 0
        self.turn_seconds = USUAL_TURN_SECONDS
        self.overlooked = 0  # looks in a row that found turns waiting and slots free
        self.deaths: list[float] = []

    # Its life

    def start(self) -> None:
        """Load the model and begin to keep leases. Raises EngineFailed with one line."""
        self.start_engine()
        threading.Thread(target=self.keep, name="leases", daemon=True).start()

    def start_engine(self) -> None:
        engine = EngineProcess(self.narrator, self.config, self.on_step, None, self.on_death)
        engine.start()
        info = engine.wait_ready(LOAD_SECONDS)
        self.engine = engine
        self.ready.set()
        logger.info(
            "narrator %s is ready: %s tokens of context, loaded in %.1f s",
            self.narrator.name,
            info.context_tokens,
            info.load_seconds,
        )

    def drain(self) -> None:
        """Take no further turn; those under way go on."""
        self.draining = True

    def stop(self) -> None:
        """End the engine; what is still under way is left to other workers."""
        self.draining = True
        self.ended.set()
        self.abandon()
        if self.engine is not None:
            self.engine.stop(timeout=5)
        try:
            self.log.leave(self.narrator.name, self.name)
        except redis.RedisError:
            logger.warning("left without a word: Redis is away")

    def on_death(self, cause: str) -> None:
        """The engine's process died: give up its turns at once and start another."""
        self.ready.clear()
        logger.error("narrator %s: %s", self.narrator.name, cause)
        self.abandon()
        now = time.monotonic()
        self.deaths = [each for each in self.deaths if now - each < DEATHS_SECONDS] + [now]
        threading.Thread(target=self.revive, name="revive", daemon=True).start()

    def revive(self) -> None:
        try:
            if len(self.deaths) >= DEATHS:
                raise EngineFailed(f"the engine died {DEATHS} times in {DEATHS_SECONDS} s")
            self.start_engine()
        except EngineFailed as failure:
            # Threads that wait cannot be killed; the host's supervisor starts a new worker.
            logger.critical("narrator %s: %s; the worker ends", self.narrator.name, failure)
            os._exit(1)

    def abandon(self) -> None:
        """Let go of every turn under way, so that the sweep gives it to another attempt."""
        with self.lock:
            tellings = list(self.tellings.values())
            self.tellings.clear()
        for telling in tellings:
            telling.lost = True
            with contextlib.suppress(redis.RedisError):  # or the lease runs out by itself
                self.log.release(telling.lease)
            telling.done.set()

    # Telling

    def tell_next(self) -> bool:
        """Tell the turn that has waited longest. False when none waits, or the worker drains."""
        self.ready.wait()
        if self.draining:
            return False
        lease = self.log.take_next(self.narrator.name, self.name)
        if lease is None:
            return False
        if lease.ended is not None:
            self.log.release(lease)
            self.record(lease.ended)
            return True
        for _ in range(RESAMPLES + 1):
            telling = self.tell(lease)
            if telling.lost:
                return True
            if telling.stream.told or telling.error:
                break
        self.end(telling)
        return True

    def tell(self, lease: Lease) -> Telling:
        """Have the engine tell a leased turn, and sleep until it is done."""
        request = lease.request
        stream = reply_stream(request, self.narrator)
        telling = Telling(lease, stream, len(request.told), time.monotonic())
        with self.lock:
            self.last_request += 1
            number = self.last_request
            self.tellings[number] = telling
        engine = self.engine
        if engine is None or not engine.alive:
            self.abandon()
            return telling
        engine.submit(number, request)
        telling.done.wait()
        with self.lock:
            self.tellings.pop(number, None)
        return telling

    def end(self, telling: Telling) -> None:
        """Log the end, let the lease go, and send the Result to the game."""
        result = telling.result()
        self.turn_seconds += 0.2 * (result.seconds - self.turn_seconds)
        give_up = time.monotonic() + FINISH_SECONDS
        while True:
            try:
                if self.log.finish(telling.lease, result, telling.unsent):
                    self.record(result)
                return
            except redis.RedisError as problem:
                if time.monotonic() > give_up:
                    logger.error("turn %s: its end was not logged: %s", result.turn, problem)
                    return
                time.sleep(0.5)

    def on_step(self, news: list[NewText]) -> None:
        """One step's words, on the engine's reader thread: clean them, append them all at once."""
        with self.lock:
            heard = [(self.tellings[n.request], n) for n in news if n.request in self.tellings]
        for telling, new in heard:
            telling.take(new)
        complete = []
        growing: dict[int, Telling] = {}
        for telling, new in heard:
            if telling.stream.done or new.finish is not None:
                complete.append(telling)
                if new.finish is None:
                    self.cancel(new.request)
            elif telling.unsent:
                growing[new.request] = telling
        self.append(growing)
        for telling in complete:
            telling.done.set()  # its thread logs what is left together with the end

    def append(self, growing: dict[int, Telling]) -> None:
        if not growing:
            return
        try:
            kept = self.log.append((each.lease, each.unsent) for each in growing.values())
        except redis.RedisError as problem:
            # The words stay unsent and go with the next step's; readers drop what came twice.
            logger.warning("%s turns wait for Redis: %s", len(growing), problem)
            return
        for (number, telling), still_ours in zip(growing.items(), kept, strict=True):
            telling.unsent.clear()
            if not still_ours:
                self.lose(number, telling)

    def lose(self, number: int, telling: Telling) -> None:
        """A lease that was taken away: the player stopped the turn, or another worker has it."""
        telling.lost = True
        self.cancel(number)
        with self.lock:
            self.tellings.pop(number, None)
        telling.done.set()

    def cancel(self, number: int) -> None:
        if self.engine is not None:
            self.engine.cancel(number)

    # Keeping leases

    def keep(self) -> None:
        """Renew leases while the engine lives and its step takes no longer than it may."""
        while not self.ended.wait(KEEP_EVERY):
            try:
                self.say_alive()
                self.renew_leases()
                self.help_out()
            except redis.RedisError as problem:
                logger.warning("leases not renewed: %s", problem)

    def help_out(self) -> None:
        """Take turns without being woken, where Celery's messages do not come.

        A Celery worker may stop consuming after Redis was reset (celery #10205, #10302), and a
        message may vanish (#4354). Leases make it harmless when both take turns.
        """
        free = self.ready.is_set() and not self.draining
        free = free and len(self.tellings) < self.narrator.slots
        if free and self.log.waiting(self.narrator.name):
            self.overlooked += 1
        else:
            self.overlooked = 0
        if self.overlooked >= OVERLOOKED:
            logger.info("narrator %s: turns wait and nobody was woken", self.narrator.name)
            threading.Thread(target=self.tell_all, name="unasked", daemon=True).start()

    def tell_all(self) -> None:
        """Tell the turns that wait, one after the other, until none does."""
        try:
            while self.tell_next():
                pass
        except redis.RedisError as problem:
            logger.warning("narrator %s: its line cannot be read: %s", self.narrator.name, problem)

    def say_alive(self) -> None:
        if self.ready.is_set() and not self.draining:
            self.log.beat(
                self.narrator.name,
                self.name,
                self.narrator.slots,
                len(self.tellings),
                self.turn_seconds,
            )

    def renew_leases(self) -> None:
        engine = self.engine
        if engine is None or not engine.alive:
            return
        if engine.seconds_in_step() > self.narrator.step_seconds:
            logger.error(
                "narrator %s: a step took over %s s", self.narrator.name, self.narrator.step_seconds
            )
            engine.kill()
            return
        with self.lock:
            tellings = dict(self.tellings)
        if not tellings:
            return
        kept = self.log.renew([telling.lease for telling in tellings.values()])
        for (number, telling), still_ours in zip(tellings.items(), kept, strict=True):
            if not still_ours and not telling.done.is_set():
                self.lose(number, telling)
