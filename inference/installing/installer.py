"""A worker's part in installing narrators: it takes jobs, and tells for what is installed.

One thread looks at the board every second. A job runs in a process of its own, and is taken by one
worker at a time: its lease in Redis is renewed while that process lives, and whoever takes the job
next goes on with what was fetched. A job that is no longer on the board is broken off.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import redis

import inference
from inference.config import InferenceConfig
from inference.gguf_header import read_header
from inference.installing import machine
from inference.installing.jobs import (
    Added,
    Board,
    FoundFile,
    Job,
    JobResult,
    MachineReport,
    Progress,
)
from inference.installing.process import Work
from inference.installing.sealing import CannotOpen, unseal, variable_of
from inference.logs import where
from inference.models import ModelError, remove_model, unused_ggufs
from inference.narrators import Narrator, NarratorsError, load_narrators
from inference.queue.installs import Installs

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds
REPORT_EVERY = 10.0  # seconds
# How fast memory is read is measured so often, and the best is taken: others may have been busy.
MEASURES = 4
MEASURE_EVERY = 60.0  # seconds
TRY_SECONDS = 600.0  # that loading and telling may take
CONNECT_SECONDS = 120.0  # that a server may take to be tried
END_SECONDS = 5.0  # that a process may take to end once it is killed
PROJECT = Path(inference.__file__).resolve().parent.parent
LAST_LINES = 50  # of what libraries said, kept to find out why a process ended

SendResult = Callable[[JobResult], None]


class Tellers(Protocol):
    """Who tells in this worker (inference.company)."""

    name: str

    def offer(self, narrator: Narrator, memory: int) -> None: ...
    def withdraw(self, name: str) -> None: ...
    def loaded(self) -> dict[str, int]: ...


class Installer:
    """Looks at the board on a thread of its own, from `start` to `stop`."""

    def __init__(self, tellers: Tellers, config: InferenceConfig, send: SendResult) -> None:
        self.tellers = tellers
        self.config = config
        self.send = send
        self.redis = Installs(config.redis_url)
        self.ended = threading.Event()
        self.board = Board()
        self.offered: dict[str, Added] = {}
        self.looked_at: dict[Path, tuple[tuple[int, int], FoundFile]] = {}
        self.working: JobRun | None = None
        # How jobs ended that the game has not taken off the board yet: it may not run just now.
        self.done: dict[tuple[str, int], JobResult] = {}
        self.reported = 0.0  # time.monotonic()
        self.read_speed = 0.0
        self.measures = 0
        self.measured = 0.0  # time.monotonic()
        self.problem = ""  # said once, not each second
        self.thread = threading.Thread(target=self.keep, name="installs", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Break off what is under way: another worker goes on with it."""
        self.ended.set()
        run = self.working
        if run is not None:
            run.break_off()
        self.thread.join(END_SECONDS)
        with suppress(redis.RedisError):
            self.redis.leave(self.tellers.name)

    def keep(self) -> None:
        while not self.ended.is_set():
            try:
                self.look()
                self.problem = ""
            except Exception as problem:  # the next look may fare better
                why = f"{type(problem).__name__}: {where(problem)}"
                if why != self.problem:
                    logger.warning("installing narrators: %s", why)
                self.problem = why
            self.ended.wait(LOOK_EVERY)

    def look(self) -> None:
        """One look at the board, and what follows from it."""
        if time.monotonic() - self.reported >= REPORT_EVERY:
            self.report()
        board = self.redis.board()
        if board is None:
            return
        self.board = board
        self.offer_what_is_installed()
        run = self.working
        if run is not None and not run.thread.is_alive():
            self.working = run = None
        if run is not None:
            if (run.job.name, run.job.attempt) not in {
                (job.name, job.attempt) for job in board.jobs
            }:
                run.break_off()
            return
        waiting = {(job.name, job.attempt) for job in board.jobs}
        for key in [key for key in self.done if key not in waiting]:
            del self.done[key]  # the game has heard
            self.redis.let_go(key[0], self.tellers.name)
        for job in board.jobs:
            if not self.redis.take(job, self.tellers.name):
                continue
            if result := self.done.get((job.name, job.attempt)):
                self.send(result)  # its lease keeps it from being sent every second
            else:
                self.working = JobRun(self, job)
                self.working.thread.start()
                return

    def offer_what_is_installed(self) -> None:
        """Tell for what is on the board; no more for what has gone from it."""
        installed = {each.narrator.name: each for each in self.board.narrators}
        for name in [name for name in self.offered if name not in installed]:
            del self.offered[name]
            self.tellers.withdraw(name)
        for name, added in installed.items():
            if self.offered.get(name) == added:
                continue
            try:
                hand_over_key(added.narrator, added.sealed, self.config.secret)
            except CannotOpen as problem:
                logger.error("narrator %s is not told: %s", name, problem)
                self.offered[name] = added  # said once
                continue
            self.tellers.offer(added.narrator, added.memory)
            self.offered[name] = added

    def measure(self) -> None:
        """Find out how fast memory is read, unless that is known well enough."""
        due = time.monotonic() - self.measured >= MEASURE_EVERY
        if self.measures < MEASURES and (due or not self.measures):
            self.read_speed = max(self.read_speed, measured_read_speed())
            self.measures += 1
            self.measured = time.monotonic()

    def report(self) -> None:
        """Say what this machine has, for the operator's page."""
        self.measure()
        self.reported = time.monotonic()
        listed = [each.narrator for each in self.board.narrators]
        with suppress(NarratorsError):
            listed += load_narrators(self.config.narrators_file).narrators
        files = tuple(self.look_at(path) for path in unused_ggufs(listed, self.config.models_dir))
        self.redis.report(
            self.tellers.name,
            MachineReport(
                machine=machine.look(self.config.models_dir, self.read_speed),
                files=files,
                loaded=self.tellers.loaded(),
            ),
        )

    def look_at(self, path: Path) -> FoundFile:
        """A file that was put into MODELS_DIR. It is read again only where it changed."""
        stat = path.stat()
        seen = (stat.st_size, stat.st_mtime_ns)
        if path not in self.looked_at or self.looked_at[path][0] != seen:
            self.looked_at[path] = (seen, found_file(path))
        return self.looked_at[path][1]


class JobRun:
    """One job under way, on a thread of its own."""

    def __init__(self, installer: Installer, job: Job) -> None:
        self.installer = installer
        self.job = job
        self.process: subprocess.Popen[bytes] | None = None
        self.broken_off = False
        self.progress: Progress | None = None
        self.result: JobResult | None = None
        self.last_lines: list[str] = []
        self.thread = threading.Thread(target=self.run, name="job", daemon=True)

    def break_off(self) -> None:
        self.broken_off = True
        process = self.process
        if process is not None and process.poll() is None:
            process.kill()

    def run(self) -> None:
        redis_, worker = self.installer.redis, self.installer.tellers.name
        try:
            result = self.remove() if self.job.do == "remove" else self.install()
        except Exception as problem:
            logger.error(
                "narrator %s: %s broke off: %s", self.job.name, self.job.do, where(problem)
            )
            result = self.failed("installing it failed inside Grue; the worker's log says where")
        if result is None or self.broken_off:
            with suppress(redis.RedisError):
                redis_.let_go(self.job.name, worker)
            return
        # The lease runs out by itself: until then the game takes the job off the board.
        self.installer.done[self.job.name, self.job.attempt] = result.cut()
        self.installer.send(result.cut())

    def failed(self, problem: str) -> JobResult:
        return JobResult(
            name=self.job.name, attempt=self.job.attempt, outcome="failed", problem=problem
        )

    def remove(self) -> JobResult:
        """Tell no more for a narrator, and free its disk."""
        installer, name = self.installer, self.job.name
        installer.tellers.withdraw(name)
        others = [each.narrator for each in installer.board.narrators if each.narrator.name != name]
        with suppress(NarratorsError):
            others += load_narrators(installer.config.narrators_file).narrators
        try:
            remove_model(self.job.narrator, installer.config.models_dir, others)
        except (OSError, ModelError) as problem:
            return self.failed(f"its files cannot be deleted: {problem}")
        os.environ.pop(variable_of(name), None)
        return JobResult(name=name, attempt=self.job.attempt, outcome="removed")

    def install(self) -> JobResult | None:
        """Have a process do it, and look after that. None where it was broken off."""
        config = self.installer.config
        try:
            hand_over_key(self.job.narrator, self.job.sealed, config.secret)
        except CannotOpen as problem:
            return self.failed(str(problem))
        process = self.process = spawn()
        assert process.stdin is not None
        work = Work(job=self.job, models_dir=config.models_dir.absolute())
        readers = [
            threading.Thread(target=each, args=[process], daemon=True)
            for each in (self.read_lines, self.read_errors)
        ]
        with suppress(BrokenPipeError):  # it ended at once: its exit says why
            process.stdin.write(work.model_dump_json().encode())
            process.stdin.close()
        for each in readers:
            each.start()
        try:
            late = self.wait_for(process)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(END_SECONDS)
        for each in readers:
            each.join(END_SECONDS)
        if self.broken_off:
            return None
        if late:
            return self.failed(late)
        return self.result or self.failed(self.why_it_ended(process.returncode))

    def wait_for(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for its end. What took too long, "" where nothing did."""
        redis_, worker = self.installer.redis, self.installer.tellers.name
        said: Progress | None = None
        began_trying = 0.0
        serving = self.job.narrator.engine == "openai"
        began = renewed = time.monotonic()
        while process.poll() is None and not self.broken_off:
            time.sleep(0.1)
            now, progress = time.monotonic(), self.progress
            if serving and now - began > CONNECT_SECONDS:
                return f"the server did not answer within {CONNECT_SECONDS:.0f} s"
            if progress is not None and progress.step == "trying":
                began_trying = began_trying or now
                if now - began_trying > TRY_SECONDS:
                    return f"it could not be loaded and told within {TRY_SECONDS:.0f} s"
            try:
                if now - renewed >= 1:
                    renewed = now
                    redis_.renew(self.job, worker)
                    if progress is not None:
                        said = None  # or it would expire
                if progress is not None and progress != said:
                    redis_.say_progress(self.job.name, progress)
                    said = progress
            except redis.RedisError as problem:
                logger.debug("narrator %s: Redis is away: %s", self.job.name, problem)
        return ""

    def read_lines(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                self.progress = Progress.model_validate_json(line)
            except ValueError:
                result = JobResult.model_validate_json(line)
                if result.outcome == "pinned":
                    self.installer.send(result)
                else:
                    self.result = result

    def read_errors(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.last_lines.append(line.decode(errors="replace").strip()[:300])
            del self.last_lines[:-LAST_LINES]

    def why_it_ended(self, code: int) -> str:
        step = self.progress.step if self.progress else "looking"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        logger.error(
            "narrator %s: the process that installs it ended (%s): %s",
            self.job.name,
            how,
            self.last_lines[-1] if self.last_lines else "it said nothing",
        )
        if step == "trying":
            memory = ", or memory ran out" if code == -9 else ""
            return (
                f"the engine ended while it loaded the model ({how}): the file is damaged{memory}"
            )
        return f"the process that installs it ended ({how}); the worker's log says more"


def hand_over_key(narrator: Narrator, sealed: str, secret: str) -> None:
    """Put a server's key where its engine looks for it. Raises CannotOpen."""
    if sealed:
        os.environ[narrator.server.key] = unseal(sealed, secret)


def spawn() -> subprocess.Popen[bytes]:
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "inference.installing.process", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def measured_read_speed() -> float:
    """Bytes a second that memory is read with; in a process of its own, whose memory goes again."""
    program = (
        "from inference.installing.machine import measure_read_speed; print(measure_read_speed())"
    )
    try:
        said = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "OPENBLAS_NUM_THREADS": "1"},
        )
        return float(said.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as problem:
        logger.warning("how fast memory is read is not known: %s", type(problem).__name__)
        return 0.0


def found_file(path: Path) -> FoundFile:
    """A GGUF that was put into MODELS_DIR, as its header describes it."""
    size = path.stat().st_size
    try:
        header = read_header(path)
    except (ValueError, OSError) as problem:
        return FoundFile(file=path.name, size=size, problem=str(problem)[:200])
    return FoundFile(
        file=path.name,
        size=size,
        family=header.family[:40],
        parameters=header.parameters,
        context=header.context,
        chat=header.chat,
    )
