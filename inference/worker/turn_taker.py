"""Takes turns from the queue while slots are free, and runs each on a thread of its own."""

import contextlib
import logging
import threading
import time

import redis

from inference.log_context import where
from inference.narrators import Narrator
from inference.queue.client import QueueClient
from inference.queue.connection import POLL_SECONDS
from inference.queue.lease import Lease
from inference.worker.turn_runner import TurnRunner

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0  # until the queue is looked at again after an error


class TurnTaker:
    """Takes the turns of one narrator from `start` until it drains.

    `worker` is its name in leases. `ready` is set while there is an engine.
    """

    def __init__(
        self,
        narrator: Narrator,
        queue: QueueClient,
        worker: str,
        ready: threading.Event,
        runner: TurnRunner,
    ) -> None:
        self.narrator = narrator
        self.queue = queue
        self.worker = worker
        self.ready = ready
        self.runner = runner
        self.draining = False
        self.ended = threading.Event()
        self.last_taken = time.monotonic()
        self.free_slots = threading.BoundedSemaphore(narrator.slots)
        self.held = 0  # turns that run, or are about to be taken
        self.lock = threading.Lock()  # for `held`, and `draining` beside it

    @property
    def idle(self) -> bool:
        """Whether no turn is under way. One that drains stays idle."""
        with self.lock:
            return not self.held

    def start(self) -> None:
        """Begin to take turns as they come."""
        threading.Thread(target=self.run, name="turns", daemon=True).start()

    def stop(self) -> None:
        """Take no further turn. Does not wait."""
        self.draining = True
        self.ended.set()

    def run(self) -> None:
        """Wait for a free slot, then for a turn, and start a thread for it; until it drains."""
        while not self.draining:
            self.free_slots.acquire()
            lease = None
            try:
                lease = self.next_turn()
                if lease is not None:
                    thread = threading.Thread(target=self.run_in_slot, args=[lease], name="turn")
                    thread.daemon = True
                    thread.start()
            except redis.RedisError as problem:
                logger.warning("narrator %s: no turn is taken: %s", self.narrator.name, problem)
                self.ended.wait(RETRY_SECONDS)
            except Exception as problem:
                logger.error(
                    "narrator %s: no turn is taken: %s", self.narrator.name, where(problem)
                )
                if lease is not None:
                    self.release_turn(lease)
                self.ended.wait(RETRY_SECONDS)
            finally:
                if lease is None:
                    self.free_slots.release()

    def next_turn(self) -> Lease | None:
        """The next turn; None when the worker drains, or when none came for a while."""
        if not self.ready.wait(POLL_SECONDS):
            return None
        lease = self.take_turn()
        if lease is None and not self.draining and self.queue.wait_for_turn(self.narrator.name):
            lease = self.take_turn()
            if lease is None and self.draining:
                # The wake-up came here, and is for another worker.
                self.queue.wake_worker(self.narrator.name)
        return lease

    def take_turn(self) -> Lease | None:
        """Lease the turn that is next. None when none waits, or the worker drains.

        From here on the worker is not idle, until `run_turn` is done with it.
        """
        with self.lock:
            if self.draining:
                return None
            self.held += 1
        lease = None
        try:
            lease = self.queue.take_next(self.narrator.name, self.worker)
        finally:
            if lease is None:
                self.count_turn_done()
        if lease is not None:  # a look at an empty queue does not count: unused models are unloaded
            self.last_taken = time.monotonic()
        return lease

    def count_turn_done(self) -> None:
        """Count one turn less that is held."""
        with self.lock:
            self.held -= 1

    def release_turn(self, lease: Lease) -> None:
        """Leave a turn that was taken to another attempt."""
        with contextlib.suppress(redis.RedisError):  # or the lease expires by itself
            self.queue.release(lease)
        self.count_turn_done()

    def run_in_slot(self, lease: Lease) -> None:
        """Run a turn and give back its slot."""
        try:
            self.run_turn(lease)
        finally:
            self.free_slots.release()

    def run_next_turn(self) -> bool:
        """Run the next turn on this thread. False when none waits, or the worker drains."""
        self.ready.wait()
        lease = self.take_turn()
        if lease is None:
            return False
        self.run_turn(lease)
        return True

    def run_turn(self, lease: Lease) -> None:
        """Run a turn that was taken."""
        try:
            self.runner.run(lease)
        finally:
            self.count_turn_done()
