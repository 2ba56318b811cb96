"""Installing narrators, as Redis has it: the board, who does which job, how far it is."""

import json

from pydantic import ValidationError

from inference.installing.jobs import Board, Job, MachineReport, Progress
from inference.log import connect
from inference.queue.keys import BOARD_KEY, MACHINES_KEY, job_key, job_progress_key

LEASE_SECONDS = 10
PROGRESS_SECONDS = 60
MACHINE_SECONDS = 30  # a worker that has said nothing for so long is gone

# Renews a lease, or lets it go. KEYS: lease. ARGV: holder, milliseconds (0: let it go).
HOLD = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) == 0 then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""


class Installs:
    """What workers and the game do with Redis here. Raises redis.RedisError when it is away."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        self._hold = self.redis.register_script(HOLD)

    # The game's side

    def publish(self, board: Board) -> None:
        """Let all workers know what is installed and what is to be done."""
        self.redis.set(BOARD_KEY, board.model_dump_json())

    def progress(self, names: list[str]) -> dict[str, Progress]:
        """How far each of these jobs is, of those of which a worker has said it lately."""
        if not names:
            return {}
        said = self.redis.mget([job_progress_key(name) for name in names])
        return {
            name: Progress.model_validate_json(each)
            for name, each in zip(names, said, strict=True)
            if each is not None
        }

    def machines(self) -> dict[str, MachineReport]:
        """The workers that install, with what each has."""
        now = self._now()
        found = {}
        for worker, raw in sorted(self.redis.hgetall(MACHINES_KEY).items()):
            said = json.loads(raw)
            if now - said["at"] <= MACHINE_SECONDS:
                try:
                    found[worker.decode()] = MachineReport.model_validate(said["report"])
                except ValidationError:
                    continue  # of another version, during an upgrade
        return found

    # The worker's side

    def board(self) -> Board | None:
        """None where nobody has published one: Redis was emptied, or the game does not run.

        Raises ValueError where it cannot be read.
        """
        raw = self.redis.get(BOARD_KEY)
        return None if raw is None else Board.model_validate_json(raw)

    def take(self, job: Job, worker: str) -> bool:
        """Take a job unless another worker has it."""
        return bool(self.redis.set(job_key(job.name), worker, nx=True, ex=LEASE_SECONDS))

    def renew(self, job: Job, worker: str) -> bool:
        """Go on with a job. False where another worker has it by now."""
        return bool(self._hold([job_key(job.name)], [worker, LEASE_SECONDS * 1000]))

    def let_go(self, name: str, worker: str) -> None:
        """Let another job of this narrator be taken."""
        if self._hold([job_key(name)], [worker, 0]):
            self.redis.delete(job_progress_key(name))

    def say_progress(self, name: str, progress: Progress) -> None:
        self.redis.set(job_progress_key(name), progress.model_dump_json(), ex=PROGRESS_SECONDS)

    def report(self, worker: str, report: MachineReport) -> None:
        """Say what this worker's machine has. Those that have gone are forgotten."""
        now = self._now()
        pipe = self.redis.pipeline(transaction=False)
        for other, raw in self.redis.hgetall(MACHINES_KEY).items():
            if now - json.loads(raw)["at"] > MACHINE_SECONDS:
                pipe.hdel(MACHINES_KEY, other)
        said = {"at": now, "report": report.model_dump(mode="json")}
        pipe.hset(MACHINES_KEY, worker, json.dumps(said))
        pipe.execute()

    def leave(self, worker: str) -> None:
        self.redis.hdel(MACHINES_KEY, worker)

    def _now(self) -> int:
        return int(self.redis.time()[0])
