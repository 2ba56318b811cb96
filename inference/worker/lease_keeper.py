"""Renews the leases of the turns that a worker runs, every second, as long as its engine works.

What else a worker does once a second runs on the same thread: its heartbeat and its gauges before
the renewal, idle work after it.
"""

import logging
import threading
from collections.abc import Callable

import redis

from inference import metrics
from inference.log_context import where
from inference.narrators import Narrator
from inference.queue.client import QueueClient
from inference.worker.engine_supervisor import EngineSupervisor
from inference.worker.running_replies import RunningReplies

logger = logging.getLogger(__name__)

RENEW_EVERY = 1.0  # seconds; also how soon a stop is noticed when the engine brings no text
RENEWALS = 3  # that failed in a row, after which the worker gives up


class LeaseKeeper:
    """Renews leases on a thread of its own, from `start` to `stop`.

    `send_heartbeat` and `run_idle_work` may raise redis.RedisError. `give_up` gets one line when
    leases cannot be renewed: else the worker would look alive to itself and to nobody else.
    """

    def __init__(
        self,
        narrator: Narrator,
        queue: QueueClient,
        replies: RunningReplies,
        supervisor: EngineSupervisor,
        send_heartbeat: Callable[[], None],
        run_idle_work: Callable[[], None],
        give_up: Callable[[str], None],
    ) -> None:
        self.narrator = narrator
        self.queue = queue
        self.replies = replies
        self.supervisor = supervisor
        self.send_heartbeat = send_heartbeat
        self.run_idle_work = run_idle_work
        self.give_up = give_up
        self.ended = threading.Event()

    def start(self) -> None:
        """Begin to renew leases."""
        threading.Thread(target=self.run, name="leases", daemon=True).start()

    def stop(self) -> None:
        """Renew no more leases. Does not wait."""
        self.ended.set()

    def run(self) -> None:
        """Do what is done once a second. Errors are logged, and it is tried again."""
        failures = 0
        while not self.ended.wait(RENEW_EVERY):
            run_safely(self.narrator.name, self.set_gauges)
            run_safely(self.narrator.name, self.send_heartbeat)
            problem = run_safely(self.narrator.name, self.renew_leases)
            failures = failures + 1 if problem else 0
            if failures >= RENEWALS:
                self.give_up(f"narrator {self.narrator.name}: leases cannot be kept: {problem}")
                return
            run_safely(self.narrator.name, self.run_idle_work)

    def set_gauges(self) -> None:
        """Set the gauges of slots, running turns and memory."""
        name = self.narrator.name
        metrics.SLOTS.labels(name).set(self.narrator.slots if self.supervisor.ready.is_set() else 0)
        metrics.RUNNING.labels(name).set(len(self.replies))
        metrics.MEMORY.labels(name).set(self.supervisor.memory)

    def renew_leases(self) -> None:
        """Renew all leases, while the engine lives. One whose step takes too long is killed."""
        engine = self.supervisor.engine
        if engine is None or not engine.alive:
            return
        if engine.seconds_in_step() > self.narrator.step_seconds:
            logger.error(
                "narrator %s: a step took over %s s", self.narrator.name, self.narrator.step_seconds
            )
            engine.kill()
            return
        replies = self.replies.all()
        if not replies:
            return
        kept = self.queue.renew([reply.lease for reply in replies.values()])
        for (number, reply), still_ours in zip(replies.items(), kept, strict=True):
            if not still_ours and not reply.done.is_set():
                self.replies.lose(number, reply)


def run_safely(narrator: str, work: Callable[[], object]) -> Exception | None:
    """Call `work` and log what goes wrong. Returns the exception, unless Redis is away."""
    try:
        work()
    except redis.RedisError as problem:
        logger.warning("narrator %s: Redis is away: %s", narrator, problem)
    except Exception as problem:
        logger.error("narrator %s: %s", narrator, where(problem))
        return problem
    return None
