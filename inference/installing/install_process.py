"""Starts the process that installs a narrator (`inference.installing.process`) and watches it."""

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

import inference
from inference.installing.jobs import Job, JobResult, Progress
from inference.installing.process import Work

logger = logging.getLogger(__name__)

TRY_SECONDS = 600.0  # most for loading the model and one reply
CONNECT_SECONDS = 120.0  # most for trying a server
PROGRESS_EVERY = 1.0  # seconds between reports of progress that stays the same
END_SECONDS = 5.0  # most that a process may take to end once it is killed
PROJECT = Path(inference.__file__).resolve().parent.parent
LAST_LINES = 50  # of the output of libraries, kept to find out why the process ended


class InstallProcess:
    """One run of the process.

    `on_progress` gets its progress, and again every second, so that it does not expire in Redis.
    `on_pinned` gets the result that names the exact file which is fetched.
    """

    def __init__(
        self,
        job: Job,
        models_dir: Path,
        on_progress: Callable[[Progress], None],
        on_pinned: Callable[[JobResult], None],
    ) -> None:
        self.job = job
        self.models_dir = models_dir
        self.on_progress = on_progress
        self.on_pinned = on_pinned
        self.cancelled = False
        self.progress: Progress | None = None
        self.result: JobResult | None = None
        self.last_lines: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None

    def cancel(self) -> None:
        """Kill the process; one that was not spawned yet is killed at once then."""
        self.cancelled = True
        if self.process is not None:
            kill(self.process)

    def run(self) -> JobResult | str | None:
        """Run the process to its end.

        Returns its result, or why there is none in one line; None when it was cancelled.
        """
        process = self.process = spawn()
        if self.cancelled:  # before there was anything to kill
            kill(process)
        assert process.stdin is not None
        work = Work(job=self.job, models_dir=self.models_dir.absolute())
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
            late = self.wait(process)
        finally:
            kill(process)
            process.wait(END_SECONDS)
        for each in readers:
            each.join(END_SECONDS)
        if self.cancelled:
            return None
        return late or self.result or self.why_it_ended(process.returncode)

    def wait(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for the end of the process. Returns what took too long; "" where nothing did."""
        reported: Progress | None = None
        reported_at = began_trying = 0.0
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
            if progress != reported or now - reported_at >= PROGRESS_EVERY:
                reported, reported_at = progress, now
                self.on_progress(progress)
        return ""

    def read_lines(self, process: subprocess.Popen[bytes]) -> None:
        """Read progress and results from its standard output."""
        assert process.stdout is not None
        for line in process.stdout:
            try:
                self.progress = Progress.model_validate_json(line)
            except ValueError:
                self.take_result(line)

    def take_result(self, line: bytes) -> None:
        """Take a line that is no progress: a result, unless it is of another version."""
        try:
            result = JobResult.model_validate_json(line)
        except ValueError:
            self.last_lines.append("its result cannot be read: was Grue updated meanwhile?")
            return
        if result.outcome == "pinned":
            self.on_pinned(result)
        else:
            self.result = result

    def read_errors(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the last lines of its standard error."""
        assert process.stderr is not None
        for line in process.stderr:
            self.last_lines.append(line.decode(errors="replace").strip()[:300])
            del self.last_lines[:-LAST_LINES]

    def why_it_ended(self, code: int) -> str:
        """Log how a process ended without a result. Returns why, in one line for the operator."""
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


def spawn() -> subprocess.Popen[bytes]:
    """Start the process, which waits for its Work."""
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "inference.installing.process", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,  # so that its own children, like pip, are killed with it
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process of `spawn` and all its children, at once."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
