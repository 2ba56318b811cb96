"""The state that the parts of a worker's pool share: its entries, and whether it drains."""

import logging
import os
import platform
import threading
import time
import uuid
from dataclasses import dataclass, field

import redis

from inference.config import InferenceConfig
from inference.contract.model_state import ModelState
from inference.narrators import Narrator, narrators_of
from inference.queue.client import QueueClient
from inference.worker.narrator_worker import NarratorWorker
from inference.worker.pool.model_fetch import ModelFetch
from inference.worker.running_replies import USUAL_TURN_SECONDS

logger = logging.getLogger(__name__)


@dataclass
class PoolEntry:
    """One narrator of the pool, and its NarratorWorker while its model is loaded.

    Times are time.monotonic().
    """

    narrator: Narrator
    installed: bool = False  # from the operator's page, and not from the narrators file
    worker: NarratorWorker | None = None
    withdrawn: bool = False  # removed from the pool: nothing is loaded for it any more
    loading: bool = False  # or unloading: nobody else loads it meanwhile
    retry_at: float = 0.0  # until then nobody tries to load it
    missed_checks: int = 0  # in a row that found turns waiting and no worker
    heartbeat_at: float = 0.0  # when the last heartbeat was sent while it was not loaded
    waits_for: ModelState | None = None  # what keeps it from being loaded
    fetch: ModelFetch | None = None  # of its model, while that is not here
    machine_checked: float = 0.0  # when it was last found that this machine cannot load it
    failures: int = 0  # to load it, in a row
    problem: str = ""  # why it could not be loaded; one line
    memory: int = 0  # bytes that it held when it was last looked at
    lock: threading.Lock = field(default_factory=threading.Lock)  # for `loading`
    change_lock: threading.Lock = field(default_factory=threading.Lock)  # to load or swap it


class PoolState:
    """The entries of a pool, by narrator.

    `defaults` are the entries of the host's defaults, the best first; empty where the pool has
    fewer than two of them.
    """

    def __init__(self, names: list[str], config: InferenceConfig) -> None:
        """Read the narrators file. Raises NarratorsError and UnknownNarrator."""
        narrators = narrators_of(config)
        self.entries = {name: PoolEntry(narrators.get(name)) for name in names}
        order = [each.name for each in narrators.defaults if each.name in self.entries]
        self.defaults = [self.entries[name] for name in order] if len(order) > 1 else []
        self.config = config
        self.queue = QueueClient(config.redis_url)
        self.name = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self.draining = False
        self.deadline = 0.0  # time.monotonic(); when turns under way are requeued

    def loaded_workers(self) -> list[NarratorWorker]:
        """The workers whose models are loaded."""
        return [entry.worker for entry in list(self.entries.values()) if entry.worker]

    def listed(self) -> dict[str, PoolEntry]:
        """The entries of the narrators file, by narrator."""
        return {name: entry for name, entry in self.entries.items() if not entry.installed}

    def send_heartbeat(self, entry: PoolEntry) -> None:
        """Send a heartbeat for an entry that is not loaded: its first turn has it loaded.

        None is sent while the entry could not be loaded.
        """
        if self.draining or entry.narrator.engine == "openai" or entry.waits_for:
            return
        if time.monotonic() < entry.retry_at:
            return
        entry.heartbeat_at = time.monotonic()
        name, slots = entry.narrator.name, entry.narrator.slots
        try:
            self.queue.send_heartbeat(name, self.name, slots, [USUAL_TURN_SECONDS], loaded=False)
        except redis.RedisError as problem:
            logger.warning("narrator %s: no heartbeat was sent: %s", name, problem)

    def remove_heartbeat(self, entry: PoolEntry) -> None:
        """Delete the heartbeat of an entry that is not loaded."""
        try:
            self.queue.remove_worker(entry.narrator.name, self.name)
        except redis.RedisError:
            logger.debug("narrator %s: Redis is away", entry.narrator.name)
