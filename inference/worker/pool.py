"""The narrators of one worker: loaded when first needed, kept while there is room, swapped.

Where the narrators file names several defaults, the first of them that can tell does. One whose
model is not here yet is fetched while a later one tells, and takes over when it is loaded; the
later one leaves once nobody asks for it. One that this machine cannot carry is not loaded.

Each has a seat, and in it at most one Storyteller that takes turns. A seat that is empty is on
call: its line is open, and the first turn has its model loaded. Where the models of all seats do
not fit, the one that was not asked for the longest time leaves for the next.

A new revision of a narrator is loaded and tried beside the old one, which tells meanwhile; then the
new one takes the turns, and the old one goes when those it has begun are told.

One thread at a time loads (`stage`): two models at once would need the room of both.
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
from inference.models.store import ModelError, known, model_path
from inference.narrators import (
    Narrator,
    NarratorsError,
    UnknownNarrator,
    narrators_of,
    narrators_problem,
)
from inference.queue.client import QueueClient
from inference.worker.idle_summaries import RecordSummary
from inference.worker.model_fetch import Fetch
from inference.worker.narrator_worker import (
    USUAL_TURN_SECONDS,
    Record,
    Storyteller,
    end_the_worker,
)

logger = logging.getLogger(__name__)

RETRY_SECONDS = 15  # until a narrator that could not be loaded is tried again
LONGEST_RETRY_SECONDS = 600  # of a default that another one stands in for; each wait is doubled
LOOK_AT_MACHINE_SECONDS = 60.0  # between looks whether a machine can carry what it could not
STAND_BY_SECONDS = 120.0  # without a turn, after which a stand-in that is not needed leaves
LOOK_EVERY = 0.25  # seconds between looks at the seats
SAY_EVERY = 1.0  # seconds between words that a line is open
OVERLOOKED = 2  # looks after which a turn that nobody takes has its narrator loaded here
RETIRE_SECONDS = 120.0  # that the last turns of a narrator may take which is swapped or removed
LAST_WORDS_SECONDS = 3  # for ends that wait to be logged, once the turns are handed on
POLL = 0.05  # seconds between looks at turns that are to end
MEGABYTE = 1024 * 1024


@dataclass
class Seat:
    """One narrator of the worker: as the file has it, and who tells, if its model is loaded."""

    narrator: Narrator
    installed: bool = False  # from the operator's page, and not from the narrators file
    storyteller: Storyteller | None = None
    withdrawn: bool = False  # nobody tells for it any more
    loading: bool = False
    away_until: float = 0.0  # time.monotonic(); until then nobody tries to load it
    overlooked: int = 0  # looks in a row that found turns waiting and nobody to tell them
    said: float = 0.0  # time.monotonic(); when it was last said that its line is open
    waits_for: ModelState | None = None  # what keeps it from being loaded
    fetch: Fetch | None = None  # its model, on its way here
    looked_at_machine: float = 0.0  # time.monotonic(); when it was last seen that it cannot be
    failures: int = 0  # to load it, in a row
    trouble: str = ""  # why it could not be loaded; one line
    memory: int = 0  # bytes that it held when it was last looked at
    lock: threading.Lock = field(default_factory=threading.Lock)  # for `loading`
    changing: threading.Lock = field(default_factory=threading.Lock)  # one who loads or swaps it


class Company:
    """Tells the turns of several narrators."""

    def __init__(
        self,
        names: list[str],
        config: InferenceConfig,
        record: Record,
        record_summary: RecordSummary = lambda result: None,
    ) -> None:
        """Raises NarratorsError and UnknownNarrator."""
        narrators = narrators_of(config)
        self.seats = {name: Seat(narrators.get(name)) for name in names}
        # The host's defaults, the best first, where there are several in this worker.
        order = [each.name for each in narrators.defaults if each.name in self.seats]
        self.defaults = [self.seats[name] for name in order] if len(order) > 1 else []
        self.config = config
        self.record = record
        self.record_summary = record_summary
        self.log = QueueClient(config.redis_url)
        self.name = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self.stage = threading.Lock()
        self.draining = False
        self.deadline = 0.0  # time.monotonic(); when turns under way are handed on
        self.ended = threading.Event()

    # Its life

    def start(self) -> None:
        """Load the first narrator that can be, and have the others on call.

        Raises EngineFailed where it is the only one. One on a server of its own is tried until it
        answers: such a server comes and goes as it likes.
        """
        first, *others = self.able()
        for seat in others:
            if seat not in self.defaults:  # a stand-in would be asked while a better one is loaded
                self.say_on_call(seat)
        if first.narrator.engine == "openai":
            self.call(first)
        else:
            self.load_first(first, alone=len(self.seats) == 1)
        for seat in others:
            if seat.narrator.engine == "openai":  # nothing to keep in memory
                self.call(seat)
        threading.Thread(target=self.keep, name="seats", daemon=True).start()

    def able(self) -> list[Seat]:
        """The seats whose models can be loaded now; of the host's defaults there is always one.

        What the others wait for is said, and their models are fetched.
        """
        for seat in self.defaults[:-1]:
            self.look_at_machine(seat)
        able = [seat for seat in self.defaults if seat.waits_for is None and self.is_here(seat)]
        able = able or self.defaults[-1:]
        for seat in self.defaults:
            if seat not in able and seat.waits_for is None:
                self.begin_fetch(seat)
        if self.defaults:
            self.say_waits()
        return able + [seat for seat in self.seats.values() if seat not in self.defaults]

    def load_first(self, seat: Seat, alone: bool) -> None:
        try:
            self.load(seat)
        except EngineFailed as problem:
            if alone:
                raise
            self.quarantine(seat, str(problem))

    def drain(self, seconds: float) -> None:
        """Take no further turn. Those under way may take `seconds`; then others go on with them."""
        self.deadline = time.monotonic() + seconds
        self.draining = True
        for each in self.tellers():
            each.drain()
        # Celery waits for its threads, and they for their turns: somebody else must end them.
        threading.Thread(target=self.hand_on_in_time, name="drain", daemon=True).start()

    def hand_on_in_time(self) -> None:
        """Wait for the turns under way, and hand on those that are still told at the deadline."""
        while not all(each.idle for each in self.tellers()):
            now = time.monotonic()
            if now >= self.deadline:
                for each in self.tellers():
                    self.requeue_turn(each)
            if now >= self.deadline + LAST_WORDS_SECONDS:
                return
            time.sleep(POLL)

    def requeue_turn(self, storyteller: Storyteller) -> None:
        """Put its turns back into the line, for other workers."""
        name = storyteller.narrator.name
        try:
            handed_on = storyteller.requeue_turn()
        except Exception as problem:  # their leases run out: the sweep hands them on
            logger.error("narrator %s: turns are not handed on: %s", name, where(problem))
            return
        if handed_on:
            logger.info("narrator %s: %s turns are handed on", name, handed_on)

    def stop(self) -> None:
        """End all engines. What is still under way is handed on."""
        self.draining = True
        self.ended.set()
        for seat in self.seats.values():
            if seat.fetch is not None:
                seat.fetch.stop()
        self.hand_on_in_time()
        for each in self.tellers():
            each.stop()
        for seat in self.seats.values():
            self.leave(seat)

    def tellers(self) -> list[Storyteller]:
        """Those who are loaded."""
        return [seat.storyteller for seat in list(self.seats.values()) if seat.storyteller]

    # Turns

    def call(self, seat: Seat) -> None:
        """Have a narrator's model loaded, on a thread of its own, unless that is under way."""
        with seat.lock:
            if seat.loading or seat.storyteller or self.draining or seat.waits_for:
                return
            if time.monotonic() < seat.away_until:
                return
            seat.loading = True
        threading.Thread(target=self.answer, args=[seat], name="load", daemon=True).start()

    def answer(self, seat: Seat) -> None:
        """Load a narrator, then tell what waits for it."""
        try:
            self.load(seat)
        except EngineFailed as problem:
            self.quarantine(seat, str(problem))
        except Exception as problem:
            self.quarantine(seat, f"narrator {seat.narrator.name}: {where(problem)}")
        finally:
            seat.loading = False

    def load(self, seat: Seat) -> None:
        """Make room, load a narrator's model and have it tell. Raises EngineFailed."""
        with seat.changing, self.room_for(seat.narrator):
            if seat.storyteller is not None or self.draining or seat.withdrawn:
                return
            self.evict_for(seat)
            storyteller = self.storyteller(seat)
            storyteller.start(warm=True)
            self.take_the_seat(seat, storyteller)
            self.leave(seat)
            self.evict_for(seat)  # now that its weight is known

    def storyteller(self, seat: Seat) -> Storyteller:
        """One for the narrator that the seat is for now."""

        def give_up(why: str) -> None:
            listed = sum(not each.installed for each in self.seats.values())
            if listed == 1 and not seat.installed and seat.storyteller is storyteller:
                end_the_worker(why)
            self.requeue_turn(storyteller)  # also those who wait for its engine wait no longer
            if seat.storyteller is storyteller:
                self.unload(seat)
                self.quarantine(seat, why)

        storyteller = Storyteller(
            seat.narrator, self.config, self.record, self.record_summary, give_up
        )

        def others() -> list[Storyteller]:
            tellers = [each for each in self.tellers() if each is not storyteller]
            return [each for each in tellers if each.narrator.engine != "openai"]

        def stop_reading() -> None:
            for each in others():
                each.stop_reading_ahead()

        storyteller.others_idle = lambda: all(each.idle for each in others())
        storyteller.stop_others_reading = stop_reading
        return storyteller

    def take_the_seat(self, seat: Seat, storyteller: Storyteller) -> None:
        seat.storyteller = storyteller
        seat.away_until, seat.failures, seat.trouble = 0.0, 0, ""
        seat.memory = storyteller.memory
        if self.draining:
            storyteller.drain()
        try:
            storyteller.say_alive()
        except redis.RedisError as problem:
            logger.warning("narrator %s: not announced yet: %s", seat.narrator.name, problem)
        storyteller.take_turns()

    def quarantine(self, seat: Seat, why: str) -> None:
        """Close the line of a narrator that cannot tell, until it is tried again."""
        wait = RETRY_SECONDS
        # Another one tells meanwhile, and each try takes memory.
        if seat in self.defaults and seat.narrator.engine != "openai":
            wait = min(RETRY_SECONDS * 2**seat.failures, LONGEST_RETRY_SECONDS)
            seat.failures = min(seat.failures + 1, 16)
        seat.away_until, seat.trouble = time.monotonic() + wait, why
        logger.error("%s; tried again in %s s", why, wait)
        self.leave(seat)

    def say_on_call(self, seat: Seat) -> None:
        """Its line is open: whoever comes has its model loaded."""
        if self.draining or seat.narrator.engine == "openai" or seat.waits_for:
            return
        if time.monotonic() < seat.away_until:
            return
        seat.said = time.monotonic()
        name, slots = seat.narrator.name, seat.narrator.slots
        try:
            self.log.send_heartbeat(name, self.name, slots, [USUAL_TURN_SECONDS], loaded=False)
        except redis.RedisError as problem:
            logger.warning("narrator %s: not announced: %s", name, problem)

    def leave(self, seat: Seat) -> None:
        """It is not on call: it tells, or it is away."""
        try:
            self.log.leave(seat.narrator.name, self.name)
        except redis.RedisError:
            logger.debug("narrator %s: Redis is away", seat.narrator.name)

    # Defaults that stand in for each other

    def look_at_machine(self, seat: Seat) -> None:
        """Note what this machine lacks for one of the defaults, once in a while."""
        now = time.monotonic()
        if seat.looked_at_machine and now - seat.looked_at_machine < LOOK_AT_MACHINE_SECONDS:
            return
        seat.looked_at_machine = now
        lack = lack_of(seat.narrator, self.config.memory_mb)
        if lack and seat.waits_for is None:
            name, stand_in = seat.narrator.name, self.defaults[-1].narrator.name
            logger.warning("narrator %s is not used here: %s; %s tells", name, lack, stand_in)
        seat.waits_for = ModelState("lacking", why=lack) if lack else None

    def is_here(self, seat: Seat) -> bool:
        """Whether nothing has to be fetched before it is loaded."""
        narrator = seat.narrator
        if not narrator.model or narrator.engine == "openai":
            return True
        return known(narrator, self.config.models_dir) is not None

    def begin_fetch(self, seat: Seat) -> None:
        """Fetch its model, and have it loaded then."""
        seat.fetch = Fetch(seat.narrator, self.config.models_dir)
        seat.waits_for = seat.fetch.state
        seat.fetch.start()

    def say_waits(self) -> None:
        """Say what each of the defaults waits for until it can tell."""
        for seat in self.defaults:
            state = seat.waits_for
            if state is None and seat.storyteller is None:
                if seat.trouble:
                    state = ModelState("failed", why=seat.trouble)
                elif seat.loading:
                    state = ModelState("loading")
            try:
                if state is not None:
                    self.log.say_model_state(seat.narrator.name, state)
                elif seat.storyteller is not None:
                    self.log.forget_model_state(seat.narrator.name)
            except redis.RedisError as problem:
                logger.debug("narrator %s: Redis is away: %s", seat.narrator.name, problem)

    def look_after_default(self, seat: Seat) -> None:
        """Load the best that can be; let one leave that only stood in for it."""
        better = self.defaults[: self.defaults.index(seat)]
        teller = seat.storyteller
        if seat.fetch is not None:
            seat.waits_for = seat.fetch.state
            if seat.waits_for is None:
                logger.info("narrator %s: its model is here", seat.narrator.name)
                seat.fetch = None
        if any(each.storyteller for each in better):
            unused = teller is not None and teller.idle and not seat.loading
            if teller and unused and time.monotonic() - teller.used > STAND_BY_SECONDS:
                self.unload_unused(seat)
            return
        if teller is not None or seat.loading or any(each.loading for each in better):
            return
        if seat.waits_for is not None and seat.waits_for.kind == "lacking":
            self.look_at_machine(seat)
        if seat.waits_for is None and not self.is_here(seat) and seat is not self.defaults[-1]:
            self.begin_fetch(seat)
        self.call(seat)

    def unload_unused(self, seat: Seat) -> None:
        """Unload a narrator that nobody asks for; a turn that comes for it loads it again."""
        with seat.lock:
            seat.loading = True  # nobody else loads or unloads it meanwhile

        def unload() -> None:
            try:
                with seat.changing:
                    logger.info("narrator %s is not needed now", seat.narrator.name)
                    self.unload(seat)
            finally:
                seat.loading = False

        threading.Thread(target=unload, name="unload", daemon=True).start()

    # Room

    def room_for(self, narrator: Narrator) -> AbstractContextManager[object]:
        """The stage; one told by a server needs none, and may wait long for it."""
        return nullcontext() if narrator.engine == "openai" else self.stage

    def evict_for(self, seat: Seat) -> None:
        """Unload the least recently used narrators until the seat's model fits.

        One that tells finishes its turns first. A model that fits nowhere is loaded alone.
        """
        if self.config.memory_mb:
            most = self.config.memory_mb * MEGABYTE
        elif not seat.installed:
            return
        others = [
            each
            for each in self.seats.values()
            if each is not seat and each.storyteller and each.narrator.engine != "openai"
        ]
        others.sort(key=lambda each: each.storyteller.used if each.storyteller else 0.0)
        for each in others:
            each.memory = each.storyteller.memory if each.storyteller else 0
        wanted = self.needs(seat)
        if not self.config.memory_mb:
            # Whoever installs a narrator need not know what the others take.
            loaded = sum(each.memory for each in others)
            loaded += seat.memory if seat.storyteller else 0
            most = loaded + machine.memory()[1]
        for each in others:
            if wanted + sum(other.memory for other in others if other.storyteller) <= most:
                return
            logger.info("narrator %s is unloaded for %s", each.narrator.name, seat.narrator.name)
            self.unload(each)

    def needs(self, seat: Seat) -> int:
        """Bytes that a narrator will hold: as it did before, or else what its files weigh."""
        return seat.memory or size_of_model(seat.narrator, self.config)

    def unload(self, seat: Seat) -> None:
        """Let a narrator finish its turns, and end its engine."""
        storyteller = seat.storyteller
        if storyteller is None:
            return
        seat.storyteller = None  # from now on, a turn has it called again
        self.say_on_call(seat)
        self.retire(storyteller)

    def retire(self, storyteller: Storyteller) -> None:
        """Wait until its turns are told, up to RETIRE_SECONDS; then end its engine.

        What is still told then goes back into the line, as when the worker's own time is up: who
        tells for the narrator next goes on with it. Where the host has the narrator no more, the
        game's sweep ends the turn with the words that were told.
        """
        storyteller.drain()
        storyteller.leave()
        deadline = time.monotonic() + RETIRE_SECONDS
        while not storyteller.idle:
            now = time.monotonic()
            if now >= (min(deadline, self.deadline) if self.draining else deadline):
                self.requeue_turn(storyteller)
            if now >= deadline + LAST_WORDS_SECONDS:
                name = storyteller.narrator.name
                logger.error("narrator %s: its engine ends while a turn is told", name)
                break  # `stop` lets its lease go
            time.sleep(POLL)
        storyteller.stop()

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
        listed = {name: seat for name, seat in self.seats.items() if not seat.installed}
        for name, seat in listed.items():
            try:
                narrator = narrators.get(name)
            except UnknownNarrator as problem:
                logger.error("narrator %s goes on as it is: %s", name, problem)
                continue
            if narrator == seat.narrator:
                logger.info("narrator %s is the same in %s", name, self.config.narrators_file)
                continue
            try:
                self.swap(seat, narrator)
            except Exception as problem:  # the other narrators are swapped all the same
                logger.error("narrator %s: not swapped: %s", name, where(problem))

    def swap(self, seat: Seat, narrator: Narrator) -> None:
        """Have a new revision tell the new turns, once it can; what is under way is finished."""
        with seat.changing, self.room_for(narrator):
            before, old = seat.narrator, seat.storyteller
            if self.draining or seat.withdrawn or narrator == before:
                return
            seat.narrator, seat.memory, seat.away_until = narrator, 0, 0.0
            if seat.fetch is not None:
                seat.fetch.stop()
            seat.fetch, seat.waits_for, seat.looked_at_machine = None, None, 0.0
            if old is None:  # the next turn loads the new one
                logger.info("narrator %s is %s now", narrator.name, revision_of(narrator))
                return
            self.evict_for(seat)
            new = self.storyteller(seat)
            try:
                new.start(warm=True)
            except Exception as problem:
                seat.narrator = before
                why = problem if isinstance(problem, EngineFailed) else where(problem)
                logger.error("narrator %s goes on as it is: %s", narrator.name, why)
                return
            old.drain()
            self.take_the_seat(seat, new)
        logger.info("narrator %s is %s now", narrator.name, revision_of(narrator))
        self.retire(old)

    # What is installed from the operator's page (inference.installing.installer)

    def offer(self, narrator: Narrator, memory: int) -> None:
        """Tell for a narrator from now on: its model is loaded when its first turn comes.

        One of the narrators file keeps its name. `memory`: bytes that it took when it was tried.
        """
        seat = self.seats.get(narrator.name)
        if seat is None:
            seat = Seat(narrator, installed=True, memory=memory)
            # Others go through the seats meanwhile: they go on with those of before.
            self.seats = {**self.seats, narrator.name: seat}
            logger.info("narrator %s is offered", narrator.name)
            self.look_after(seat)
        elif seat.installed and seat.narrator != narrator:
            threading.Thread(
                target=self.swap, args=[seat, narrator], name="swap", daemon=True
            ).start()

    def withdraw(self, name: str) -> threading.Thread | None:
        """Offer a narrator no longer, from now on.

        Its turns under way may take RETIRE_SECONDS, and one that is loaded just now is loaded to
        its end: the thread that is returned waits for that. None where there is nothing to end.
        """
        seat = self.seats.get(name)
        if seat is None or not seat.installed:
            return None
        self.seats = {other: each for other, each in self.seats.items() if other != name}
        seat.withdrawn = True
        thread = threading.Thread(target=self.end_seat, args=[seat], name="withdraw", daemon=True)
        thread.start()
        return thread

    def end_seat(self, seat: Seat) -> None:
        """Retire whoever tells in a seat that nobody can call any more."""
        with seat.changing:  # who loads it just now
            storyteller, seat.storyteller = seat.storyteller, None
        if storyteller is not None:
            self.retire(storyteller)
        self.leave(seat)
        logger.info("narrator %s is not offered any more", seat.narrator.name)

    def loaded(self) -> dict[str, int]:
        """The narrators whose model is loaded, with the bytes that they hold."""
        return {each.narrator.name: each.memory for each in self.tellers()}

    # Looking after the seats

    def keep(self) -> None:
        """Keep the lines of those on call open, and load the model of one whose turns wait."""
        said = 0.0
        while not self.ended.wait(LOOK_EVERY):
            if self.defaults and time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                self.say_waits()
            for seat in self.seats.values():
                try:
                    self.look_after(seat)
                except redis.RedisError as problem:
                    logger.warning("narrator %s: not looked after: %s", seat.narrator.name, problem)
                except Exception as problem:
                    name = seat.narrator.name
                    logger.error("narrator %s: not looked after: %s", name, where(problem))

    def look_after(self, seat: Seat) -> None:
        if self.draining:
            return
        if seat in self.defaults:
            self.look_after_default(seat)
        if seat.storyteller is not None or seat.waits_for is not None:
            return
        name = seat.narrator.name
        if seat.narrator.engine == "openai":
            self.call(seat)
            return
        if time.monotonic() - seat.said >= SAY_EVERY:
            self.say_on_call(seat)
        seat.overlooked = seat.overlooked + 1 if self.log.waiting(name) else 0
        if seat.overlooked >= OVERLOOKED:
            self.call(seat)


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
