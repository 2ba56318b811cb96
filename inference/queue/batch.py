"""Batch jobs: reads prompts from a file, enqueues them, and writes their results to a file.

    {"id": "7", "prompt": "You stand in a cellar."}
    {"id": "8", "context": {"memory": "…", "story": […], "action": {"kind": "do", "action": "…"}}}

`prompt` is a story to be continued; `context` is a StoryContext, as the game sends it. Either may
have `sampling`, and `output` where a program reads the answer: a JSON schema or a grammar
(`inference.contract.output_format`). Without an `id` the line number is used. Each line of the
results is a BatchResult. The file of results is the state: prompts that have a result in it are not
run again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from inference.contract.output_format import OutputFormat
from inference.contract.plain import Plain
from inference.contract.request import BatchResult, GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.queue.client import QueueClient

IN_REDIS = 256  # jobs that wait in Redis at once; the others wait in their file
LOOK_EVERY = 0.5  # seconds
LONGEST_LINE = 256 * 1024  # characters


class BatchError(Exception):
    """Why a batch cannot be run, in one line that names the place."""


class Prompt(Plain):
    """One line of the file."""

    id: str = Field(default="", max_length=200)
    prompt: str = ""
    context: StoryContext | None = None
    sampling: SamplingParams | None = None
    output: OutputFormat | None = None

    @model_validator(mode="after")
    def asks_for_something(self) -> "Prompt":
        """Refuse both prompt and context at once, and none. Raises ValueError."""
        if bool(self.prompt.strip()) == (self.context is not None):
            raise ValueError("wants either prompt or context")
        return self


def prompts_of(file: Path) -> Iterator[Prompt]:
    """Yield the prompts of a file. Raises BatchError with the line's number."""
    seen: set[str] = set()
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                prompt = parsed(line, f"{file}, line {number}")
                prompt = prompt.model_copy(update={"id": prompt.id or str(number)})
                if prompt.id in seen:
                    raise BatchError(f"{file}, line {number}: the id {prompt.id!r} is there twice")
                seen.add(prompt.id)
                yield prompt
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(f"{file} cannot be read: {error}") from error


def parsed(line: str, where: str) -> Prompt:
    """Parse one line. Raises BatchError; `where` names the line in its message."""
    if len(line) > LONGEST_LINE:
        raise BatchError(f"{where}: over {LONGEST_LINE // 1024} KiB")
    try:
        return Prompt.model_validate(json.loads(line))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            what = first["msg"].removeprefix("Value error, ")
            raise BatchError(f"{where}: {place}: {what}" if place else f"{where}: {what}") from None
        raise BatchError(f"{where}: wants a JSON object ({error})") from None


def request_of(prompt: Prompt, batch: str, narrator: str) -> GenerationRequest:
    """The request of one prompt: its batch is `adventure`, its id is `turn`."""
    context = prompt.context or StoryContext(
        story=(Passage(kind="opening", reply=prompt.prompt),), action=Passage(kind="continue")
    )
    return GenerationRequest(
        adventure=batch,
        turn=prompt.id,
        attempt=1,
        narrator=narrator,
        context=context,
        sampling=prompt.sampling,
        output=prompt.output,
    )


def finished_ids(file: Path) -> set[str]:
    """The ids in a file of results. Raises BatchError for a file of anything else.

    An incomplete last line, as a crash leaves it, is removed from the file.
    """
    if not file.exists():
        return set()
    raw = file.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with file.open("r+b") as results:
            results.truncate(len(whole))
    try:
        return {BatchResult.from_message(line).id for line in whole.splitlines() if line.strip()}
    except ValidationError:
        raise BatchError(f"{file} holds something else than results: name another file") from None


@dataclass
class Progress:
    """The progress of a batch, in prompts. `before` were done when it began."""

    total: int
    done: int
    failed: int = 0
    tokens: int = 0
    began: float = field(default_factory=time.monotonic)
    before: int = 0

    @property
    def per_second(self) -> float:
        """Prompts done per second since it began."""
        return (self.done - self.before) / max(time.monotonic() - self.began, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until all are done; None until one is."""
        return (self.total - self.done) / self.per_second if self.done > self.before else None


class Batch:
    """One file of prompts for one narrator.

    Its name is a hash of the narrator and the path of the results, so that the same command goes
    on with the same batch.
    """

    def __init__(self, queue: QueueClient, narrator: str, prompts: Path, results: Path) -> None:
        self.queue = queue
        self.narrator = narrator
        self.prompts = prompts
        self.results = results
        named = f"{narrator}\n{results.resolve()}"
        self.name = f"batch-{hashlib.sha256(named.encode()).hexdigest()[:16]}"
        self.finished: set[str] = set()  # ids with a result in the file
        self.pending: dict[str, Prompt] = {}  # enqueued and without a result
        self.progress = Progress(0, 0)

    def run(self, show: Callable[[Progress], Any]) -> Progress:
        """Run the batch to its end; `show` gets the progress whenever something changed.

        Raises BatchError before anything is enqueued, and redis.RedisError when Redis stays away.
        """
        total = sum(1 for _ in prompts_of(self.prompts))
        self.finished = finished_ids(self.results)
        self.progress = Progress(total, len(self.finished), before=len(self.finished))
        left = (prompt for prompt in prompts_of(self.prompts) if prompt.id not in self.finished)
        with self.results.open("a", encoding="utf-8") as out:
            self.collect(out)
            while True:
                more = self.enqueue(left)
                if not more and not self.pending:
                    return self.progress
                if self.collect(out):
                    show(self.progress)
                else:
                    time.sleep(LOOK_EVERY)

    def enqueue(self, left: Iterator[Prompt]) -> bool:
        """Keep IN_REDIS jobs in Redis, lost ones again. False when the file has no more."""
        under_way = self.queue.batch_under_way(self.narrator, self.name)
        for prompt in self.pending.values():
            if prompt.id not in under_way:
                self.queue.enqueue_batch(request_of(prompt, self.name, self.narrator))
        while len(self.pending) < IN_REDIS:
            new = next(left, None)
            if new is None:
                return False
            if new.id in self.finished:  # of an earlier run, collected a moment ago
                continue
            self.pending[new.id] = new
            if new.id not in under_way:
                self.queue.enqueue_batch(request_of(new, self.name, self.narrator))
        return True

    def collect(self, out: Any) -> int:
        """Write results to the file, then drop them from Redis. Returns how many there were."""
        results = self.queue.batch_results(self.name)
        for result in results:
            self.pending.pop(result.id, None)
            if result.id in self.finished:
                continue  # it ran twice: its worker seemed lost
            self.finished.add(result.id)
            out.write(result.model_dump_json() + "\n")
            self.progress.done += 1
            self.progress.failed += bool(result.error)
            self.progress.tokens += result.tokens
        out.flush()
        if results:
            self.queue.forget_results(self.name, len(results))
        return len(results)
