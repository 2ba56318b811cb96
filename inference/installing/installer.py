"""A worker's part in installing narrators: it runs jobs, and offers what is installed.

One thread compares the desired state with the present one every second, and never waits. A job runs
on a thread of its own, and installing in a process of its own. One worker at a time has a job: it
keeps a lease in Redis, and stops where that is lost; the next worker goes on with what was fetched.
A job that is desired no more is cancelled.
"""

import logging
import threading
import time
from contextlib import suppress
from typing import Protocol

import redis

from inference.config import InferenceConfig
from inference.installing.install_process import END_SECONDS
from inference.installing.job_run import JobRun, SendResult, set_server_key
from inference.installing.jobs import Added, DesiredState, Job, JobResult
from inference.installing.machine_report import MachineReporter
from inference.installing.sealing import CannotOpen
from inference.log_context import where
from inference.narrators import Narrator
from inference.queue.installs import Installs

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds
# That a narrator which is removed may take to finish its turns, before its files are deleted.
WITHDRAW_SECONDS = 180.0


class Pool(Protocol):
    """The narrators of this worker (inference.worker.pool)."""

    name: str

    def offer(self, narrator: Narrator, memory: int) -> None:
        """Take turns for a narrator; `memory`: bytes that it took when it was tried."""

    def withdraw(self, name: str) -> threading.Thread | None:
        """Take no more turns for it. The thread waits for its turns; None where it has none."""

    def loaded(self) -> dict[str, int]:
        """The narrators whose model is loaded, with the bytes that they hold."""


class Installer:
    """Brings about the desired state, on a thread of its own, from `start` to `stop`.

    `send` sends results to the game.
    """

    def __init__(self, pool: Pool, config: InferenceConfig, send: SendResult) -> None:
        self.pool = pool
        self.config = config
        self.send = send
        self.installs = Installs(config.redis_url)
        self.reporter = MachineReporter(config)
        self.ended = threading.Event()
        self.desired = DesiredState()
        self.offered: dict[str, Added] = {}
        # Narrators that finish their turns, and until when their files wait for that.
        self.withdrawing: dict[str, tuple[threading.Thread, float]] = {}
        self.job_run: JobRun | None = None
        # Results of jobs that are still desired: the game may not run just now.
        self.done: dict[tuple[str, int], JobResult] = {}
        self.problem = ""  # the last one, logged once
        self.thread = threading.Thread(target=self.run, name="installs", daemon=True)

    def start(self) -> None:
        """Begin to look at the desired state."""
        self.thread.start()

    def stop(self) -> None:
        """Cancel the job under way: another worker goes on with it."""
        self.ended.set()
        job_run = self.job_run
        if job_run is not None:
            job_run.cancel()
        self.thread.join(END_SECONDS)
        with suppress(redis.RedisError):
            self.installs.remove_worker(self.pool.name)

    def run(self) -> None:
        """Reconcile every second until `stop`. Errors are logged, and it is tried again."""
        while not self.ended.is_set():
            try:
                self.reconcile()
                self.problem = ""
            except Exception as problem:
                why = f"{type(problem).__name__}: {where(problem)}"
                if why != self.problem:
                    logger.warning("installing narrators: %s", why)
                self.problem = why
            self.ended.wait(LOOK_EVERY)

    def reconcile(self) -> None:
        """Read the desired state, and start or cancel what follows from it."""
        if self.reporter.due:
            installed = [each.narrator for each in self.desired.narrators]
            report = self.reporter.report(installed, self.pool.loaded())
            self.installs.report(self.pool.name, report)
        desired = self.installs.desired_state()
        if desired is None:
            return
        self.desired = desired
        self.offer_installed()
        listed = {(job.name, job.attempt) for job in desired.jobs}
        if self.job_run is not None and not self.job_run.alive:
            self.job_run = None
        if self.job_run is not None:
            job = self.job_run.job
            if (job.name, job.attempt) not in listed and not desired.unread & {job.name, ""}:
                self.job_run.cancel()
            return
        for key in [key for key in self.done if key not in listed]:
            del self.done[key]  # the game has the result
            self.installs.release(key[0], self.pool.name)
        for job in desired.jobs:
            if job.do == "remove" and self.is_withdrawing(job.name):
                continue  # others need not wait for that
            if not self.installs.acquire(job, self.pool.name):
                continue
            if result := self.done.get((job.name, job.attempt)):
                self.send(result)  # again; its lease keeps it from being sent every second
            else:
                self.start_job(job)
                return

    def start_job(self, job: Job) -> None:
        """Run a job that was leased, on a thread of its own."""

        def done(result: JobResult) -> None:
            self.done[job.name, job.attempt] = result

        self.job_run = JobRun(
            job, self.pool.name, self.config, self.installs, lambda: self.desired, self.send, done
        )
        self.job_run.start()

    def offer_installed(self) -> None:
        """Offer what is installed, and withdraw what is not. What cannot be read stays."""
        installed = {each.narrator.name: each for each in self.desired.narrators}
        for name in [name for name in self.offered if name not in installed]:
            if not self.desired.unread & {name, ""}:
                del self.offered[name]
                self.withdraw(name)
        for name, added in installed.items():
            if self.offered.get(name) == added:
                continue
            try:
                set_server_key(added.narrator, added.sealed, self.config.secret)
            except CannotOpen as problem:
                logger.error("narrator %s is not offered: %s", name, problem)
                self.offered[name] = added  # logged once
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
