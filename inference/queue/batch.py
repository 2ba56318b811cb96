"""A file of prompts in, a file of replies out: the side that asks for batch work.

    {"id": "7", "prompt": "You stand in a cellar."}
    {"id": "8", "context": {"memory": "…", "story": […], "action": {"kind": "do", "action": "…"}}}

`prompt` is a story so far, to be gone on with; `context` is a StoryContext, as the game gives it.
Either may have `sampling`, and `output` where a program reads the answer: a JSON schema or a
grammar (`inference.contract.output_format`). Without an `id` the line number is used. Of what comes
out, each line is a BatchResult. The file that comes out is the state: what stands in it is not told
again.
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
from inference.contract.request import BatchResult, GenerationRequest, Passage, Plain, StoryContext
from inference.contract.sampling import SamplingParams
from inference.queue.client import QueueClient

IN_REDIS = 256  # jobs that wait there at once; the others wait in their file
LOOK_EVERY = 0.5  # seconds
LONGEST_LINE = 256 * 1024


class BatchError(Exception):
    """Why a batch cannot be told, in one line that names the place."""


class Prompt(Plain):
    """One line of the file."""

    id: str = Field(default="", max_length=200)
    prompt: str = ""
    context: StoryContext | None = None
    sampling: SamplingParams | None = None
    output: OutputFormat | None = None

    @model_validator(mode="after")
    def asks_for_something(self) -> "Prompt":
        if bool(self.prompt.strip()) == (self.context is not None):
            raise ValueError("wants either prompt or context")
        return self


def prompts_of(file: Path) -> Iterator[Prompt]:
    """The prompts of a file, one after the other. Raises BatchError with the line's number."""
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


def told_before(file: Path) -> set[str]:
    """The ids in a file of results. What a crash left of its last line is cut off."""
    if not file.exists():
        return set()
    raw = file.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with file.open("r+b") as results:
            results.truncate(len(whole))
    try:
        return {BatchResult.heard(line).id for line in whole.splitlines() if line.strip()}
    except ValidationError:
        raise BatchError(f"{file} holds something else than results: name another file") from None


@dataclass
class Progress:
    """How far a batch is. `show` gets it whenever something changed."""

    total: int
    done: int
    failed: int = 0
    tokens: int = 0
    began: float = field(default_factory=time.monotonic)
    before: int = 0

    @property
    def per_second(self) -> float:
        return (self.done - self.before) / max(time.monotonic() - self.began, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.per_second if self.done > self.before else None


class Batch:
    """One file of prompts on its way to one narrator. Its name follows from where replies go."""

    def __init__(self, log: QueueClient, narrator: str, prompts: Path, results: Path) -> None:
        self.log = log
        self.narrator = narrator
        self.prompts = prompts
        self.results = results
        named = f"{narrator}\n{results.resolve()}"
        self.name = f"batch-{hashlib.sha256(named.encode()).hexdigest()[:16]}"
        self.told: set[str] = set()
        self.asked: dict[str, Prompt] = {}  # in Redis, as far as we know
        self.progress = Progress(0, 0)

    def run(self, show: Callable[[Progress], Any]) -> Progress:
        """Have everything told. Raises BatchError, and redis.RedisError when Redis stays away."""
        total = sum(
            1 for _ in prompts_of(self.prompts)
        )  # all of it is looked at before any is told
        self.told = told_before(self.results)
        self.progress = Progress(total, len(self.told), before=len(self.told))
        left = (prompt for prompt in prompts_of(self.prompts) if prompt.id not in self.told)
        with self.results.open("a", encoding="utf-8") as out:
            self.collect(out)
            while True:
                more = self.ask(left)
                if not more and not self.asked:
                    return self.progress
                if self.collect(out):
                    show(self.progress)
                else:
                    time.sleep(LOOK_EVERY)

    def ask(self, left: Iterator[Prompt]) -> bool:
        """Keep IN_REDIS jobs there, those that were lost among them. Whether the file has more."""
        under_way = self.log.batch_under_way(self.narrator, self.name)
        for prompt in self.asked.values():
            if prompt.id not in under_way:
                self.log.enqueue_batch(request_of(prompt, self.name, self.narrator))
        while len(self.asked) < IN_REDIS:
            new = next(left, None)
            if new is None:
                return False
            if new.id in self.told:  # of an earlier run, collected a moment ago
                continue
            self.asked[new.id] = new
            if new.id not in under_way:
                self.log.enqueue_batch(request_of(new, self.name, self.narrator))
        return True

    def collect(self, out: Any) -> int:
        """Write down what is done; only then is it forgotten in Redis. How many there were."""
        results = self.log.batch_results(self.name)
        for result in results:
            self.asked.pop(result.id, None)
            if result.id in self.told:
                continue  # told twice: its worker seemed lost
            self.told.add(result.id)
            out.write(result.model_dump_json() + "\n")
            self.progress.done += 1
            self.progress.failed += bool(result.error)
            self.progress.tokens += result.tokens
        out.flush()
        if results:
            self.log.forget_results(self.name, len(results))
        return len(results)
