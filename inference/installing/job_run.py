"""One job under way: a narrator is installed or removed, on a thread of its own."""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

import redis

from inference.config import InferenceConfig
from inference.installing.install_process import InstallProcess
from inference.installing.job_lease import JobLease
from inference.installing.jobs import DesiredState, Job, JobResult, Progress
from inference.installing.sealing import CannotOpen, unseal, variable_of
from inference.log_context import where
from inference.models.removal import remove_model
from inference.models.store import ModelError
from inference.narrators import Narrator, NarratorsError, load_narrators
from inference.queue.installs import Installs

logger = logging.getLogger(__name__)

SendResult = Callable[[JobResult], None]


class JobRun:
    """Runs a job that was leased to `worker`.

    `desired` gives the last desired state that was read. `send` sends results to the game, `done`
    gets the result in the end, before it is sent.
    """

    def __init__(
        self,
        job: Job,
        worker: str,
        config: InferenceConfig,
        installs: Installs,
        desired: Callable[[], DesiredState],
        send: SendResult,
        done: SendResult,
    ) -> None:
        self.job = job
        self.worker = worker
        self.config = config
        self.installs = installs
        self.desired = desired
        self.send = send
        self.done = done
        self.lease = JobLease(installs, job, worker, self.cancel)
        self.install_process = InstallProcess(job, config.models_dir, self.report_progress, send)
        self.cancelled = False
        self.thread = threading.Thread(target=self.run, name="job", daemon=True)

    def start(self) -> None:
        """Run the job on its thread."""
        self.thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.thread.is_alive()

    def cancel(self) -> None:
        """Stop before anything more is changed. What was fetched stays for the next time."""
        self.cancelled = True
        self.install_process.cancel()

    def run(self) -> None:
        """Run the job to its end, and send the result unless it was cancelled."""
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
                self.installs.release(self.job.name, self.worker)
            return
        # The lease expires by itself: until then the game takes the job off the list.
        self.done(result.cut())
        self.send(result.cut())

    def failed(self, problem: str) -> JobResult:
        """The result of a job that failed; `problem` is one line for the operator."""
        return JobResult(
            name=self.job.name, attempt=self.job.attempt, outcome="failed", problem=problem
        )

    def remove(self) -> JobResult | None:
        """Delete the files of a narrator that no other one uses. None where it was cancelled."""
        name = self.job.name
        try:
            # As it is now: another narrator may have come that uses the same file.
            desired = self.installs.desired_state() or self.desired()
        except redis.RedisError:
            return None  # another time, or another worker
        if desired.unread:
            return self.failed(
                "narrators of another version of Grue may use its files: "
                "retry when all of it is updated"
            )
        try:
            listed = load_narrators(self.config.narrators_file).narrators
        except NarratorsError as problem:
            return self.failed(f"who else uses its files is not known: {problem}")
        if self.cancelled or not self.lease.renew():
            return None
        others = [*desired.wanting_files(name), *listed]
        try:
            remove_model(self.job.narrator, self.config.models_dir, others)
        except (OSError, ModelError) as problem:
            return self.failed(f"its files cannot be deleted: {problem}")
        os.environ.pop(variable_of(name), None)
        return JobResult(name=name, attempt=self.job.attempt, outcome="removed")

    def install(self) -> JobResult | None:
        """Have a process install the narrator. None where it was cancelled."""
        try:
            set_server_key(self.job.narrator, self.job.sealed, self.config.secret)
        except CannotOpen as problem:
            return self.failed(str(problem))
        outcome = self.install_process.run()
        return self.failed(outcome) if isinstance(outcome, str) else outcome

    def report_progress(self, progress: Progress) -> None:
        """Store the progress in Redis, as far as that can be reached."""
        try:
            self.installs.set_progress(self.job.name, progress)
        except redis.RedisError as problem:
            logger.debug("narrator %s: Redis is away: %s", self.job.name, problem)


def set_server_key(narrator: Narrator, sealed: str, secret: str) -> None:
    """Put a server's key into the environment variable that its engine reads. Raises CannotOpen."""
    if sealed:
        os.environ[narrator.server.key] = unseal(sealed, secret)
