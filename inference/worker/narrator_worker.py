"""A worker of one narrator: takes turns that wait, has the engine tell them, appends to the log.

Threads: one waits for turns and starts another for each, which sleeps while its turn is told; the
engine process' reader hands over each step's words and appends them all in one pipeline; one more
keeps the leases and says that the worker lives.
"""

import contextlib
import logging
import os
import platform
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable

import redis

from inference import metrics, tracing
from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Result
from inference.engines.bans import MOST_RETRIES
from inference.engines.base import NewText
from inference.engines.process import EngineFailed, EngineProcess
from inference.log_context import about, where
from inference.narrators import Narrator
from inference.prompts import Report, reply_stream
from inference.queue.client import QueueClient
from inference.queue.connection import POLL_SECONDS
from inference.queue.lease import Lease
from inference.worker import retry_reply
from inference.worker.idle_batch import IdleBatch
from inference.worker.idle_summaries import IdleSummaries, RecordSummary
from inference.worker.prefix_stats import PrefixStats
from inference.worker.read_ahead import ReadAhead, next_request
from inference.worker.reply import (
    BROKEN,
    WARM_TOKENS,
    ReplyInProgress,
    TurnBroken,
    WarmUp,
    warm_up_request,
)

logger = logging.getLogger(__name__)

LOAD_SECONDS = 600
AT_ONCE = 128  # words of a step that are cleaned, and then go to Redis together
RENEWALS = 3  # of leases that failed in a row, after which a worker ends
KEEP_EVERY = 1.0  # seconds between renewals of leases; also how soon a stop is seen without words
FINISH_SECONDS = 30  # how long the end of a reply waits for Redis to come back
DEATHS = 3  # engine deaths within DEATHS_SECONDS that end the worker
DEATHS_SECONDS = 120
RETRY_SECONDS = 1.0  # until the line is looked at again after an error
USUAL_TURN_SECONDS = 5.0  # until the first turn is measured
TURNS_MEASURED = 40  # by which waits are estimated
WATCH_EVERY = 0.5  # seconds between looks at an engine that is tried
WARM_UP_SECONDS = 600.0  # that the beginning of a turn may take: a server may send for ever

Record = Callable[[Result], None]
GiveUp = Callable[[str], None]


def end_the_worker(why: str) -> None:
    """Threads that wait cannot be killed; the host's supervisor starts a new worker."""
    logger.critical("%s; the worker ends", why)
    os._exit(1)


class NarratorWorker:
    """Tells the turns of one narrator. `record` sends a Result to the game.

    `record_summary` sends what the narrator says in between of what happened before. `give_up`
    gets one line when the engine dies again and again.
    """

    def __init__(
        self,
        narrator: Narrator,
        config: InferenceConfig,
        record: Record,
        record_summary: RecordSummary = lambda result: None,
        give_up: GiveUp = end_the_worker,
    ) -> None:
        self.narrator = narrator
        self.config = config
        self.record = record
        self.give_up = give_up
        self.log = QueueClient(config.redis_url)
        self.idle_summaries = IdleSummaries(self.log, narrator, record_summary)
        self.name = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self.draining = False
        self.engine: EngineProcess | None = None
        self.ready = threading.Event()
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.tellings: dict[int, ReplyInProgress] = {}
        self.last_request = 0
        self.recent_seconds = deque([USUAL_TURN_SECONDS], maxlen=TURNS_MEASURED)
        self.deaths: list[float] = []
        self.at_work = 0  # turns that are told, or about to be taken
        self.places = threading.BoundedSemaphore(narrator.slots)
        self.trying: WarmUp | None = None
        self.idle_batch = IdleBatch(
            self.log, narrator, lambda: self.engine, self.next_number, self.at_leisure
        )
        self.ahead = ReadAhead(
            self.log,
            narrator,
            self.name,
            lambda: self.engine,
            self.next_number,
            self.may_read_ahead,
            self.stop_other_idle_work,
        )
        # Of the narrators that share its processor: whether all are idle, and have them stay so.
        self.others_idle: Callable[[], bool] = lambda: True
        self.stop_others_reading: Callable[[], None] = lambda: None
        self.used = time.monotonic()  # when it was last asked for a turn
        self.last_prompts = PrefixStats()

    # Its life

    def start(self, warm: bool = False) -> None:
        """Load the model and begin to keep leases. Raises EngineFailed with one line.

        With `warm` it is ready only once it has told the beginning of a turn.
        """
        self.start_engine(warm)
        threading.Thread(target=self.keep, name="leases", daemon=True).start()
        self.idle_batch.start()
        self.ahead.start()

    def start_engine(self, warm: bool = False) -> None:
        engine = EngineProcess(
            self.narrator, self.config, self.on_step, self.on_prompt, self.on_death
        )
        engine.start()
        info = engine.wait_ready(LOAD_SECONDS)
        if warm:
            self.warm_up(engine)
        self.engine = engine
        self.ahead.on = self.config.read_ahead and info.reads_ahead
        self.ready.set()
        logger.info(
            "narrator %s is ready: %s tokens of context, loaded in %.1f s",
            self.narrator.name,
            info.context_tokens,
            info.load_seconds,
        )

    def warm_up(self, engine: EngineProcess) -> None:
        """Have it tell the beginning of a turn. Raises EngineFailed, and ends the engine then."""
        self.trying = WarmUp(self.next_number())
        engine.submit(self.trying.number, warm_up_request(self.narrator))
        problem, deadline = "", time.monotonic() + WARM_UP_SECONDS
        while not problem and not self.trying.done.wait(WATCH_EVERY):
            if not engine.alive:
                problem = "the engine died"
            elif time.monotonic() > deadline:
                problem = f"it did not tell {WARM_TOKENS} tokens in {WARM_UP_SECONDS:.0f} s"
            elif engine.seconds_in_step() > self.narrator.step_seconds:
                problem = f"a step took over {self.narrator.step_seconds} s"
        problem = problem or self.trying.problem
        engine.cancel(self.trying.number)
        if problem:
            engine.stop(timeout=0)
            raise EngineFailed(f"narrator {self.narrator.name!r} cannot tell: {problem}")

    @property
    def memory(self) -> int:
        """Bytes that its engine holds now; 0 where nobody knows."""
        return 0 if self.engine is None else self.engine.memory

    @property
    def idle(self) -> bool:
        """Whether no turn is under way. One that drains stays idle."""
        with self.lock:
            return not self.at_work

    def drain(self) -> None:
        """Take no further turn; those under way go on."""
        self.draining = True

    def leave(self) -> None:
        """Take it off the list of those who tell, as far as Redis can be reached."""
        try:
            self.log.remove_worker(self.narrator.name, self.name)
        except redis.RedisError:
            logger.warning("left without a word: Redis is away")

    def requeue_turn(self) -> int:
        """Put every turn under way back into the line, before all others. How many.

        Whoever takes one goes on from the words that players saw, as the same attempt: nothing
        failed here.
        """
        self.draining = True
        self.ready.set()  # those who wait for an engine need not any more
        with self.lock:
            tellings = list(self.tellings.items())
            self.tellings.clear()
        for number, telling in tellings:
            telling.lost = True
            self.cancel(number)
            with contextlib.suppress(redis.RedisError):  # or the lease runs out by itself
                self.log.requeue_turn(telling.lease)
            telling.done.set()
        metrics.HANDED_ON.labels(self.narrator.name).inc(len(tellings))
        return len(tellings)

    def stop(self) -> None:
        """End the engine; what is still under way is left to other workers."""
        self.draining = True
        self.ended.set()
        self.idle_batch.stop()
        self.ahead.stop()
        self.abandon()
        if self.engine is not None:
            self.engine.stop(timeout=5)
        self.leave()

    def on_death(self, cause: str) -> None:
        """The engine's process died: give up its turns at once and start another."""
        if self.trying is not None and not self.trying.done.is_set():
            self.trying.problem = cause
            self.trying.done.set()
            return
        self.ready.clear()
        metrics.DEATHS.labels(self.narrator.name).inc()
        logger.error("narrator %s: %s", self.narrator.name, cause)
        for drop in (self.idle_summaries.drop, self.idle_batch.drop, self.ahead.drop, self.abandon):
            self.attempt(drop)
        now = time.monotonic()
        self.deaths = [each for each in self.deaths if now - each < DEATHS_SECONDS] + [now]
        threading.Thread(target=self.revive, name="revive", daemon=True).start()

    def revive(self) -> None:
        try:
            if len(self.deaths) >= DEATHS:
                raise EngineFailed(f"the engine died {DEATHS} times in {DEATHS_SECONDS} s")
            self.start_engine()
        except EngineFailed as failure:
            self.give_up(f"narrator {self.narrator.name}: {failure}")
        except Exception as problem:  # nobody else would start it again
            self.give_up(f"narrator {self.narrator.name}: not started again: {where(problem)}")

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

    # ReplyInProgress

    def take_turns(self) -> None:
        """Begin to tell turns as they come."""
        threading.Thread(target=self.wait_for_turns, name="turns", daemon=True).start()

    def wait_for_turns(self) -> None:
        """Wait for a free slot, then for a turn, and tell it on a thread of its own; until the
        worker drains.
        """
        while not self.draining:
            self.places.acquire()
            lease = None
            try:
                lease = self.next_turn()
                if lease is not None:
                    teller = threading.Thread(target=self.tell_in_place, args=[lease], name="turn")
                    teller.daemon = True
                    teller.start()
            except redis.RedisError as problem:
                logger.warning("narrator %s: no turn is taken: %s", self.narrator.name, problem)
                self.ended.wait(RETRY_SECONDS)
            except Exception as problem:
                logger.error(
                    "narrator %s: no turn is taken: %s", self.narrator.name, where(problem)
                )
                if lease is not None:
                    self.let_go(lease)
                self.ended.wait(RETRY_SECONDS)
            finally:
                if lease is None:
                    self.places.release()

    def next_turn(self) -> Lease | None:
        """The next turn; None when the worker drains, or when none came for a while."""
        if not self.ready.wait(POLL_SECONDS):
            return None
        lease = self.take()
        if lease is None and not self.draining and self.log.wait_for_turn(self.narrator.name):
            lease = self.take()
            if lease is None and self.draining:
                self.log.wake_worker(
                    self.narrator.name
                )  # it was heard here, and is for another worker
        return lease

    def take(self) -> Lease | None:
        """Lease the turn that is next. None when none waits, or the worker drains.

        From here on the worker is not idle, until `run_leased_turn` is done with it.
        """
        with self.lock:
            if self.draining:
                return None
            self.at_work += 1
        lease = None
        try:
            lease = self.log.take_next(self.narrator.name, self.name)
        finally:
            if lease is None:
                self.let_work_go()
        if lease is not None:  # looking in vain does not count: models that nobody asks for leave
            self.used = time.monotonic()
        return lease

    def let_work_go(self) -> None:
        with self.lock:
            self.at_work -= 1

    def let_go(self, lease: Lease) -> None:
        """Leave a turn that was taken to another attempt."""
        with contextlib.suppress(redis.RedisError):  # or the lease runs out by itself
            self.log.release(lease)
        self.let_work_go()

    def tell_in_place(self, lease: Lease) -> None:
        try:
            self.run_leased_turn(lease)
        finally:
            self.places.release()

    def tell_next(self) -> bool:
        """Tell the turn that is next, here and now. False when none waits, or the worker drains."""
        self.ready.wait()
        lease = self.take()
        if lease is None:
            return False
        self.run_leased_turn(lease)
        return True

    def run_leased_turn(self, lease: Lease) -> None:
        """Tell a turn that was taken."""
        try:
            if lease.ended is not None:
                self.log.release(lease)
                self.record(lease.ended)
            else:
                self.tell_and_end(lease)
        except TurnBroken:
            self.fail(lease)
        except Exception as problem:
            turn = lease.request.turn
            logger.error("turn %s: this attempt broke off: %s", turn, where(problem))
            self.fail(lease)
        finally:
            self.let_work_go()

    def fail(self, lease: Lease) -> None:
        """End a turn with which something went wrong. Words that players have seen stay."""
        request = lease.request
        try:
            result = Result(
                adventure=request.adventure,
                turn=request.turn,
                attempt=request.attempt,
                outcome="failed",
                reply=self.log.reply_so_far(request.adventure, request.turn).reply,
                reason=BROKEN,
            )
            if self.log.finish(lease, result, []):
                self.record(result)
        except Exception as problem:  # then it is left to another attempt
            logger.error("turn %s: its end was not logged: %s", request.turn, where(problem))
            with contextlib.suppress(redis.RedisError):  # or the lease runs out by itself
                self.log.release(lease)

    def tell_and_end(self, lease: Lease) -> None:
        metrics.ATTEMPTS.labels(self.narrator.name).inc()
        asked = lease.request
        names = {"adventure": asked.adventure, "turn": asked.turn, "attempt": str(asked.attempt)}
        with (
            about(narrator=self.narrator.name, **names),
            tracing.span("tell", asked.trace, **names) as span,
        ):
            logger.info("turn %s: attempt %s begins", asked.turn, asked.attempt)
            telling = self.tell(lease)
            span.set_attribute("grue.tokens", telling.tokens)
            span.set_attribute("grue.lost", telling.lost)
            if not telling.lost:
                self.end(telling, tracing.carrier())

    def tell(self, lease: Lease) -> ReplyInProgress:
        """Have the engine tell a leased turn, again where it goes wrong, until it is done."""
        request: GenerationRequest | None = lease.request
        stream = reply_stream(lease.request, self.narrator, again=retry_reply.may_retell(1))
        telling = ReplyInProgress(lease, stream, len(lease.request.told), time.monotonic())
        while request is not None:
            self.generate_once(telling, request)
            if telling.lost:
                break
            if telling.broken:
                raise TurnBroken
            if telling.error:
                telling.say(telling.stream.close())
                break
            request = retry_reply.retry_request(request, self.narrator.sampling, telling.stream)
            if request is not None and self.asked_enough(telling):
                telling.say(telling.stream.close())
                break
            if request is not None:
                why = retry_reply.NAMES[telling.stream.fault]
                metrics.RETOLD.labels(self.narrator.name, why).inc()
                again = retry_reply.may_retell(2 + len(telling.resampled))
                telling.tell_again(reply_stream(request, self.narrator, again))
        return telling

    def asked_enough(self, telling: ReplyInProgress) -> bool:
        """Whether banned phrases took as many requests of a server as one turn may cost."""
        return self.narrator.engine == "openai" and len(telling.banned) > MOST_RETRIES

    def generate_once(self, telling: ReplyInProgress, request: GenerationRequest) -> None:
        """Have the engine tell a request, and sleep until it is done."""
        number = self.next_number()
        with self.lock:
            self.tellings[number] = telling
        engine = self.engine
        if engine is None or not engine.alive:
            self.abandon()
            return
        self.stop_other_idle_work(engine)
        self.ahead.preempt(engine, request.adventure)
        self.stop_others_reading()
        engine.submit(number, request)
        telling.done.wait()
        with self.lock:
            self.tellings.pop(number, None)

    def stop_other_idle_work(self, engine: EngineProcess) -> None:
        """Break off summaries and batch work, which wait again. Never waits."""
        self.idle_summaries.preempt(engine)
        self.idle_batch.preempt(engine)

    def next_number(self) -> int:
        with self.lock:
            self.last_request += 1
            return self.last_request

    def end(self, telling: ReplyInProgress, trace: str = "") -> None:
        """Log the end, let the lease go, and send the Result to the game."""
        result = telling.result(self.narrator).model_copy(update={"trace": trace})
        self.measured(result.seconds)
        give_up = time.monotonic() + FINISH_SECONDS
        while True:
            try:
                if self.log.finish(telling.lease, result, telling.unsent):
                    self.record(result)
                    self.read_ahead(telling, result)
                return
            except redis.RedisError as problem:
                if time.monotonic() > give_up:
                    logger.error("turn %s: its end was not logged: %s", result.turn, problem)
                    return
                time.sleep(0.5)

    def read_ahead(self, telling: ReplyInProgress, result: Result) -> None:
        """Have the next turn's prompt read while the player reads this reply."""
        if self.ahead.on and result.outcome == "told":
            self.ahead.note(next_request(telling.lease.request, result.reply))

    def stop_reading_ahead(self) -> None:
        """Another narrator of this processor tells a turn: what is read ahead waits."""
        if self.engine is not None:
            self.ahead.preempt(self.engine)

    def may_read_ahead(self) -> bool:
        """Whether nothing is told on this worker and nothing waits. Raises redis.RedisError."""
        if not self.ready.is_set() or self.draining or not self.idle or not self.others_idle():
            return False
        return not self.log.waiting(self.narrator.name)

    def measured(self, seconds: float) -> None:
        """Note how long a turn held its slot."""
        with self.lock:
            if self.recent_seconds == deque([USUAL_TURN_SECONDS]):
                self.recent_seconds.clear()
            self.recent_seconds.append(seconds)

    def on_prompt(self, number: int, report: Report) -> None:
        """What a turn's narrator is given. Redis keeps it too, for a turn that is stopped."""
        with self.lock:
            telling = self.tellings.get(number)
        if telling is None:
            return
        telling.given = report
        try:
            self.count_prompt(telling.lease.request.adventure, report)
            self.log.store_details(telling.lease, telling.details(self.narrator))
        except Exception as problem:  # it is only shown: the turn is told all the same
            turn = telling.lease.request.turn
            logger.warning("turn %s: what was given is not kept: %s", turn, where(problem))

    def count_prompt(self, adventure: str, report: Report) -> None:
        name = self.narrator.name
        metrics.PROMPT_TOKENS.labels(name).inc(report.tokens)
        metrics.PROMPT_TOKENS_KNOWN.labels(name).inc(self.last_prompts.shared(adventure, report))

    def on_step(self, news: list[NewText]) -> None:
        """One step's words, on the engine's reader thread: clean them, append them together.

        An exception here would end the engine, and with it every turn that it tells.
        """
        for take in (self.idle_summaries.take, self.idle_batch.take, self.ahead.take):
            try:
                take(news)
            except Exception as problem:
                logger.error(
                    "narrator %s: idle work broke off: %s", self.narrator.name, where(problem)
                )
        if self.trying is not None:
            self.trying.take(news)
        told: set[int] = set()
        # Of hundreds of stories the first need not wait until the last is cleaned.
        for start in range(0, len(news), AT_ONCE):
            told |= self.take_part(news[start : start + AT_ONCE])
        if told:
            metrics.STEPS.labels(self.narrator.name).inc()
            metrics.BATCH.labels(self.narrator.name).observe(len(told))

    def take_part(self, news: list[NewText]) -> set[int]:
        """Clean and append some words of a step. The turns whose words they were, by number."""
        with self.lock:
            heard = [(self.tellings[n.request], n) for n in news if n.request in self.tellings]
            # What still comes of a telling that is done must not reach the one that follows.
            heard = [(telling, new) for telling, new in heard if not telling.done.is_set()]
        for telling, new in heard:
            if new.cached is not None:
                metrics.PROMPT_TOKENS_CACHED.labels(self.narrator.name).inc(new.cached)
            try:
                telling.take(new)
            except Exception as problem:
                self.break_off(new.request, telling, problem)
        heard = [(telling, new) for telling, new in heard if not telling.broken]
        # The last of each: where steps came together, a story may have several.
        last = {new.request: (telling, new.finish is not None) for telling, new in heard}
        complete = []
        growing: dict[int, ReplyInProgress] = {}
        for number, (telling, finished) in last.items():
            if telling.stream.done or finished:
                complete.append(telling)
                if not finished:
                    self.cancel(number)
            elif telling.unsent:
                growing[number] = telling
        self.append(growing)
        for telling in complete:
            telling.done.set()  # its thread logs what is left together with the end
        return set(last)

    def append(self, growing: dict[int, ReplyInProgress]) -> None:
        if not growing:
            return
        try:
            kept = self.log.append(each.offer() for each in growing.values())
        except (redis.ConnectionError, redis.TimeoutError) as problem:
            # The words stay unsent and go with the next step's; readers drop what came twice.
            logger.warning("%s turns wait for Redis: %s", len(growing), problem)
            return
        except Exception as problem:
            if len(growing) > 1:  # one of them may be why: the others need not wait for it
                for number, telling in growing.items():
                    self.append({number: telling})
                return
            [(number, telling)] = growing.items()
            if isinstance(problem, redis.RedisError):  # it may pass: Redis is full, for one
                turn = telling.lease.request.turn
                logger.warning("turn %s waits for Redis: %s", turn, type(problem).__name__)
            else:
                self.break_off(number, telling, problem)
            return
        for (number, telling), still_ours in zip(growing.items(), kept, strict=True):
            telling.note_logged()
            if not still_ours:
                self.lose(number, telling)

    def break_off(self, number: int, telling: ReplyInProgress, problem: Exception) -> None:
        """Something went wrong with one turn: its own thread ends it, all others go on."""
        turn = telling.lease.request.turn
        logger.error("turn %s: its words cannot be told: %s", turn, where(problem))
        telling.broken = True
        self.cancel(number)
        telling.done.set()

    def lose(self, number: int, telling: ReplyInProgress) -> None:
        """A lease that was taken away: the player stopped the turn, or another worker has it."""
        telling.lost = True
        metrics.LEASES_LOST.labels(self.narrator.name).inc()
        self.measured(time.monotonic() - telling.began)
        self.cancel(number)
        with self.lock:
            self.tellings.pop(number, None)
        telling.done.set()

    def cancel(self, number: int) -> None:
        if self.engine is not None:
            self.engine.cancel(number)

    # Keeping leases

    def keep(self) -> None:
        """Renew leases while the engine lives and its step takes no longer than it may.

        What fails is logged and tried again; a worker whose leases cannot be kept for a while ends,
        or it would look alive to itself and to nobody else.
        """
        failures = 0
        while not self.ended.wait(KEEP_EVERY):
            self.attempt(self.gauge)
            self.attempt(self.say_alive)
            problem = self.attempt(self.renew_leases)
            failures = failures + 1 if problem else 0
            if failures >= RENEWALS:
                self.give_up(f"narrator {self.narrator.name}: leases cannot be kept: {problem}")
                return
            self.attempt(self.do_what_can_wait)

    def attempt(self, work: Callable[[], None]) -> Exception | None:
        """Do it; what goes wrong is logged, and returned if Redis is not why."""
        try:
            work()
        except redis.RedisError as problem:
            logger.warning("narrator %s: Redis is away: %s", self.narrator.name, problem)
        except Exception as problem:
            logger.error("narrator %s: %s", self.narrator.name, where(problem))
            return problem
        return None

    def gauge(self) -> None:
        """Say how it stands, for whoever reads the figures."""
        name = self.narrator.name
        metrics.SLOTS.labels(name).set(self.narrator.slots if self.ready.is_set() else 0)
        metrics.TELLING.labels(name).set(len(self.tellings))
        metrics.MEMORY.labels(name).set(self.memory)

    def do_what_can_wait(self) -> None:
        """Take a summary to tell, while there is no turn to tell."""
        self.idle_summaries.give_back()
        if self.ready.is_set() and not self.draining and not self.tellings and not self.ahead.busy:
            self.idle_summaries.look(self.engine, self.next_number())
            # A turn that came meanwhile saw no job to break off.
            if self.tellings and self.engine is not None:
                self.idle_summaries.preempt(self.engine)

    def at_leisure(self) -> bool:
        """Whether nothing is told and nothing waits. Raises redis.RedisError."""
        free = self.ready.is_set() and not self.draining and not self.tellings
        free = free and not self.ahead.busy
        return free and not self.log.waiting(self.narrator.name)

    def say_alive(self) -> None:
        if self.ready.is_set() and not self.draining:
            with self.lock:  # turns that end are added meanwhile
                recent_seconds = list(self.recent_seconds)
            slots, reads = self.narrator.slots, self.ahead.on
            self.log.send_heartbeat(
                self.narrator.name, self.name, slots, recent_seconds, reads_ahead=reads
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
