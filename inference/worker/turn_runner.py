"""Runs leased turns to their end: engine, automatic retry, log, Result."""

import contextlib
import logging
import time
from collections.abc import Callable

import redis

from inference import metrics, tracing
from inference.contract.request import GenerationRequest, Result
from inference.engines.bans import MOST_RETRIES
from inference.engines.process import EngineProcess
from inference.log_context import about, where
from inference.narrators import Narrator
from inference.prompts import reply_stream
from inference.queue.client import QueueClient
from inference.queue.lease import Lease
from inference.worker import retry_reply
from inference.worker.engine_supervisor import EngineSupervisor
from inference.worker.reply import BROKEN, ReplyInProgress, TurnBroken
from inference.worker.running_replies import RunningReplies

logger = logging.getLogger(__name__)

FINISH_SECONDS = 30  # how long the end of a reply waits for Redis to come back

Record = Callable[[Result], None]


class TurnRunner:
    """Runs the turns of one narrator, each on the thread that calls `run`.

    `record` sends a Result to the game; `note_told` gets it, too, for idle work, and does not
    raise. `stop_idle_work` has the engine, and those of other
    narrators on this processor, stop idle work; it never waits.
    """

    def __init__(
        self,
        narrator: Narrator,
        queue: QueueClient,
        replies: RunningReplies,
        supervisor: EngineSupervisor,
        note_told: Callable[[GenerationRequest, Result], None],
        record: Record,
        stop_idle_work: Callable[[EngineProcess, str], None],
    ) -> None:
        self.narrator = narrator
        self.queue = queue
        self.replies = replies
        self.supervisor = supervisor
        self.note_told = note_told
        self.record = record
        self.stop_idle_work = stop_idle_work

    def run(self, lease: Lease) -> None:
        """Run a leased turn. Never raises: a turn that breaks fails, with the words it has."""
        try:
            if lease.ended is not None:
                self.queue.release(lease)
                self.record(lease.ended)
            else:
                self.run_attempt(lease)
        except TurnBroken:
            self.fail(lease)
        except Exception as problem:
            turn = lease.request.turn
            logger.error("turn %s: this attempt broke off: %s", turn, where(problem))
            self.fail(lease)

    def fail(self, lease: Lease) -> None:
        """End a turn with which something went wrong. Words that players have seen stay."""
        request = lease.request
        try:
            result = Result(
                adventure=request.adventure,
                turn=request.turn,
                attempt=request.attempt,
                outcome="failed",
                reply=self.queue.reply_so_far(request.adventure, request.turn).reply,
                reason=BROKEN,
            )
            if self.queue.finish(lease, result, []):
                self.record(result)
        except Exception as problem:  # then it is left to another attempt
            logger.error("turn %s: its end was not logged: %s", request.turn, where(problem))
            with contextlib.suppress(redis.RedisError):  # or the lease expires by itself
                self.queue.release(lease)

    def run_attempt(self, lease: Lease) -> None:
        """Generate the reply and finish the turn, unless its lease was lost meanwhile."""
        metrics.ATTEMPTS.labels(self.narrator.name).inc()
        request = lease.request
        names = {
            "adventure": request.adventure,
            "turn": request.turn,
            "attempt": str(request.attempt),
        }
        with (
            about(narrator=self.narrator.name, **names),
            tracing.span("tell", request.trace, **names) as span,
        ):
            logger.info("turn %s: attempt %s begins", request.turn, request.attempt)
            reply = self.generate_reply(lease)
            span.set_attribute("grue.tokens", reply.tokens)
            span.set_attribute("grue.lost", reply.lost)
            if not reply.lost:
                self.finish(reply, tracing.carrier())

    def generate_reply(self, lease: Lease) -> ReplyInProgress:
        """Have the engine generate the reply, again after a fault, until it is done.

        Raises TurnBroken.
        """
        request: GenerationRequest | None = lease.request
        stream = reply_stream(lease.request, self.narrator, again=retry_reply.may_retry(1))
        reply = ReplyInProgress(lease, stream, len(lease.request.told), time.monotonic())
        while request is not None:
            self.generate_once(reply, request)
            if reply.lost:
                break
            if reply.broken:
                raise TurnBroken
            if reply.error:
                reply.add_text(reply.stream.close())
                break
            request = retry_reply.retry_request(request, self.narrator.sampling, reply.stream)
            if request is not None and self.has_spent_ban_retries(reply):
                reply.add_text(reply.stream.close())
                break
            if request is not None:
                why = retry_reply.NAMES[reply.stream.fault]
                metrics.RETRIED.labels(self.narrator.name, why).inc()
                again = retry_reply.may_retry(2 + len(reply.resampled))
                reply.restart(reply_stream(request, self.narrator, again))
        return reply

    def has_spent_ban_retries(self, reply: ReplyInProgress) -> bool:
        """Whether banned phrases took as many requests of a server as one turn may cost."""
        return self.narrator.engine == "openai" and len(reply.banned) > MOST_RETRIES

    def generate_once(self, reply: ReplyInProgress, request: GenerationRequest) -> None:
        """Submit a request to the engine and sleep until it is done."""
        number = self.replies.next_number()
        self.replies.add(number, reply)
        engine = self.supervisor.engine
        if engine is None or not engine.alive:
            self.replies.release_all()
            return
        self.stop_idle_work(engine, request.adventure)
        engine.submit(number, request)
        reply.done.wait()
        self.replies.remove(number)

    def finish(self, reply: ReplyInProgress, trace: str = "") -> None:
        """Log the end, release the lease, and send the Result to the game."""
        result = reply.result(self.narrator).model_copy(update={"trace": trace})
        self.replies.durations.add(result.seconds)
        deadline = time.monotonic() + FINISH_SECONDS
        while True:
            try:
                if self.queue.finish(reply.lease, result, reply.unsent):
                    self.record(result)
                    self.note_told(reply.lease.request, result)
                return
            except redis.RedisError as problem:
                if time.monotonic() > deadline:
                    logger.error("turn %s: its end was not logged: %s", result.turn, problem)
                    return
                time.sleep(0.5)
