"""The process that installs one narrator: `python -m inference.installing.process PARENT_PID`.

Started by `inference.installing.installer`, never by hand. A process of its own, since a hostile
file may end it inside a library, and since what was loaded for trying must be gone afterwards. It
reads a Work from its standard input and writes JSON lines to its standard output: Progress, and in
the end one JobResult.
"""

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from inference.config import InferenceConfig
from inference.contract.request import Passage
from inference.engines.host import die_with, one_line
from inference.installing import machine
from inference.installing.estimates import (
    PROCESS,
    SPARE_DISK,
    WEIGHTS,
    disk_problem,
    memory_problem,
)
from inference.installing.jobs import Data, Job, JobResult, Progress, Step
from inference.models import hub
from inference.models.compatibility import Compatibility, check_compatibility
from inference.models.gguf import read_header
from inference.models.records import size_of
from inference.models.sources import hub_file, hub_folder, is_remote
from inference.models.store import FETCHING, ModelError, ensure_model, recorded_model
from inference.narrators import Narrator

SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")
MEET_SECONDS = 3.0  # for a server to answer: somebody sits before the page
TEST_TOKENS = 40  # told by a narrator that is tried
SAY_EVERY = 0.5  # seconds between lines of progress
WHAT_WENT_WRONG = (ModelError, hub.HubError, OSError, ValueError, RuntimeError, ImportError)

Say = Callable[[Step, int, int], None]


class Work(Data):
    """What the process is to do, and where."""

    job: Job
    models_dir: Path
    memory_check: bool = True


class CannotInstall(ValueError):
    """Why not, in one line."""


def main(arguments: list[str]) -> int:
    die_with(int(arguments[0]))
    # Libraries write to standard output: what the worker reads goes where they cannot.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    work = Work.model_validate_json(sys.stdin.buffer.read())
    result = do(work, out)
    write(out, result)
    return 0


def write(out: IO[str], line: Progress | JobResult) -> None:
    out.write(line.model_dump_json() + "\n")
    out.flush()


def do(work: Work, out: IO[str]) -> JobResult:
    """Install, and say in one line what went wrong if something does."""
    job = work.job
    said_at, last_step = 0.0, ""

    def say(step: Step, done: int = 0, total: int = 0) -> None:
        nonlocal said_at, last_step
        now = time.monotonic()
        if step != last_step or now - said_at >= SAY_EVERY or (total and done == total):
            said_at, last_step = now, step
            write(out, Progress(attempt=job.attempt, step=step, done=done, total=total))

    failed = JobResult(name=job.name, attempt=job.attempt, outcome="failed")
    try:
        if job.narrator.engine == "openai":
            return connect(job, work, say)
        return install(job, work, say, out)
    except WHAT_WENT_WRONG as problem:
        return failed.model_copy(update={"problem": plain(one_line(problem), job.name)})


def plain(problem: str, name: str) -> str:
    """A line without what the page says anyway."""
    return problem.removeprefix(f"narrator {name!r}: ")


def install(job: Job, work: Work, say: Say, out: IO[str]) -> JobResult:
    """Fetch a model, verify it, load it and have it tell."""
    say("looking", 0, 0)
    narrator, size = pinned(job.narrator, work.models_dir)
    if narrator != job.narrator:  # kept, so that what is fetched can be found and removed
        write(
            out,
            JobResult(name=job.name, attempt=job.attempt, outcome="pinned", narrator=narrator),
        )
    here = machine.look(work.models_dir)
    refuse(memory_problem(size * WEIGHTS + PROCESS, here) if work.memory_check else "")
    refuse(disk_problem(size + SPARE_DISK - begun(narrator, work.models_dir), here))
    fetched = not is_remote(narrator.model)  # the host's own file is only read
    what = ""

    def progress(done: int, total: int) -> None:
        say("making" if fetched else "fetching", done, total)

    def tell(found: Compatibility) -> None:
        nonlocal what, fetched
        what, fetched = found.what, True
        if narrator.engine in found.memory and work.memory_check:
            refuse(memory_problem(found.memory[narrator.engine], machine.look(work.models_dir)))

    path = ensure_model(narrator, work.models_dir, progress, tell)
    if job.adapt:
        narrator = fitted(narrator, path)
    say("trying", 0, 0)
    config = InferenceConfig(redis_url="", narrators_file=Path(), models_dir=work.models_dir)
    speed = try_out(narrator, config)
    from inference.lab.standalone import peak_memory  # noqa: PLC0415

    return JobResult(
        name=job.name,
        attempt=job.attempt,
        outcome="ready",
        narrator=narrator,
        # Without the file's name, which is one of ours by now.
        what=(what or check_compatibility(path, narrator).what).partition(": ")[2],
        speed=speed,
        memory=peak_memory(),
    )


def refuse(problem: str) -> None:
    if problem:
        raise CannotInstall(problem)


def pinned(narrator: Narrator, models_dir: Path) -> tuple[Narrator, int]:
    """The narrator with the digest of its file or the commit of its folder, and the size of that.

    Asks the hub where the entry does not say. Raises HubError, and CannotInstall.
    """
    if not is_remote(narrator.model):
        path = models_dir / narrator.model
        if not path.exists():
            raise CannotInstall(f"there is no {narrator.model} in the models folder any more")
        return narrator, size_of(path)
    if narrator.sha256 is not None:
        return narrator, narrator.bytes
    if (remote := hub_file(narrator.model)) is not None:
        commit, files = hub.listing(remote.repo, remote.revision)
        for each in files:
            if each.name == remote.name:
                # They become names of folders.
                if not (SHA256.fullmatch(each.digest) and COMMIT.fullmatch(commit)):
                    raise CannotInstall(f"the hub gives no SHA-256 of {remote.name}")
                model = f"hf:{remote.repo}@{commit}/{remote.name}"
                found = {"model": model, "sha256": each.digest, "bytes": each.size}
                return narrator.model_copy(update=found), each.size
        names = [each.name for each in files if each.name.lower().endswith(".gguf")]
        some = ", ".join(sorted(names)[:6]) or "no GGUF file"
        raise CannotInstall(f"{remote.repo} has no file {remote.name}; it has {some}")
    if (folder := hub_folder(narrator.model)) is not None:
        repo, revision = folder
        commit, files = hub.look(repo, revision)
        size = sum(each.size for each in files)
        return narrator.model_copy(update={"model": f"hf:{repo}@{commit}"}), size
    return narrator, narrator.bytes


def begun(narrator: Narrator, models_dir: Path) -> int:
    """Bytes that were fetched before, by a job that broke off."""
    if recorded_model(narrator, models_dir) is not None:
        return narrator.bytes
    if narrator.sha256 is None:
        return 0
    kept = models_dir / FETCHING / narrator.sha256[:16]
    return sum(each.stat().st_size for each in kept.rglob("*") if each.is_file())


def fitted(narrator: Narrator, path: Path) -> Narrator:
    """A narrator that was only named, with format and context as its own file has them."""
    if not path.is_file():
        return narrator
    header = read_header(path)
    context = min(header.context or narrator.context, narrator.context)
    return narrator.model_copy(
        update={
            "format": "chat" if header.chat else "transcript",
            "context": max(256, context),
        }
    )


def try_out(narrator: Narrator, config: InferenceConfig) -> float:
    """Load a narrator and have it tell. Tokens a second. Raises CannotInstall, and what engines do.

    openvino's weights are proved first, as `narrators pull` does: what it reads wrongly it tells
    fluently.
    """
    from inference.lab.standalone import ACTIONS, OPENING, StandaloneStory  # noqa: PLC0415
    from inference.lab.weight_check import check_weights  # noqa: PLC0415

    if narrator.engine == "openvino" or narrator.reference is not None:
        refuse(check_weights(narrator, config).problem)
    shortly = min(TEST_TOKENS, narrator.sampling.max_tokens)
    sampling = narrator.sampling.model_copy(update={"max_tokens": shortly})
    standalone = StandaloneStory(narrator.model_copy(update={"sampling": sampling}), config)
    standalone.story.append(Passage(kind="opening", reply=OPENING))
    reply = standalone.take_turn(ACTIONS[0])
    if not reply.reply.strip():
        raise CannotInstall("it was loaded, and tells nothing: is it a model for stories or chats?")
    return reply.speed


def connect(job: Job, work: Work, say: Say) -> JobResult:
    """Meet a server, have it read a full window, and have it tell."""
    from inference.engines.openai import OpenAIEngine  # noqa: PLC0415  a client of its own
    from inference.engines.openai.context_check import check_context  # noqa: PLC0415

    say("looking", 0, 0)
    narrator = job.narrator
    engine = OpenAIEngine(narrator, startup_seconds=MEET_SECONDS)
    try:
        called = f"{engine.dialect.name}, {engine.model}"
        narrator = narrator.model_copy(update={"context": engine.context_tokens})
        say("trying", 0, 0)
        check = check_context(engine, reply_tokens=narrator.sampling.max_tokens * 2)
    finally:
        engine.close()
    refuse(check.problem)
    config = InferenceConfig(redis_url="", narrators_file=Path(), models_dir=work.models_dir)
    speed = try_out(narrator, config)
    return JobResult(
        name=job.name,
        attempt=job.attempt,
        outcome="ready",
        narrator=narrator,
        what=f"{called}, {narrator.context} tokens of context",
        speed=speed,
    )


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # a library's crash at exit would look like one of the model
