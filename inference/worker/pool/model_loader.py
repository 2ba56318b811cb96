"""Loads the models of a pool's narrators, and unloads others to make room.

Where the models of all entries do not fit, the least recently used one is evicted. One thread at a
time loads a model (`loading_lock`): two at once would need room for both.
"""

import logging
import threading
import time
from contextlib import AbstractContextManager, nullcontext

import redis

from inference.config import InferenceConfig
from inference.engines.process import EngineFailed
from inference.installing import machine
from inference.log_context import where
from inference.models.store import ModelError, model_path
from inference.narrators import Narrator
from inference.worker.idle.questions import RecordAnswer
from inference.worker.idle.summaries import RecordSummary
from inference.worker.narrator_worker import NarratorWorker, end_the_worker
from inference.worker.pool.draining import requeue_turns, retire
from inference.worker.pool.state import PoolEntry, PoolState
from inference.worker.turn_runner import Record

logger = logging.getLogger(__name__)

RETRY_SECONDS = 15  # until a narrator that could not be loaded is tried again
LONGEST_RETRY_SECONDS = 600  # of a default that another one stands in for; each wait is doubled
MEGABYTE = 1024 * 1024


class ModelLoader:
    """Loads and unloads the entries of a pool."""

    def __init__(
        self,
        pool: PoolState,
        record: Record,
        record_summary: RecordSummary,
        record_answer: RecordAnswer,
    ) -> None:
        self.pool = pool
        self.record = record
        self.record_summary = record_summary
        self.record_answer = record_answer
        self.loading_lock = threading.Lock()

    def load_in_background(self, entry: PoolEntry) -> None:
        """Load a narrator on a thread of its own, unless it is loaded, or cannot be just now."""
        with entry.lock:
            if entry.loading or entry.worker or self.pool.draining or entry.waits_for:
                return
            if time.monotonic() < entry.retry_at:
                return
            entry.loading = True
        threading.Thread(
            target=self.load_or_quarantine, args=[entry], name="load", daemon=True
        ).start()

    def load_or_quarantine(self, entry: PoolEntry) -> None:
        """Load a narrator. Whatever goes wrong, it is tried again later."""
        try:
            self.load(entry)
        except EngineFailed as problem:
            self.quarantine(entry, str(problem))
        except Exception as problem:
            self.quarantine(entry, f"narrator {entry.narrator.name}: {where(problem)}")
        finally:
            entry.loading = False

    def load(self, entry: PoolEntry) -> None:
        """Make room, load a narrator's model and begin to take its turns. Raises EngineFailed."""
        with entry.change_lock, self.room_for(entry.narrator):
            if entry.worker is not None or self.pool.draining or entry.withdrawn:
                return
            self.evict_for(entry)
            worker = self.new_worker(entry)
            worker.start(warm=True)
            self.activate(entry, worker)
            self.pool.remove_heartbeat(entry)
            self.evict_for(entry)  # now that its size is measured

    def new_worker(self, entry: PoolEntry) -> NarratorWorker:
        """A worker for the narrator that the entry has now."""

        def give_up(why: str) -> None:
            alone = len(self.pool.listed()) == 1
            if alone and not entry.installed and entry.worker is worker:
                end_the_worker(why)
            requeue_turns(worker)  # threads that wait for its engine wait no longer, too
            if entry.worker is worker:
                self.unload(entry)
                self.quarantine(entry, why)

        worker = NarratorWorker(
            entry.narrator,
            self.pool.config,
            self.record,
            self.record_summary,
            self.record_answer,
            give_up,
        )

        def others() -> list[NarratorWorker]:
            loaded_workers = [each for each in self.pool.loaded_workers() if each is not worker]
            return [each for each in loaded_workers if each.narrator.engine != "openai"]

        def stop_reading() -> None:
            for each in others():
                each.stop_reading_ahead()

        worker.others_idle = lambda: all(each.idle for each in others())
        worker.stop_others_reading = stop_reading
        return worker

    def activate(self, entry: PoolEntry, worker: NarratorWorker) -> None:
        """Have a worker that is loaded take the entry's turns."""
        entry.worker = worker
        entry.retry_at, entry.failures, entry.problem = 0.0, 0, ""
        entry.memory = worker.memory
        if self.pool.draining:
            worker.drain()
        try:
            worker.send_heartbeat()
        except redis.RedisError as problem:
            name = entry.narrator.name
            logger.warning("narrator %s: no heartbeat was sent: %s", name, problem)
        worker.take_turns()

    def quarantine(self, entry: PoolEntry, why: str) -> None:
        """Accept no turns for a narrator that cannot be loaded, until it is tried again."""
        wait = RETRY_SECONDS
        # Another one stands in meanwhile, and each try takes memory.
        if entry in self.pool.defaults and entry.narrator.engine != "openai":
            wait = min(RETRY_SECONDS * 2**entry.failures, LONGEST_RETRY_SECONDS)
            entry.failures = min(entry.failures + 1, 16)
        entry.retry_at, entry.problem = time.monotonic() + wait, why
        logger.error("%s; tried again in %s s", why, wait)
        self.pool.remove_heartbeat(entry)

    def unload(self, entry: PoolEntry) -> None:
        """Let a narrator finish its turns, and end its engine."""
        worker = entry.worker
        if worker is None:
            return
        entry.worker = None  # from now on, a turn has it loaded again
        self.pool.send_heartbeat(entry)
        retire(self.pool, worker)

    def room_for(self, narrator: Narrator) -> AbstractContextManager[object]:
        """The lock for loading; a narrator on a server needs none, and may wait long for it."""
        return nullcontext() if narrator.engine == "openai" else self.loading_lock

    def evict_for(self, entry: PoolEntry) -> None:
        """Unload the least recently used narrators until the entry's model fits.

        A narrator finishes its turns first. A model that fits nowhere is loaded alone.
        """
        if self.pool.config.memory_mb:
            most = self.pool.config.memory_mb * MEGABYTE
        elif not entry.installed:
            return
        others = [
            each
            for each in self.pool.entries.values()
            if each is not entry and each.worker and each.narrator.engine != "openai"
        ]
        others.sort(key=lambda each: each.worker.last_used if each.worker else 0.0)
        for each in others:
            each.memory = each.worker.memory if each.worker else 0
        needed = self.memory_needed(entry)
        if not self.pool.config.memory_mb:
            # Whoever installs a narrator need not know what the others take.
            loaded = sum(each.memory for each in others)
            loaded += entry.memory if entry.worker else 0
            most = loaded + machine.memory()[1]
        for each in others:
            if needed + sum(other.memory for other in others if other.worker) <= most:
                return
            logger.info("narrator %s is unloaded for %s", each.narrator.name, entry.narrator.name)
            self.unload(each)

    def memory_needed(self, entry: PoolEntry) -> int:
        """Bytes that a narrator will hold: as it did before, or else the size of its files."""
        return entry.memory or size_of_model(entry.narrator, self.pool.config)


def size_of_model(narrator: Narrator, config: InferenceConfig) -> int:
    """Bytes of a model's files; 0 where it has none on this machine."""
    if not narrator.model or narrator.engine == "openai":
        return 0
    try:
        path = model_path(narrator, config.models_dir)
        files = path.rglob("*") if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files if file.is_file())
    except (ModelError, OSError):
        return 0  # its engine says what is wrong
