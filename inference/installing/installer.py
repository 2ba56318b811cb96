"""A worker's part in installing narrators: it takes jobs, and tells for what is installed.

One thread compares what is desired with what is there, every second, and waits for nobody. A job
runs on a thread of its own, and installing in a process of its own. One worker at a time has a job:
it keeps a lease in Redis, and stops where that is lost; whoever takes the job next goes on with
what was fetched. A job that is desired no more is cancelled.
"""

import logging
import os
import signal
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
from inference.installing import machine
from inference.installing.jobs import (
    Added,
    DesiredState,
    FoundFile,
    Job,
    JobResult,
    MachineReport,
    Progress,
)
from inference.installing.process import Work
from inference.installing.sealing import CannotOpen, unseal, variable_of
from inference.log_context import where
from inference.models.gguf import read_header
from inference.models.removal import remove_model, unused_ggufs
from inference.models.store import ModelError
from inference.narrators import Narrator, NarratorsError, load_narrators
from inference.queue.installs import LEASE_SECONDS, Installs

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds
REPORT_EVERY = 10.0  # seconds
# How fast memory is read is measured so often, and the best is taken: others may have been busy.
MEASURES = 4
MEASURE_EVERY = 60.0  # seconds
TRY_SECONDS = 600.0  # that loading and telling may take
CONNECT_SECONDS = 120.0  # that a server may take to be tried
SAY_EVERY = 1.0  # seconds between reports of a job's progress while it stays the same
RENEW_EVERY = 1.0  # seconds between renewals of a job's lease
# That a narrator which is removed may take to finish its turns, before its files are deleted.
WITHDRAW_SECONDS = 180.0
END_SECONDS = 5.0  # that a process may take to end once it is killed
PROJECT = Path(inference.__file__).resolve().parent.parent
LAST_LINES = 50  # of what libraries said, kept to find out why a process ended

SendResult = Callable[[JobResult], None]


class Pool(Protocol):
    """Who tells in this worker (inference.worker.pool)."""

    name: str

    def offer(self, narrator: Narrator, memory: int) -> None: ...
    def withdraw(self, name: str) -> threading.Thread | None: ...
    def loaded(self) -> dict[str, int]: ...


class Installer:
    """Does what is desired, on a thread of its own, from `start` to `stop`."""

    def __init__(self, pool: Pool, config: InferenceConfig, send: SendResult) -> None:
        self.pool = pool
        self.config = config
        self.send = send
        self.redis = Installs(config.redis_url)
        self.ended = threading.Event()
        self.desired = DesiredState()
        self.offered: dict[str, Added] = {}
        # Narrators that finish their turns, and until when their files wait for that.
        self.withdrawing: dict[str, tuple[threading.Thread, float]] = {}
        self.looked_at: dict[Path, tuple[tuple[int, int], FoundFile]] = {}
        self.working: JobRun | None = None
        # How jobs ended that the game still asks for: it may not run just now.
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
        """Cancel what is under way: another worker goes on with it."""
        self.ended.set()
        run = self.working
        if run is not None:
            run.cancel()
        self.thread.join(END_SECONDS)
        with suppress(redis.RedisError):
            self.redis.remove_worker(self.pool.name)

    def keep(self) -> None:
        while not self.ended.is_set():
            try:
                self.reconcile()
                self.problem = ""
            except Exception as problem:  # the next time may fare better
                why = f"{type(problem).__name__}: {where(problem)}"
                if why != self.problem:
                    logger.warning("installing narrators: %s", why)
                self.problem = why
            self.ended.wait(LOOK_EVERY)

    def reconcile(self) -> None:
        """Read what is desired, and begin or cancel what follows from it."""
        if time.monotonic() - self.reported >= REPORT_EVERY:
            self.report()
        desired = self.redis.desired_state()
        if desired is None:
            return
        self.desired = desired
        self.offer_what_is_installed()
        waiting = {(job.name, job.attempt) for job in desired.jobs}
        run = self.working
        if run is not None and not run.thread.is_alive():
            self.working = run = None
        if run is not None:
            known = (run.job.name, run.job.attempt) in waiting
            if not known and not desired.unread & {run.job.name, ""}:
                run.cancel()
            return
        for key in [key for key in self.done if key not in waiting]:
            del self.done[key]  # the game has heard
            self.redis.release(key[0], self.pool.name)
        for job in desired.jobs:
            if job.do == "remove" and self.is_withdrawing(job.name):
                continue  # others need not wait for that
            if not self.redis.acquire(job, self.pool.name):
                continue
            if result := self.done.get((job.name, job.attempt)):
                self.send(result)  # its lease keeps it from being sent every second
            else:
                self.working = JobRun(self, job)
                self.working.thread.start()
                return

    def offer_what_is_installed(self) -> None:
        """Tell for what is installed; no more for what is not. What cannot be read stays."""
        installed = {each.narrator.name: each for each in self.desired.narrators}
        for name in [name for name in self.offered if name not in installed]:
            if not self.desired.unread & {name, ""}:
                del self.offered[name]
                self.withdraw(name)
        for name, added in installed.items():
            if self.offered.get(name) == added:
                continue
            try:
                hand_over_key(added.narrator, added.sealed, self.config.secret)
            except CannotOpen as problem:
                logger.error("narrator %s is not told: %s", name, problem)
                self.offered[name] = added  # said once
                continue
            self.pool.offer(added.narrator, added.memory)
            self.offered[name] = added

    def withdraw(self, name: str) -> None:
        """Have a narrator finish its turns and end. Does not wait for that: a reply may be long."""
        if thread := self.pool.withdraw(name):
            self.withdrawing[name] = thread, time.monotonic() + WITHDRAW_SECONDS

    def is_withdrawing(self, name: str) -> bool:
        """Whether a narrator still finishes its turns here, and may."""
        thread, deadline = self.withdrawing.get(name, (None, 0.0))
        if thread is not None and thread.is_alive():
            if time.monotonic() < deadline:
                return True
            logger.error("narrator %s: removed before its turns have ended", name)
        self.withdrawing.pop(name, None)
        return False

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
        listed = [each.narrator for each in self.desired.narrators]
        with suppress(NarratorsError):
            listed += load_narrators(self.config.narrators_file).narrators
        files = tuple(self.look_at(path) for path in unused_ggufs(listed, self.config.models_dir))
        self.redis.report(
            self.pool.name,
            MachineReport(
                machine=machine.look(self.config.models_dir, self.read_speed),
                files=files,
                loaded=self.pool.loaded(),
            ),
        )

    def look_at(self, path: Path) -> FoundFile:
        """A file that was put into MODELS_DIR. It is read again only where it changed."""
        stat = path.stat()
        seen = (stat.st_size, stat.st_mtime_ns)
        if path not in self.looked_at or self.looked_at[path][0] != seen:
            self.looked_at[path] = (seen, found_file(path))
        return self.looked_at[path][1]


class JobLease:
    """Keeps a job's lease on a thread of its own, from `start` to `stop`.

    Where it is lost, `lost` is called, once. Redis may be away for LEASE_SECONDS: then another
    worker, which Redis answers, may have the job.
    """

    def __init__(self, installs: Installs, job: Job, worker: str, lost: Callable[[], None]) -> None:
        self.installs = installs
        self.job = job
        self.worker = worker
        self.lost = lost
        self.ended = threading.Event()
        self.renewed = time.monotonic()
        self.thread = threading.Thread(target=self.keep, name="job-lease", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.ended.set()

    def keep(self) -> None:
        while not self.ended.wait(RENEW_EVERY):
            if not self.renew():
                logger.warning(
                    "narrator %s: its job is stopped here: another worker may have it by now",
                    self.job.name,
                )
                self.lost()
                return

    def renew(self) -> bool:
        """Whether the job is still this worker's."""
        asked = time.monotonic()
        try:
            if not self.installs.renew(self.job, self.worker):
                return False
            self.renewed = asked
        except redis.RedisError as problem:
            logger.debug("narrator %s: Redis is away: %s", self.job.name, problem)
        return time.monotonic() - self.renewed < LEASE_SECONDS - RENEW_EVERY


class JobRun:
    """One job under way, on a thread of its own."""

    def __init__(self, installer: Installer, job: Job) -> None:
        self.installer = installer
        self.job = job
        self.lease = JobLease(installer.redis, job, installer.pool.name, self.cancel)
        self.process: subprocess.Popen[bytes] | None = None
        self.cancelled = False
        self.progress: Progress | None = None
        self.result: JobResult | None = None
        self.last_lines: list[str] = []
        self.thread = threading.Thread(target=self.run, name="job", daemon=True)

    def cancel(self) -> None:
        """Stop before anything more is changed. What was fetched stays for the next time."""
        self.cancelled = True
        process = self.process
        if process is not None:
            kill(process)

    def run(self) -> None:
        redis_, worker = self.installer.redis, self.installer.pool.name
        self.lease.start()
        try:
            result = self.remove() if self.job.do == "remove" else self.install()
        except Exception as problem:
            doing = "removing" if self.job.do == "remove" else "installing"
            logger.error("narrator %s: %s it failed: %s", self.job.name, doing, where(problem))
            result = self.failed(f"{doing} it failed inside Grue; the worker's log says where")
        finally:
            self.lease.stop()
        if result is None or self.cancelled:
            with suppress(redis.RedisError):
                redis_.release(self.job.name, worker)
            return
        # The lease runs out by itself: until then the game asks for the job no more.
        self.installer.done[self.job.name, self.job.attempt] = result.cut()
        self.installer.send(result.cut())

    def failed(self, problem: str) -> JobResult:
        return JobResult(
            name=self.job.name, attempt=self.job.attempt, outcome="failed", problem=problem
        )

    def remove(self) -> JobResult | None:
        """Tell no more for a narrator, and free its disk. None where it was cancelled."""
        installer, name = self.installer, self.job.name
        try:
            # As it is now: another narrator may have come that wants the same file.
            desired = installer.redis.desired_state() or installer.desired
        except redis.RedisError:
            return None  # another time, or another worker
        if desired.unread:
            return self.failed(
                "narrators of another version of Grue may use its files: "
                "retry when all of it is updated"
            )
        try:
            listed = load_narrators(installer.config.narrators_file).narrators
        except NarratorsError as problem:
            return self.failed(f"who else uses its files is not known: {problem}")
        if self.cancelled or not self.lease.renew():
            return None
        others = [*desired.wanting_files(name), *listed]
        try:
            remove_model(self.job.narrator, installer.config.models_dir, others)
        except (OSError, ModelError) as problem:
            return self.failed(f"its files cannot be deleted: {problem}")
        os.environ.pop(variable_of(name), None)
        return JobResult(name=name, attempt=self.job.attempt, outcome="removed")

    def install(self) -> JobResult | None:
        """Have a process do it, and look after that. None where it was cancelled."""
        config = self.installer.config
        try:
            hand_over_key(self.job.narrator, self.job.sealed, config.secret)
        except CannotOpen as problem:
            return self.failed(str(problem))
        process = self.process = spawn()
        if self.cancelled:  # before there was anything to kill
            kill(process)
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
            kill(process)
            process.wait(END_SECONDS)
        for each in readers:
            each.join(END_SECONDS)
        if self.cancelled:
            return None
        if late:
            return self.failed(late)
        return self.result or self.failed(self.why_it_ended(process.returncode))

    def wait_for(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for its end. What took too long, "" where nothing did."""
        said: Progress | None = None
        said_at = began_trying = 0.0
        serving = self.job.narrator.engine == "openai"
        began = time.monotonic()
        while process.poll() is None and not self.cancelled:
            time.sleep(0.1)
            now, progress = time.monotonic(), self.progress
            if serving and now - began > CONNECT_SECONDS:
                return f"the server did not answer within {CONNECT_SECONDS:.0f} s"
            if progress is None:
                continue
            if progress.step == "trying":
                began_trying = began_trying or now
                if now - began_trying > TRY_SECONDS:
                    return f"it could not be loaded and told within {TRY_SECONDS:.0f} s"
            if progress != said or now - said_at >= SAY_EVERY:  # or it would expire
                said, said_at = progress, now
                self.say(progress)
        return ""

    def say(self, progress: Progress) -> None:
        try:
            self.installer.redis.set_progress(self.job.name, progress)
        except redis.RedisError as problem:
            logger.debug("narrator %s: Redis is away: %s", self.job.name, problem)

    def read_lines(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                self.progress = Progress.model_validate_json(line)
            except ValueError:
                self.take_result(line)

    def take_result(self, line: bytes) -> None:
        try:
            result = JobResult.model_validate_json(line)
        except ValueError:
            self.last_lines.append("its result cannot be read: was Grue updated meanwhile?")
            return
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
        start_new_session=True,  # so that what it starts itself, like pip, is killed with it
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process of `spawn` and all that it started, at once."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


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
