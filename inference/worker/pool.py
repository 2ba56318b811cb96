"""The narrators of one worker process: loaded on demand, evicted for others, swapped.

Where the narrators file names several defaults, the first of them that can run does. One whose
model is not here yet is fetched while a later one runs, and takes over when it is loaded; the later
one is unloaded once nobody asks for it. One that this machine has no room for is not loaded.

Each narrator has an entry, and in it at most one NarratorWorker that takes turns. An entry without
one accepts turns, too: the first has its model loaded. Where the models of all entries do not fit,
the least recently used one is evicted.

A new revision of a narrator is loaded and tried beside the old one, which runs meanwhile; then the
new one takes the turns, and the old one is unloaded when those it has begun are complete.

One thread at a time loads a model (`loading_lock`): two at once would need the room of both.
"""

import logging
import os
import platform
import threading
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import redis

from inference.config import InferenceConfig
from inference.contract.model_state import ModelState
from inference.engines.process import EngineFailed
from inference.installing import machine
from inference.log_context import where
from inference.models.resources import lack_of
from inference.models.store import ModelError, model_path, recorded_model
from inference.narrators import (
    Narrator,
    NarratorsError,
    UnknownNarrator,
    narrators_of,
    narrators_problem,
)
from inference.queue.client import QueueClient
from inference.worker.idle_summaries import RecordSummary
from inference.worker.model_fetch import ModelFetch
from inference.worker.narrator_worker import (
    USUAL_TURN_SECONDS,
    NarratorWorker,
    Record,
    end_the_worker,
)

logger = logging.getLogger(__name__)

RETRY_SECONDS = 15  # until a narrator that could not be loaded is tried again
LONGEST_RETRY_SECONDS = 600  # of a default that another one stands in for; each wait is doubled
MACHINE_CHECK_SECONDS = 60.0  # between looks whether a machine can carry what it could not
UNUSED_SECONDS = 120.0  # without a turn, after which a stand-in that is not needed leaves
LOOK_EVERY = 0.25  # seconds between looks at the entries
SAY_EVERY = 1.0  # seconds between heartbeats of an entry that is not loaded
MISSED_CHECKS = 2  # looks after which a turn that nobody takes has its narrator loaded here
RETIRE_SECONDS = 120.0  # that the last turns of a narrator may take which is swapped or removed
END_GRACE_SECONDS = 3  # for ends that wait to be logged, once the turns are handed on
POLL = 0.05  # seconds between looks at turns that are to end
MEGABYTE = 1024 * 1024


@dataclass
class PoolEntry:
    """One narrator of the worker: as the file has it, and who tells, if its model is loaded."""

    narrator: Narrator
    installed: bool = False  # from the operator's page, and not from the narrators file
    worker: NarratorWorker | None = None
    withdrawn: bool = False  # nobody tells for it any more
    loading: bool = False
    retry_at: float = 0.0  # time.monotonic(); until then nobody tries to load it
    missed_checks: int = 0  # looks in a row that found turns waiting and nobody to tell them
    said: float = 0.0  # time.monotonic(); when its last heartbeat was sent
    waits_for: ModelState | None = None  # what keeps it from being loaded
    fetch: ModelFetch | None = None  # its model, on its way here
    machine_checked: float = 0.0  # time.monotonic(); when it was last seen that it cannot be
    failures: int = 0  # to load it, in a row
    trouble: str = ""  # why it could not be loaded; one line
    memory: int = 0  # bytes that it held when it was last looked at
    lock: threading.Lock = field(default_factory=threading.Lock)  # for `loading`
    changing: threading.Lock = field(default_factory=threading.Lock)  # one who loads or swaps it


class NarratorPool:
    """Runs the turns of several narrators."""

    def __init__(
        self,
        names: list[str],
        config: InferenceConfig,
        record: Record,
        record_summary: RecordSummary = lambda result: None,
    ) -> None:
        """Raises NarratorsError and UnknownNarrator."""
        narrators = narrators_of(config)
        self.entries = {name: PoolEntry(narrators.get(name)) for name in names}
        # The host's defaults, the best first, where there are several in this worker.
        order = [each.name for each in narrators.defaults if each.name in self.entries]
        self.defaults = [self.entries[name] for name in order] if len(order) > 1 else []
        self.config = config
        self.record = record
        self.record_summary = record_summary
        self.log = QueueClient(config.redis_url)
        self.name = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self.loading_lock = threading.Lock()
        self.draining = False
        self.deadline = 0.0  # time.monotonic(); when turns under way are handed on
        self.ended = threading.Event()

    # Start and stop

    def start(self) -> None:
        """Load the first narrator that can be; the others accept turns without being loaded.

        Raises EngineFailed where it is the only one. One on a server of its own is tried until it
        answers: such a server comes and goes as it likes.
        """
        first, *others = self.able()
        for entry in others:
            if entry not in self.defaults:  # a stand-in would be asked while a better one is loaded
                self.announce_unloaded(entry)
        if first.narrator.engine == "openai":
            self.load_in_background(first)
        else:
            self.load_first(first, alone=len(self.entries) == 1)
        for entry in others:
            if entry.narrator.engine == "openai":  # nothing to keep in memory
                self.load_in_background(entry)
        threading.Thread(target=self.watch_entries, name="entries", daemon=True).start()

    def able(self) -> list[PoolEntry]:
        """The entries whose models can be loaded now; of the host's defaults there is always one.

        What the others wait for is said, and their models are fetched.
        """
        for entry in self.defaults[:-1]:
            self.check_machine(entry)
        able = [entry for entry in self.defaults if entry.waits_for is None and self.is_here(entry)]
        able = able or self.defaults[-1:]
        for entry in self.defaults:
            if entry not in able and entry.waits_for is None:
                self.begin_fetch(entry)
        if self.defaults:
            self.announce_states()
        return able + [entry for entry in self.entries.values() if entry not in self.defaults]

    def load_first(self, entry: PoolEntry, alone: bool) -> None:
        try:
            self.load(entry)
        except EngineFailed as problem:
            if alone:
                raise
            self.quarantine(entry, str(problem))

    def drain(self, seconds: float) -> None:
        """Take no further turn. Those under way may take `seconds`; then others go on with them."""
        self.deadline = time.monotonic() + seconds
        self.draining = True
        for each in self.loaded_workers():
            each.drain()
        # Celery waits for its threads, and they for their turns: somebody else must end them.
        threading.Thread(target=self.requeue_at_deadline, name="drain", daemon=True).start()

    def requeue_at_deadline(self) -> None:
        """Wait for the turns under way, and hand on those that are still told at the deadline."""
        while not all(each.idle for each in self.loaded_workers()):
            now = time.monotonic()
            if now >= self.deadline:
                for each in self.loaded_workers():
                    self.requeue_turn(each)
            if now >= self.deadline + END_GRACE_SECONDS:
                return
            time.sleep(POLL)

    def requeue_turn(self, worker: NarratorWorker) -> None:
        """Requeue its turns, for other workers."""
        name = worker.narrator.name
        try:
            handed_on = worker.requeue_turn()
        except Exception as problem:  # their leases run out: the sweep hands them on
            logger.error("narrator %s: turns are not handed on: %s", name, where(problem))
            return
        if handed_on:
            logger.info("narrator %s: %s turns are handed on", name, handed_on)

    def stop(self) -> None:
        """End all engines. What is still under way is handed on."""
        self.draining = True
        self.ended.set()
        for entry in self.entries.values():
            if entry.fetch is not None:
                entry.fetch.stop()
        self.requeue_at_deadline()
        for each in self.loaded_workers():
            each.stop()
        for entry in self.entries.values():
            self.leave(entry)

    def loaded_workers(self) -> list[NarratorWorker]:
        """The workers that are loaded."""
        return [entry.worker for entry in list(self.entries.values()) if entry.worker]

    # Turns

    def load_in_background(self, entry: PoolEntry) -> None:
        """Have a narrator's model loaded, on a thread of its own, unless that is under way."""
        with entry.lock:
            if entry.loading or entry.worker or self.draining or entry.waits_for:
                return
            if time.monotonic() < entry.retry_at:
                return
            entry.loading = True
        threading.Thread(
            target=self.load_or_quarantine, args=[entry], name="load", daemon=True
        ).start()

    def load_or_quarantine(self, entry: PoolEntry) -> None:
        """Load a narrator, then tell what waits for it."""
        try:
            self.load(entry)
        except EngineFailed as problem:
            self.quarantine(entry, str(problem))
        except Exception as problem:
            self.quarantine(entry, f"narrator {entry.narrator.name}: {where(problem)}")
        finally:
            entry.loading = False

    def load(self, entry: PoolEntry) -> None:
        """Make room, load a narrator's model and have it tell. Raises EngineFailed."""
        with entry.changing, self.room_for(entry.narrator):
            if entry.worker is not None or self.draining or entry.withdrawn:
                return
            self.evict_for(entry)
            worker = self.new_worker(entry)
            worker.start(warm=True)
            self.activate(entry, worker)
            self.leave(entry)
            self.evict_for(entry)  # now that its weight is known

    def new_worker(self, entry: PoolEntry) -> NarratorWorker:
        """One for the narrator that the entry is for now."""

        def give_up(why: str) -> None:
            listed = sum(not each.installed for each in self.entries.values())
            if listed == 1 and not entry.installed and entry.worker is worker:
                end_the_worker(why)
            self.requeue_turn(worker)  # also those who wait for its engine wait no longer
            if entry.worker is worker:
                self.unload(entry)
                self.quarantine(entry, why)

        worker = NarratorWorker(
            entry.narrator, self.config, self.record, self.record_summary, give_up
        )

        def others() -> list[NarratorWorker]:
            loaded_workers = [each for each in self.loaded_workers() if each is not worker]
            return [each for each in loaded_workers if each.narrator.engine != "openai"]

        def stop_reading() -> None:
            for each in others():
                each.stop_reading_ahead()

        worker.others_idle = lambda: all(each.idle for each in others())
        worker.stop_others_reading = stop_reading
        return worker

    def activate(self, entry: PoolEntry, worker: NarratorWorker) -> None:
        entry.worker = worker
        entry.retry_at, entry.failures, entry.trouble = 0.0, 0, ""
        entry.memory = worker.memory
        if self.draining:
            worker.drain()
        try:
            worker.say_alive()
        except redis.RedisError as problem:
            logger.warning("narrator %s: not announced yet: %s", entry.narrator.name, problem)
        worker.take_turns()

    def quarantine(self, entry: PoolEntry, why: str) -> None:
        """Accept no turns for a narrator that cannot be loaded, until it is tried again."""
        wait = RETRY_SECONDS
        # Another one tells meanwhile, and each try takes memory.
        if entry in self.defaults and entry.narrator.engine != "openai":
            wait = min(RETRY_SECONDS * 2**entry.failures, LONGEST_RETRY_SECONDS)
            entry.failures = min(entry.failures + 1, 16)
        entry.retry_at, entry.trouble = time.monotonic() + wait, why
        logger.error("%s; tried again in %s s", why, wait)
        self.leave(entry)

    def announce_unloaded(self, entry: PoolEntry) -> None:
        """Send a heartbeat for an entry that is not loaded: its first turn has it loaded."""
        if self.draining or entry.narrator.engine == "openai" or entry.waits_for:
            return
        if time.monotonic() < entry.retry_at:
            return
        entry.said = time.monotonic()
        name, slots = entry.narrator.name, entry.narrator.slots
        try:
            self.log.send_heartbeat(name, self.name, slots, [USUAL_TURN_SECONDS], loaded=False)
        except redis.RedisError as problem:
            logger.warning("narrator %s: not announced: %s", name, problem)

    def leave(self, entry: PoolEntry) -> None:
        """Take back the heartbeat of an entry that is not loaded."""
        try:
            self.log.remove_worker(entry.narrator.name, self.name)
        except redis.RedisError:
            logger.debug("narrator %s: Redis is away", entry.narrator.name)

    # Several defaults

    def check_machine(self, entry: PoolEntry) -> None:
        """Note what this machine lacks for one of the defaults, once in a while."""
        now = time.monotonic()
        if entry.machine_checked and now - entry.machine_checked < MACHINE_CHECK_SECONDS:
            return
        entry.machine_checked = now
        lack = lack_of(entry.narrator, self.config.memory_mb)
        if lack and entry.waits_for is None:
            name, stand_in = entry.narrator.name, self.defaults[-1].narrator.name
            logger.warning("narrator %s is not used here: %s; %s tells", name, lack, stand_in)
        entry.waits_for = ModelState("lacking", why=lack) if lack else None

    def is_here(self, entry: PoolEntry) -> bool:
        """Whether nothing has to be fetched before it is loaded."""
        narrator = entry.narrator
        if not narrator.model or narrator.engine == "openai":
            return True
        return recorded_model(narrator, self.config.models_dir) is not None

    def begin_fetch(self, entry: PoolEntry) -> None:
        """ModelFetch its model, and have it loaded then."""
        entry.fetch = ModelFetch(entry.narrator, self.config.models_dir)
        entry.waits_for = entry.fetch.state
        entry.fetch.start()

    def announce_states(self) -> None:
        """Say what each of the defaults waits for until it can tell."""
        for entry in self.defaults:
            state = entry.waits_for
            if state is None and entry.worker is None:
                if entry.trouble:
                    state = ModelState("failed", why=entry.trouble)
                elif entry.loading:
                    state = ModelState("loading")
            try:
                if state is not None:
                    self.log.set_model_state(entry.narrator.name, state)
                elif entry.worker is not None:
                    self.log.clear_model_state(entry.narrator.name)
            except redis.RedisError as problem:
                logger.debug("narrator %s: Redis is away: %s", entry.narrator.name, problem)

    def update_default(self, entry: PoolEntry) -> None:
        """Load the best that can be; let one leave that only stood in for it."""
        better = self.defaults[: self.defaults.index(entry)]
        teller = entry.worker
        if entry.fetch is not None:
            entry.waits_for = entry.fetch.state
            if entry.waits_for is None:
                logger.info("narrator %s: its model is here", entry.narrator.name)
                entry.fetch = None
        if any(each.worker for each in better):
            unused = teller is not None and teller.idle and not entry.loading
            if teller and unused and time.monotonic() - teller.used > UNUSED_SECONDS:
                self.unload_unused(entry)
            return
        if teller is not None or entry.loading or any(each.loading for each in better):
            return
        if entry.waits_for is not None and entry.waits_for.kind == "lacking":
            self.check_machine(entry)
        if entry.waits_for is None and not self.is_here(entry) and entry is not self.defaults[-1]:
            self.begin_fetch(entry)
        self.load_in_background(entry)

    def unload_unused(self, entry: PoolEntry) -> None:
        """Unload a narrator that nobody asks for; a turn that comes for it loads it again."""
        with entry.lock:
            entry.loading = True  # nobody else loads or unloads it meanwhile

        def unload() -> None:
            try:
                with entry.changing:
                    logger.info("narrator %s is not needed now", entry.narrator.name)
                    self.unload(entry)
            finally:
                entry.loading = False

        threading.Thread(target=unload, name="unload", daemon=True).start()

    # Room

    def room_for(self, narrator: Narrator) -> AbstractContextManager[object]:
        """The lock for loading; a narrator on a server needs none, and may wait long for it."""
        return nullcontext() if narrator.engine == "openai" else self.loading_lock

    def evict_for(self, entry: PoolEntry) -> None:
        """Unload the least recently used narrators until the entry's model fits.

        One that tells finishes its turns first. A model that fits nowhere is loaded alone.
        """
        if self.config.memory_mb:
            most = self.config.memory_mb * MEGABYTE
        elif not entry.installed:
            return
        others = [
            each
            for each in self.entries.values()
            if each is not entry and each.worker and each.narrator.engine != "openai"
        ]
        others.sort(key=lambda each: each.worker.used if each.worker else 0.0)
        for each in others:
            each.memory = each.worker.memory if each.worker else 0
        wanted = self.needs(entry)
        if not self.config.memory_mb:
            # Whoever installs a narrator need not know what the others take.
            loaded = sum(each.memory for each in others)
            loaded += entry.memory if entry.worker else 0
            most = loaded + machine.memory()[1]
        for each in others:
            if wanted + sum(other.memory for other in others if other.worker) <= most:
                return
            logger.info("narrator %s is unloaded for %s", each.narrator.name, entry.narrator.name)
            self.unload(each)

    def needs(self, entry: PoolEntry) -> int:
        """Bytes that a narrator will hold: as it did before, or else what its files weigh."""
        return entry.memory or size_of_model(entry.narrator, self.config)

    def unload(self, entry: PoolEntry) -> None:
        """Let a narrator finish its turns, and end its engine."""
        worker = entry.worker
        if worker is None:
            return
        entry.worker = None  # from now on, a turn has it loaded again
        self.announce_unloaded(entry)
        self.retire(worker)

    def retire(self, worker: NarratorWorker) -> None:
        """Wait until its turns are told, up to RETIRE_SECONDS; then end its engine.

        What is still running then is requeued, as when the worker's own time is up: who
        tells for the narrator next goes on with it. Where the host has the narrator no more, the
        game's sweep ends the turn with the words that were told.
        """
        worker.drain()
        worker.leave()
        deadline = time.monotonic() + RETIRE_SECONDS
        while not worker.idle:
            now = time.monotonic()
            if now >= (min(deadline, self.deadline) if self.draining else deadline):
                self.requeue_turn(worker)
            if now >= deadline + END_GRACE_SECONDS:
                name = worker.narrator.name
                logger.error("narrator %s: its engine ends while a turn is told", name)
                break  # `stop` lets its lease go
            time.sleep(POLL)
        worker.stop()

    # New revisions

    def reload(self) -> None:
        """Read the narrators file again, and swap whoever is another in it now."""
        threading.Thread(target=self.swap_all, name="swap", daemon=True).start()

    def swap_all(self) -> None:
        try:
            narrators = narrators_of(self.config)
        except NarratorsError as problem:
            logger.error("the narrators go on as they are: %s", problem)
            return
        except Exception as problem:
            logger.error("the narrators go on as they are: %s", where(problem))
            return
        if wrong := narrators_problem(self.config.narrators_file):
            logger.error("the narrators go on as they are: %s", wrong)
            return
        listed = {name: entry for name, entry in self.entries.items() if not entry.installed}
        for name, entry in listed.items():
            try:
                narrator = narrators.get(name)
            except UnknownNarrator as problem:
                logger.error("narrator %s goes on as it is: %s", name, problem)
                continue
            if narrator == entry.narrator:
                logger.info("narrator %s is the same in %s", name, self.config.narrators_file)
                continue
            try:
                self.swap(entry, narrator)
            except Exception as problem:  # the other narrators are swapped all the same
                logger.error("narrator %s: not swapped: %s", name, where(problem))

    def swap(self, entry: PoolEntry, narrator: Narrator) -> None:
        """Have a new revision tell the new turns, once it can; what is under way is finished."""
        with entry.changing, self.room_for(narrator):
            before, old = entry.narrator, entry.worker
            if self.draining or entry.withdrawn or narrator == before:
                return
            entry.narrator, entry.memory, entry.retry_at = narrator, 0, 0.0
            if entry.fetch is not None:
                entry.fetch.stop()
            entry.fetch, entry.waits_for, entry.machine_checked = None, None, 0.0
            if old is None:  # the next turn loads the new one
                logger.info("narrator %s is %s now", narrator.name, revision_of(narrator))
                return
            self.evict_for(entry)
            new = self.new_worker(entry)
            try:
                new.start(warm=True)
            except Exception as problem:
                entry.narrator = before
                why = problem if isinstance(problem, EngineFailed) else where(problem)
                logger.error("narrator %s goes on as it is: %s", narrator.name, why)
                return
            old.drain()
            self.activate(entry, new)
        logger.info("narrator %s is %s now", narrator.name, revision_of(narrator))
        self.retire(old)

    # What is installed from the operator's page (inference.installing.installer)

    def offer(self, narrator: Narrator, memory: int) -> None:
        """Tell for a narrator from now on: its model is loaded when its first turn comes.

        One of the narrators file keeps its name. `memory`: bytes that it took when it was tried.
        """
        entry = self.entries.get(narrator.name)
        if entry is None:
            entry = PoolEntry(narrator, installed=True, memory=memory)
            # Others go through the entries meanwhile: they go on with those of before.
            self.entries = {**self.entries, narrator.name: entry}
            logger.info("narrator %s is offered", narrator.name)
            self.update_entry(entry)
        elif entry.installed and entry.narrator != narrator:
            threading.Thread(
                target=self.swap, args=[entry, narrator], name="swap", daemon=True
            ).start()

    def withdraw(self, name: str) -> threading.Thread | None:
        """Offer a narrator no longer, from now on.

        Its turns under way may take RETIRE_SECONDS, and one that is loaded just now is loaded to
        its end: the thread that is returned waits for that. None where there is nothing to end.
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
        """Retire whoever tells in a entry that nobody can call any more."""
        with entry.changing:  # who loads it just now
            worker, entry.worker = entry.worker, None
        if worker is not None:
            self.retire(worker)
        self.leave(entry)
        logger.info("narrator %s is not offered any more", entry.narrator.name)

    def loaded(self) -> dict[str, int]:
        """The narrators whose model is loaded, with the bytes that they hold."""
        return {each.narrator.name: each.memory for each in self.loaded_workers()}

    # Looking after the entries

    def watch_entries(self) -> None:
        """Announce the entries that are not loaded, and load one whose turns wait."""
        said = 0.0
        while not self.ended.wait(LOOK_EVERY):
            if self.defaults and time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                self.announce_states()
            for entry in self.entries.values():
                try:
                    self.update_entry(entry)
                except redis.RedisError as problem:
                    logger.warning(
                        "narrator %s: not looked after: %s", entry.narrator.name, problem
                    )
                except Exception as problem:
                    name = entry.narrator.name
                    logger.error("narrator %s: not looked after: %s", name, where(problem))

    def update_entry(self, entry: PoolEntry) -> None:
        if self.draining:
            return
        if entry in self.defaults:
            self.update_default(entry)
        if entry.worker is not None or entry.waits_for is not None:
            return
        name = entry.narrator.name
        if entry.narrator.engine == "openai":
            self.load_in_background(entry)
            return
        if time.monotonic() - entry.said >= SAY_EVERY:
            self.announce_unloaded(entry)
        entry.missed_checks = entry.missed_checks + 1 if self.log.waiting(name) else 0
        if entry.missed_checks >= MISSED_CHECKS:
            self.load_in_background(entry)


def revision_of(narrator: Narrator) -> str:
    """What a host calls this state of a narrator, or what it computes to."""
    return narrator.revision or narrator.fingerprint


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
