"""The worker of one narrator: takes turns that wait, and owns everything that runs them.

Threads: one waits for turns and starts another for each, which sleeps while its reply is generated;
the engine process' reader brings the texts of each step and appends them all in one pipeline; one
more renews the leases and sends the heartbeat; idle work has threads of its own.
"""

import logging
import os
import platform
import uuid
from collections.abc import Callable

import redis

from inference import metrics
from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Result
from inference.engines.base import NewText
from inference.engines.messages import EngineInfo
from inference.engines.process import EngineProcess
from inference.log_context import where
from inference.narrators import Narrator
from inference.prompts import Report
from inference.queue.client import QueueClient
from inference.worker.engine_supervisor import EngineSupervisor
from inference.worker.idle.batch import IdleBatch
from inference.worker.idle.questions import IdleQuestions, RecordAnswer
from inference.worker.idle.read_ahead import ReadAhead, next_request
from inference.worker.idle.summaries import IdleSummaries, RecordSummary
from inference.worker.lease_keeper import LeaseKeeper, run_safely
from inference.worker.prefix_stats import PrefixStats
from inference.worker.running_replies import RunningReplies
from inference.worker.step_writer import StepWriter
from inference.worker.turn_runner import Record, TurnRunner
from inference.worker.turn_taker import TurnTaker
from inference.worker.warm_up import WarmUp

logger = logging.getLogger(__name__)

GiveUp = Callable[[str], None]


def end_the_worker(why: str) -> None:
    """End this process: its threads cannot be killed. The host's supervisor starts a new worker."""
    logger.critical("%s; the worker ends", why)
    os._exit(1)


class NarratorWorker:
    """Runs the turns of one narrator. `record` sends a Result to the game.

    `record_summary` sends the summaries that it makes while idle, `record_answer` its readings of
    the world and the actions that it suggests. `give_up` gets one line when the engine dies again
    and again, or when leases cannot be renewed.
    """

    def __init__(
        self,
        narrator: Narrator,
        config: InferenceConfig,
        record: Record,
        record_summary: RecordSummary = lambda result: None,
        record_answer: RecordAnswer = lambda answer: None,
        give_up: GiveUp = end_the_worker,
    ) -> None:
        self.narrator = narrator
        self.config = config
        self.name = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        # Of the narrators that share its processor: whether all are idle, and have them stay so.
        self.others_idle: Callable[[], bool] = lambda: True
        self.stop_others_reading: Callable[[], None] = lambda: None

        self.queue = QueueClient(config.redis_url)
        self.supervisor = EngineSupervisor(
            narrator,
            config,
            self.on_step,
            self.on_prompt,
            self.on_engine_ready,
            self.drop_work,
            give_up,
        )
        self.replies = RunningReplies(narrator.name, self.queue, self.supervisor.cancel)
        self.step_writer = StepWriter(narrator.name, self.queue, self.replies)
        self.prefix_stats = PrefixStats()
        next_number = self.replies.next_number
        self.idle_summaries = IdleSummaries(self.queue, narrator, record_summary)
        self.idle_batch = IdleBatch(
            self.queue, narrator, lambda: self.engine, next_number, self.may_run_batch
        )
        self.read_ahead = ReadAhead(
            self.queue,
            narrator,
            self.name,
            lambda: self.engine,
            next_number,
            self.may_read_ahead,
            self.stop_later_work,
        )
        self.questions = IdleQuestions(
            narrator,
            record_answer,
            lambda: self.engine,
            next_number,
            self.may_ask,
            self.stop_summaries_and_batch,
            self.read_ahead.in_cache,
        )
        self.turn_runner = TurnRunner(
            narrator,
            self.queue,
            self.replies,
            self.supervisor,
            self.note_told,
            record,
            self.stop_idle_work,
        )
        self.lease_keeper = LeaseKeeper(
            narrator,
            self.queue,
            self.replies,
            self.supervisor,
            self.send_heartbeat,
            self.run_idle_work,
            give_up,
        )
        self.turn_taker = TurnTaker(
            narrator, self.queue, self.name, self.supervisor.ready, self.turn_runner
        )

    @property
    def engine(self) -> EngineProcess | None:
        """Its engine, once it is loaded."""
        return self.supervisor.engine

    @property
    def memory(self) -> int:
        """Bytes that its engine holds now; 0 where that is not known."""
        return self.supervisor.memory

    @property
    def idle(self) -> bool:
        """Whether no turn is under way. One that drains stays idle."""
        return self.turn_taker.idle

    @property
    def last_used(self) -> float:
        """When it last took a turn, or was made; time.monotonic()."""
        return self.turn_taker.last_taken

    @property
    def draining(self) -> bool:
        """Whether it takes no further turns."""
        return self.turn_taker.draining

    # Start and stop

    def start(self, warm: bool = False) -> None:
        """Load the model and begin to renew leases; `take_turns` begins with turns.

        With `warm` the engine is tried with a short turn. Raises EngineFailed with one line.
        """
        self.supervisor.start(WarmUp(self.replies.next_number()) if warm else None)
        self.lease_keeper.start()
        self.idle_batch.start()
        self.read_ahead.start()
        self.questions.start()

    def drain(self) -> None:
        """Take no further turn; those under way go on."""
        self.turn_taker.draining = True

    def remove_heartbeat(self) -> None:
        """Delete its heartbeat, as far as Redis can be reached."""
        try:
            self.queue.remove_worker(self.narrator.name, self.name)
        except redis.RedisError:
            logger.warning("its heartbeat is not deleted: Redis is away")

    def requeue_turns(self) -> int:
        """Drain, and put every turn under way first in the queue. Returns how many."""
        self.turn_taker.draining = True
        self.supervisor.ready.set()  # threads that wait for an engine need not any more
        return self.replies.requeue_all()

    def stop(self) -> None:
        """End the engine; what is still under way is left to other workers."""
        self.turn_taker.stop()
        self.lease_keeper.stop()
        self.idle_batch.stop()
        self.read_ahead.stop()
        self.questions.stop()
        self.replies.release_all()
        self.supervisor.stop()
        self.remove_heartbeat()

    # Turns

    def take_turns(self) -> None:
        """Begin to take turns as they come."""
        self.turn_taker.start()

    def run_next_turn(self) -> bool:
        """Run the next turn on this thread. False when none waits, or the worker drains."""
        return self.turn_taker.run_next_turn()

    # From the engine, on its reader thread

    def on_engine_ready(self, info: EngineInfo) -> None:
        """Read ahead where the engine can."""
        self.read_ahead.enabled = self.config.read_ahead and info.reads_ahead

    def on_step(self, news: list[NewText]) -> None:
        """Take the texts of one step. An exception here would kill the engine."""
        for work in (self.idle_summaries, self.idle_batch, self.read_ahead, self.questions):
            try:
                work.take(news)
            except Exception as problem:
                logger.error(
                    "narrator %s: idle work broke off: %s", self.narrator.name, where(problem)
                )
        self.step_writer.write(news)

    def on_prompt(self, number: int, report: Report) -> None:
        """Note the report of a turn's prompt, in Redis too: for a turn that is stopped."""
        reply = self.replies.get(number)
        if reply is None:
            return
        reply.report = report
        try:
            self.count_prompt(reply.lease.request.adventure, report)
            self.queue.store_details(reply.lease, reply.details(self.narrator))
        except Exception as problem:  # it is only shown: the turn goes on
            turn = reply.lease.request.turn
            logger.warning("turn %s: its prompt report is not stored: %s", turn, where(problem))

    def count_prompt(self, adventure: str, report: Report) -> None:
        """Count the tokens of a prompt, and those that it shares with the story's last one."""
        name = self.narrator.name
        metrics.PROMPT_TOKENS.labels(name).inc(report.tokens)
        metrics.PROMPT_TOKENS_SHARED.labels(name).inc(self.prefix_stats.shared(adventure, report))

    def drop_work(self) -> None:
        """The engine died: drop all that it was doing."""
        for work in (
            self.idle_summaries.drop,
            self.idle_batch.drop,
            self.read_ahead.drop,
            self.questions.drop,
            self.replies.release_all,
        ):
            run_safely(self.narrator.name, work)

    # Idle work

    def stop_idle_work(self, engine: EngineProcess, adventure: str) -> None:
        """Break off all idle work for a turn of `adventure`. Never waits."""
        self.stop_summaries_and_batch(engine)
        self.read_ahead.preempt(engine, adventure)
        self.questions.preempt(engine, adventure)
        self.stop_others_reading()

    def stop_later_work(self, engine: EngineProcess) -> None:
        """Break off what comes after read-aheads. Never waits."""
        self.stop_summaries_and_batch(engine)
        self.questions.preempt(engine)

    def stop_summaries_and_batch(self, engine: EngineProcess) -> None:
        """Break off summaries and batch jobs, which wait again. Never waits."""
        self.idle_summaries.preempt(engine)
        self.idle_batch.preempt(engine)

    def stop_reading_ahead(self) -> None:
        """Break off read-aheads and questions: another narrator of this processor runs a turn."""
        if self.engine is not None:
            self.read_ahead.preempt(self.engine)
            self.questions.preempt(self.engine)

    def note_told(self, request: GenerationRequest, result: Result) -> None:
        """After a turn: read the next prompt while the player reads this reply, then ask."""
        if result.outcome == "told":
            self.read_ahead.note(next_request(request, result.reply))
            self.questions.note(request, result.reply)

    def may_read_ahead(self) -> bool:
        """Whether nothing runs on this processor and no turn waits. Raises redis.RedisError."""
        if not self.supervisor.ready.is_set() or self.draining:
            return False
        if not self.idle or not self.others_idle():
            return False
        return not self.queue.waiting(self.narrator.name)

    def may_ask(self) -> bool:
        """Whether a read-ahead might begin and none waits. Raises redis.RedisError."""
        return not self.read_ahead.busy and self.may_read_ahead()

    def may_run_batch(self) -> bool:
        """Whether no turn, read-ahead or question runs or waits. Raises redis.RedisError."""
        free = self.supervisor.ready.is_set() and not self.draining and not self.replies
        free = free and not self.read_ahead.busy and not self.questions.busy
        return free and not self.queue.waiting(self.narrator.name)

    def run_idle_work(self) -> None:
        """Send finished summaries; begin one if nothing else runs. Raises redis.RedisError."""
        self.idle_summaries.send_results()
        free = self.supervisor.ready.is_set() and not self.draining and not self.replies
        if free and not self.read_ahead.busy and not self.questions.busy:
            self.idle_summaries.take_job(self.engine, self.replies.next_number())
            # A turn that came meanwhile saw no job to break off.
            if self.replies and self.engine is not None:
                self.idle_summaries.preempt(self.engine)

    def send_heartbeat(self) -> None:
        """Send its heartbeat, unless it drains or has no engine. Raises redis.RedisError."""
        if self.supervisor.ready.is_set() and not self.draining:
            self.queue.send_heartbeat(
                self.narrator.name,
                self.name,
                self.narrator.slots,
                self.replies.durations.recent(),
                reads_ahead=self.read_ahead.enabled,
            )
