"""Questions to the narrator about the turn that it has just told: readings and suggestions.

Idle work that comes after read-aheads and before summaries. A question continues the prompt that
was read ahead, so it is short (`inference.prompts.questions`). It begins only while no turn runs or
waits; a turn cancels it at the engine's next step, and ends all that waits for its own adventure.
Nothing depends on it: questions wait in this process alone, for a minute, and are lost with it.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from inference import metrics
from inference.contract.questions import Question, Reading, Suggestions, digest_of
from inference.contract.request import GenerationRequest, Passage
from inference.contract.world import World
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.log_context import where
from inference.narrators import Narrator
from inference.worker.idle.read_ahead import next_request
from inference.world import reading, suggestions

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds between looks at a worker that was busy
EXPIRES_SECONDS = 60.0  # after which nobody is helped by an answer
MOST_WAITING = 16  # questions; the oldest are dropped

Answer = Reading | Suggestions
RecordAnswer = Callable[[Answer], None]


@dataclass
class Job:
    """One question while it waits or is answered. `noted` is time.monotonic()."""

    kind: str  # "reading" or "suggestions": readings go first
    adventure: str
    question: Question
    parse: Callable[[str], Answer | None]
    noted: float
    text: str = ""


def jobs_after(request: GenerationRequest, reply: str, narrator: Narrator) -> list[Job]:
    """The questions after a turn that was told."""
    following, turn = next_request(request, reply), request.context.action
    newest = turn.model_copy(update={"reply": reply})
    names = {
        "adventure": request.adventure,
        "turn": request.turn,
        "texts": digest_of(newest.action, reply),
    }
    now = time.monotonic()
    jobs: list[Job] = []
    world = request.context.world or World()
    asked: tuple[reading.Asked, ...] = ()
    if narrator.state == "narrator":
        asked = reading.names_asked(world, newest)
    if asked:

        def parse_reading(text: str) -> Reading | None:
            changes = reading.changes_in(text, asked, world, newest)
            return Reading(**names, changes=changes) if changes else None

        question = reading.question_of(following, asked)
        jobs.append(Job("reading", request.adventure, question, parse_reading, now))
    if request.suggestions and narrator.engine != "transformers":  # which keeps to no schema
        said = said_lately(request, newest)

        def parse_suggestions(text: str) -> Suggestions | None:
            actions = suggestions.actions_in(text, said)
            return Suggestions(**names, actions=actions) if actions else None

        question = suggestions.question_of(following)
        jobs.append(Job("suggestions", request.adventure, question, parse_suggestions, now))
    return jobs


def said_lately(request: GenerationRequest, newest: Passage) -> list[str]:
    """What the player did in the latest turns: it is not suggested again."""
    return [each.action for each in (*request.context.story[-2:], newest)]


@dataclass
class IdleQuestions:
    """The questions of one worker. `record` sends answers to the game.

    `may_ask` says whether the worker is free, and raises redis.RedisError. `stop_idle_work` breaks
    off idle work that comes later. `run` has a thread of its own; `note`, `preempt`, `take` and
    `drop` never wait.
    """

    narrator: Narrator
    record: RecordAnswer
    engine: Callable[[], EngineProcess | None]
    next_number: Callable[[], int]  # for a request of the engine
    may_ask: Callable[[], bool]
    stop_idle_work: Callable[[EngineProcess], None]
    in_cache: Callable[[str], GenerationRequest | None]  # what was read ahead of an adventure
    waiting: list[Job] = field(default_factory=list)
    asking: tuple[int, Job] | None = None  # under the engine's number
    done: list[Job] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    changed: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def start(self) -> None:
        """Begin to ask, on a thread of its own."""
        threading.Thread(target=self.run, name="questions", daemon=True).start()

    def stop(self) -> None:
        """Ask nothing more. Does not wait."""
        self.ended = True
        self.changed.set()

    @property
    def busy(self) -> bool:
        """Whether anything is asked or waits to be: summaries and batches come after it."""
        return bool(self.asking or self.waiting)

    def note(self, request: GenerationRequest, reply: str) -> None:
        """Have the questions after a turn asked soon, in place of earlier ones of its adventure.

        Never raises: the turn was told.
        """
        try:
            jobs = jobs_after(request, reply, self.narrator)
        except Exception as problem:
            logger.error("turn %s: nothing is asked about it: %s", request.turn, where(problem))
            return
        with self.lock:
            self.forget(request.adventure)
            self.waiting += jobs
            for _ in range(len(self.waiting) - MOST_WAITING):
                self.waiting.remove(min(self.waiting, key=lambda job: job.noted))
        self.changed.set()

    def forget(self, adventure: str) -> None:
        """Drop what waits of an adventure. The caller holds the lock."""
        self.waiting = [job for job in self.waiting if job.adventure != adventure]

    # On its own thread

    def run(self) -> None:
        """Ask and send answers until `stop`. Errors are logged, and it goes on."""
        while not self.ended:
            self.changed.wait(LOOK_EVERY if self.busy or self.done else None)
            self.changed.clear()
            try:
                self.send_answers()
                self.ask_next()
            except redis.RedisError as problem:
                logger.warning("narrator %s: nothing is asked: %s", self.narrator.name, problem)
                time.sleep(LOOK_EVERY)
            except Exception as problem:
                logger.error(
                    "narrator %s: a question failed: %s", self.narrator.name, where(problem)
                )
                time.sleep(LOOK_EVERY)

    def ask_next(self) -> None:
        """Have the engine answer the next question, if the worker is idle."""
        engine = self.engine()
        if self.asking is not None or engine is None or not engine.alive:
            return
        oldest = time.monotonic() - EXPIRES_SECONDS
        with self.lock:
            self.waiting = [job for job in self.waiting if job.noted > oldest]
        if not self.waiting or not self.may_ask():
            return
        self.stop_idle_work(engine)
        number = self.next_number()
        with self.lock:
            job = next((each for each in self.waiting if each.kind == "reading"), None)
            job = job or next(iter(self.waiting), None)
            if job is None:
                return
            self.waiting.remove(job)
            job.text = ""
            self.asking = (number, job)
            # never waits; before preempt can cancel it
            engine.submit(number, self.as_read_ahead(job.question))
        if not self.may_ask():  # a turn came meanwhile, and saw nothing to break off
            self.preempt(engine)

    def as_read_ahead(self, question: Question) -> Question:
        """The question behind the prompt that was read ahead, if that is of the same turn.

        The game knows more of the next prompt than a worker: what is recalled, and the state.
        Another prompt would take its place in the cache, and the next turn would have to wait.
        """
        read = self.in_cache(question.request.adventure)
        if read is None or read.context.story[-1:] != question.request.context.story[-1:]:
            return question
        return question.model_copy(update={"request": read})

    def send_answers(self) -> None:
        """Parse the answers and send them to the game; an unreadable one is logged and dropped."""
        while self.done:
            with self.lock:
                job = self.done.pop(0)  # one by one: an error costs no other answer
            try:
                answer = job.parse(job.text)
            except (reading.UnreadableAnswer, suggestions.UnreadableAnswer) as problem:
                logger.info("adventure %s: %s", job.adventure, problem)
                continue
            metrics.BACKGROUND.labels(self.narrator.name, job.kind).inc()
            if answer is not None:
                self.record(answer)

    # On other threads

    def preempt(self, engine: EngineProcess, adventure: str = "") -> None:
        """Break off for a turn of `adventure`, whose questions are dropped; the rest waits."""
        with self.lock:
            self.forget(adventure)
            asking, self.asking = self.asking, None
            if asking is None:
                return
            number, job = asking
            engine.cancel(number)
            if job.adventure != adventure:
                self.waiting.insert(0, job)

    def drop(self) -> None:
        """The engine died: drop all, since one of them may be why."""
        with self.lock:
            self.asking = None
            self.waiting.clear()

    def take(self, news: list[NewText]) -> None:
        """Take the texts of one step."""
        if self.asking is None:
            return
        for new in news:
            with self.lock:
                if self.asking is None or self.asking[0] != new.request:
                    continue
                job = self.asking[1]
                job.text += new.text
                if new.finish is None:
                    continue
                self.asking = None
                if new.finish == "stop":
                    self.done.append(job)
            if new.finish == "error":
                logger.warning("narrator %s: no %s: %s", self.narrator.name, job.kind, new.error)
            self.changed.set()
