"""The lease of a job: one worker at a time installs or removes a narrator."""

import logging
import threading
import time
from collections.abc import Callable

import redis

from inference.installing.jobs import Job
from inference.queue.installs import LEASE_SECONDS, Installs

logger = logging.getLogger(__name__)

RENEW_EVERY = 1.0  # seconds


class JobLease:
    """Renews a job's lease on a thread of its own, from `start` to `stop`.

    `lost` is called once when the lease is lost. Redis may be away for LEASE_SECONDS: after that
    another worker, which Redis answers, may have the job.
    """

    def __init__(self, installs: Installs, job: Job, worker: str, lost: Callable[[], None]) -> None:
        self.installs = installs
        self.job = job
        self.worker = worker
        self.lost = lost
        self.ended = threading.Event()
        self.renewed = time.monotonic()
        self.thread = threading.Thread(target=self.run, name="job-lease", daemon=True)

    def start(self) -> None:
        """Begin to renew the lease."""
        self.thread.start()

    def stop(self) -> None:
        """Renew it no more. Does not wait."""
        self.ended.set()

    def run(self) -> None:
        """Renew the lease until `stop`, or until it is lost."""
        while not self.ended.wait(RENEW_EVERY):
            if not self.renew():
                logger.warning(
                    "narrator %s: its job is stopped here: another worker may have it by now",
                    self.job.name,
                )
                self.lost()
                return

    def renew(self) -> bool:
        """Renew the lease once. False when it is lost, or may be by now."""
        asked = time.monotonic()
        try:
            if not self.installs.renew(self.job, self.worker):
                return False
            self.renewed = asked
        except redis.RedisError as problem:
            logger.debug("narrator %s: Redis is away: %s", self.job.name, problem)
        return time.monotonic() - self.renewed < LEASE_SECONDS - RENEW_EVERY
