"""Installing narrators in Redis: the desired state, the leases of jobs, and their progress.

During an upgrade processes of two versions write and read here. What this version cannot read is
left out, and logged once.
"""

import json
import logging
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from inference.installing.jobs import Added, DesiredState, Job, MachineReport, Progress
from inference.narrators import Narrator
from inference.queue.connection import connect
from inference.queue.keys import INSTALLS_KEY, MACHINES_KEY, job_key, job_progress_key

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10
PROGRESS_SECONDS = 60
MACHINE_SECONDS = 30  # without a report, after which a worker counts as gone

# Renews a lease, or releases it. Returns 0 where it is not the holder's.
# KEYS: lease. ARGV: holder, milliseconds (0: release it).
KEEP_LEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) == 0 then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

M = TypeVar("M", bound=BaseModel)


class Published(BaseModel):
    """A DesiredState of any version: its entries are read one by one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    narrators: tuple[Any, ...] = ()
    jobs: tuple[Any, ...] = ()
    kept: tuple[Any, ...] = ()
    unread: tuple[str, ...] = ()


class Reported(BaseModel):
    """A worker's report, with Redis' time in seconds when it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: int
    report: MachineReport


class Installs:
    """The desired state, jobs and reports in Redis. Raises redis.RedisError when it is away."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        self._keep_lease = self.redis.register_script(KEEP_LEASE)
        self._logged: set[str] = set()  # what could not be read, logged once

    # The game's side

    def publish(self, state: DesiredState) -> None:
        """Publish to all workers what is installed and what is to be done."""
        self.redis.set(INSTALLS_KEY, state.model_dump_json())

    def progress(self, names: list[str]) -> dict[str, Progress]:
        """The progress of jobs, by narrator, where a worker reported it in PROGRESS_SECONDS."""
        if not names:
            return {}
        found = self.redis.mget([job_progress_key(name) for name in names])
        read = {
            name: self._read(Progress, raw, f"progress of narrator {name}")
            for name, raw in zip(names, found, strict=True)
            if raw is not None
        }
        return {name: each for name, each in read.items() if each is not None}

    def machines(self) -> dict[str, MachineReport]:
        """The machine reports of the workers that install, by worker."""
        now = self._now()
        found = {}
        for worker, raw in sorted(self.redis.hgetall(MACHINES_KEY).items()):
            name = worker.decode(errors="replace")
            reported = self._read(Reported, raw, f"report of worker {name}")
            if reported is not None and now - reported.at <= MACHINE_SECONDS:
                found[name] = reported.report
        return found

    # The worker's side

    def desired_state(self) -> DesiredState | None:
        """What is installed and to be done; None where that is not known.

        Redis may have been emptied, or the game may not run or be of an incompatible version.
        """
        raw = self.redis.get(INSTALLS_KEY)
        published = None if raw is None else self._read(Published, raw, "list of installs")
        if published is None:
            return None
        unread = set(published.unread)
        return DesiredState(
            narrators=self._entries(Added, published.narrators, unread),
            jobs=self._entries(Job, published.jobs, unread),
            kept=self._entries(Narrator, published.kept, unread),
            unread=frozenset(unread),
        )

    def acquire(self, job: Job, worker: str) -> bool:
        """Lease a job for LEASE_SECONDS. False where another worker has it."""
        return bool(self.redis.set(job_key(job.name), worker, nx=True, ex=LEASE_SECONDS))

    def renew(self, job: Job, worker: str) -> bool:
        """Renew a job's lease. False where it has expired or is another worker's by now."""
        return bool(self._keep_lease([job_key(job.name)], [worker, LEASE_SECONDS * 1000]))

    def release(self, name: str, worker: str) -> None:
        """Release the lease of a narrator's job and delete its progress, if it is this worker's."""
        if self._keep_lease([job_key(name)], [worker, 0]):
            self.redis.delete(job_progress_key(name))

    def set_progress(self, name: str, progress: Progress) -> None:
        """Store a job's progress; expires after PROGRESS_SECONDS."""
        self.redis.set(job_progress_key(name), progress.model_dump_json(), ex=PROGRESS_SECONDS)

    def report(self, worker: str, report: MachineReport) -> None:
        """Store the report of this worker's machine, and delete those of workers that are gone."""
        now = self._now()
        pipe = self.redis.pipeline(transaction=False)
        for other, raw in self.redis.hgetall(MACHINES_KEY).items():
            name = other.decode(errors="replace")
            reported = self._read(Reported, raw, f"report of worker {name}")
            if reported is not None and now - reported.at > MACHINE_SECONDS:
                pipe.hdel(MACHINES_KEY, other)
        pipe.hset(MACHINES_KEY, worker, Reported(at=now, report=report).model_dump_json())
        pipe.execute()

    def remove_worker(self, worker: str) -> None:
        """Delete the report of a worker that ends."""
        self.redis.hdel(MACHINES_KEY, worker)

    def _now(self) -> int:
        return int(self.redis.time()[0])

    # Reading what another version may have written

    def _read(self, model: type[M], raw: bytes, called: str) -> M | None:
        """None, and a line in the log, where this version cannot read it."""
        try:
            return model.model_validate_json(raw)
        except ValidationError as problem:
            self._log_once(called, problem)
            return None

    def _entries(self, model: type[M], raw: Sequence[Any], unread: set[str]) -> tuple[M, ...]:
        """The entries that this version can read; adds the names of the others to `unread`."""
        found = []
        for each in raw:
            try:
                # As JSON: it has lists where the entries have tuples.
                found.append(model.model_validate_json(json.dumps(each)))
            except ValidationError as problem:
                name = name_of(each)
                unread.add(name)
                self._log_once(f"entry of narrator {name or 'without a name'}", problem)
        return tuple(found)

    def _log_once(self, called: str, problem: ValidationError) -> None:
        if called not in self._logged:
            self._logged.add(called)
            why = problem.errors(include_input=False)[0]
            place = ".".join(str(step) for step in why["loc"])
            logger.warning("%s cannot be read (%s: %s)", called, place, why["type"])


def name_of(entry: Any) -> str:
    """The narrator that an entry of any version is about; "" where that cannot be read."""
    if not isinstance(entry, dict):
        return ""
    narrator = entry.get("narrator")
    name = narrator.get("name") if isinstance(narrator, dict) else entry.get("name")
    return name if isinstance(name, str) else ""
