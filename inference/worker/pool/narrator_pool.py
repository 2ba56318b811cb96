"""The pool: the entries of a worker's narrators, from its start to its end.

Each narrator has an entry, and in it at most one NarratorWorker that takes turns. An entry without
one accepts turns, too: the first has its model loaded.
"""

import logging
import threading
import time

import redis

from inference.config import InferenceConfig
from inference.engines.process import EngineFailed
from inference.log_context import where
from inference.narrators import Narrator
from inference.worker.idle.questions import RecordAnswer
from inference.worker.idle.summaries import RecordSummary
from inference.worker.lease_keeper import run_safely
from inference.worker.pool.defaults import DefaultNarrators
from inference.worker.pool.draining import requeue_at_deadline, retire
from inference.worker.pool.model_loader import ModelLoader
from inference.worker.pool.state import PoolEntry, PoolState
from inference.worker.pool.swapping import swap, swap_all
from inference.worker.turn_runner import Record

logger = logging.getLogger(__name__)

CHECK_EVERY = 0.25  # seconds between looks at the entries
HEARTBEAT_EVERY = 1.0  # seconds between heartbeats of an entry that is not loaded
MISSED_CHECKS = 2  # after which a turn that no worker takes has its narrator loaded here


class NarratorPool(PoolState):
    """Runs the turns of several narrators. `record` and its like send to the game."""

    def __init__(
        self,
        names: list[str],
        config: InferenceConfig,
        record: Record,
        record_summary: RecordSummary = lambda result: None,
        record_answer: RecordAnswer = lambda answer: None,
    ) -> None:
        """Read the narrators file. Raises NarratorsError and UnknownNarrator."""
        super().__init__(names, config)
        self.loader = ModelLoader(self, record, record_summary, record_answer)
        self.default_narrators = DefaultNarrators(self, self.loader)
        self.ended = threading.Event()

    # Start and stop

    def start(self) -> None:
        """Load the first narrator that can be; the others accept turns without being loaded.

        Raises EngineFailed where it is the only one. One on a server of its own is tried until it
        answers: such servers come and go.
        """
        first, *others = self.default_narrators.loadable()
        for entry in others:
            if entry not in self.defaults:  # a stand-in would get turns that wait for a better one
                self.send_heartbeat(entry)
        if first.narrator.engine == "openai":
            self.loader.load_in_background(first)
        else:
            self.load_first(first, alone=len(self.entries) == 1)
        for entry in others:
            if entry.narrator.engine == "openai":  # nothing to keep in memory
                self.loader.load_in_background(entry)
        threading.Thread(target=self.watch_entries, name="entries", daemon=True).start()

    def load_first(self, entry: PoolEntry, alone: bool) -> None:
        """Load an entry now, or later if that fails. Raises EngineFailed if it is `alone`."""
        try:
            self.loader.load(entry)
        except EngineFailed as problem:
            if alone:
                raise
            self.loader.quarantine(entry, str(problem))

    def drain(self, seconds: float) -> None:
        """Take no further turns. Those under way may take `seconds`, and are requeued then."""
        self.deadline = time.monotonic() + seconds
        self.draining = True
        for each in self.loaded_workers():
            each.drain()
        # Celery waits for its threads, and they for their turns: another thread must end them.
        threading.Thread(target=requeue_at_deadline, args=[self], name="drain", daemon=True).start()

    def stop(self) -> None:
        """End all engines, once the turns under way are complete or requeued."""
        self.draining = True
        self.ended.set()
        for entry in self.entries.values():
            if entry.fetch is not None:
                entry.fetch.stop()
        requeue_at_deadline(self)
        for each in self.loaded_workers():
            each.stop()
        for entry in self.entries.values():
            self.remove_heartbeat(entry)

    # The narrators file, and what is installed (inference.installing.installer)

    def reload(self) -> None:
        """Read the narrators file again, and swap what has changed, on a thread of its own."""
        threading.Thread(
            target=swap_all, args=[self, self.loader], name="swap", daemon=True
        ).start()

    def offer(self, narrator: Narrator, memory: int) -> None:
        """Take turns for an installed narrator; the first one has its model loaded.

        A narrator of the file keeps its name. `memory`: bytes that it took when it was tried.
        """
        entry = self.entries.get(narrator.name)
        if entry is None:
            entry = PoolEntry(narrator, installed=True, memory=memory)
            # Replaced, not changed: other threads iterate over the entries meanwhile.
            self.entries = {**self.entries, narrator.name: entry}
            logger.info("narrator %s is offered", narrator.name)
            self.update_entry(entry)
        elif entry.installed and entry.narrator != narrator:
            threading.Thread(
                target=swap, args=[self, self.loader, entry, narrator], name="swap", daemon=True
            ).start()

    def withdraw(self, name: str) -> threading.Thread | None:
        """Take no more turns for an installed narrator, from now on.

        Its turns under way may take RETIRE_SECONDS, and a load under way is completed: the thread
        that is returned waits for that. None where there is nothing to end.
        """
        entry = self.entries.get(name)
        if entry is None or not entry.installed:
            return None
        self.entries = {other: each for other, each in self.entries.items() if other != name}
        entry.withdrawn = True
        thread = threading.Thread(
            target=self.retire_entry, args=[entry], name="withdraw", daemon=True
        )
        thread.start()
        return thread

    def retire_entry(self, entry: PoolEntry) -> None:
        """Retire the worker of an entry that is in the pool no more."""
        with entry.change_lock:  # it may be loaded just now
            worker, entry.worker = entry.worker, None
        if worker is not None:
            retire(self, worker)
        self.remove_heartbeat(entry)
        logger.info("narrator %s is not offered any more", entry.narrator.name)

    def loaded(self) -> dict[str, int]:
        """The narrators whose model is loaded, with the bytes that they hold."""
        return {each.narrator.name: each.memory for each in self.loaded_workers()}

    # Looking after the entries

    def watch_entries(self) -> None:
        """Send heartbeats for entries that are not loaded, and load one whose turns wait."""
        reported = 0.0
        while not self.ended.wait(CHECK_EVERY):
            if self.defaults and time.monotonic() - reported >= HEARTBEAT_EVERY:
                reported = time.monotonic()
                run_safely("defaults", self.default_narrators.report_states)
            for entry in self.entries.values():
                name = entry.narrator.name
                try:
                    self.update_entry(entry)
                except redis.RedisError as problem:
                    logger.warning("narrator %s: not looked after: %s", name, problem)
                except Exception as problem:
                    logger.error("narrator %s: not looked after: %s", name, where(problem))

    def update_entry(self, entry: PoolEntry) -> None:
        """Load an entry whose turns wait, or send its heartbeat. Raises redis.RedisError."""
        if self.draining:
            return
        if entry in self.defaults:
            self.default_narrators.update(entry)
        if entry.worker is not None or entry.waits_for is not None:
            return
        name = entry.narrator.name
        if entry.narrator.engine == "openai":
            self.loader.load_in_background(entry)
            return
        if time.monotonic() - entry.heartbeat_at >= HEARTBEAT_EVERY:
            self.send_heartbeat(entry)
        entry.missed_checks = entry.missed_checks + 1 if self.queue.waiting(name) else 0
        if entry.missed_checks >= MISSED_CHECKS:
            self.loader.load_in_background(entry)
