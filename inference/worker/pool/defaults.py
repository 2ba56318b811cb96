"""The host's default narrators, where a pool has several: the best one that can be loaded runs.

One whose model is not here yet is fetched while a later one stands in, and takes over when it is
loaded; the stand-in is unloaded once nobody asks for it. One that this machine cannot load waits
until it can.
"""

import logging
import threading
import time

import redis

from inference.contract.model_state import ModelState
from inference.models.resources import lack_of
from inference.models.store import recorded_model
from inference.worker.pool.model_fetch import ModelFetch
from inference.worker.pool.model_loader import ModelLoader
from inference.worker.pool.state import PoolEntry, PoolState

logger = logging.getLogger(__name__)

MACHINE_CHECK_SECONDS = 60.0  # between looks whether this machine can load a model by now
UNUSED_SECONDS = 120.0  # without a turn, after which a stand-in that is not needed is unloaded


class DefaultNarrators:
    """Keeps the best default of a pool loaded. Does nothing where `pool.defaults` is empty."""

    def __init__(self, pool: PoolState, loader: ModelLoader) -> None:
        self.pool = pool
        self.loader = loader

    def loadable(self) -> list[PoolEntry]:
        """The defaults that can be loaded now, at least one, and all other entries of the pool.

        Notes what the other defaults wait for, and begins to fetch their models.
        """
        defaults = self.pool.defaults
        for entry in defaults[:-1]:
            self.check_machine(entry)
        able = [entry for entry in defaults if entry.waits_for is None and self.is_here(entry)]
        able = able or defaults[-1:]
        for entry in defaults:
            if entry not in able and entry.waits_for is None:
                self.begin_fetch(entry)
        if defaults:
            self.report_states()
        return able + [entry for entry in self.pool.entries.values() if entry not in defaults]

    def check_machine(self, entry: PoolEntry) -> None:
        """Note what this machine lacks for an entry, once in MACHINE_CHECK_SECONDS."""
        now = time.monotonic()
        if entry.machine_checked and now - entry.machine_checked < MACHINE_CHECK_SECONDS:
            return
        entry.machine_checked = now
        lack = lack_of(entry.narrator, self.pool.config.memory_mb)
        if lack and entry.waits_for is None:
            name, stand_in = entry.narrator.name, self.pool.defaults[-1].narrator.name
            logger.warning("narrator %s is not used here: %s; %s tells", name, lack, stand_in)
        entry.waits_for = ModelState("lacking", why=lack) if lack else None

    def is_here(self, entry: PoolEntry) -> bool:
        """Whether nothing has to be fetched before it is loaded."""
        narrator = entry.narrator
        if not narrator.model or narrator.engine == "openai":
            return True
        return recorded_model(narrator, self.pool.config.models_dir) is not None

    def begin_fetch(self, entry: PoolEntry) -> None:
        """Fetch an entry's model on a thread of its own; `update` has it loaded then."""
        entry.fetch = ModelFetch(entry.narrator, self.pool.config.models_dir)
        entry.waits_for = entry.fetch.state
        entry.fetch.start()

    def report_states(self) -> None:
        """Store in Redis why each of the defaults is not ready."""
        for entry in self.pool.defaults:
            state = entry.waits_for
            if state is None and entry.worker is None:
                if entry.problem:
                    state = ModelState("failed", why=entry.problem)
                elif entry.loading:
                    state = ModelState("loading")
            try:
                if state is not None:
                    self.pool.queue.set_model_state(entry.narrator.name, state)
                elif entry.worker is not None:
                    self.pool.queue.clear_model_state(entry.narrator.name)
            except redis.RedisError as problem:
                logger.debug("narrator %s: Redis is away: %s", entry.narrator.name, problem)

    def update(self, entry: PoolEntry) -> None:
        """Load an entry if no better one is loaded, or unload it if it only stood in for one."""
        better = self.pool.defaults[: self.pool.defaults.index(entry)]
        worker = entry.worker
        if entry.fetch is not None:
            entry.waits_for = entry.fetch.state
            if entry.waits_for is None:
                logger.info("narrator %s: its model is here", entry.narrator.name)
                entry.fetch = None
        if any(each.worker for each in better):
            unused = worker is not None and worker.idle and not entry.loading
            if worker and unused and time.monotonic() - worker.last_used > UNUSED_SECONDS:
                self.unload_unused(entry)
            return
        if worker is not None or entry.loading or any(each.loading for each in better):
            return
        if entry.waits_for is not None and entry.waits_for.kind == "lacking":
            self.check_machine(entry)
        last = entry is self.pool.defaults[-1]
        if entry.waits_for is None and not self.is_here(entry) and not last:
            self.begin_fetch(entry)
        self.loader.load_in_background(entry)

    def unload_unused(self, entry: PoolEntry) -> None:
        """Unload an entry on a thread of its own; a turn that comes for it loads it again."""
        with entry.lock:
            entry.loading = True

        def unload() -> None:
            try:
                with entry.change_lock:
                    logger.info("narrator %s is not needed now", entry.narrator.name)
                    self.loader.unload(entry)
            finally:
                entry.loading = False

        threading.Thread(target=unload, name="unload", daemon=True).start()
