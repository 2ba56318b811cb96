"""Every key that Grue has in Redis, and what is kept there.

Nothing else in the project spells a key out, and Lua scripts get theirs through KEYS. Celery puts
CELERY before the names of its queues, Django's cache CACHE before what it counts.
"""

PREFIX = "grue:"
CELERY = f"{PREFIX}celery:"
CACHE = f"{PREFIX}cache"

OFF_KEY = f"{PREFIX}off"  # set: narrators that the host has switched off
ONLINE_KEY = f"{PREFIX}online"  # sorted set: players, by when each was last seen
WATCHING_KEY = f"{PREFIX}watching"  # string: since when Redis notes who watches
INSTALLS_KEY = f"{PREFIX}installs"  # string: narrators that are installed, and what is to be done
MACHINES_KEY = f"{PREFIX}machines"  # hash: workers that install, and what their machines have
PROBE_KEY = f"{PREFIX}probe"  # string: written to see whether Redis can be written to


# An adventure


def log_key(adventure: str) -> str:
    """Stream: the adventure's story log."""
    return f"{PREFIX}log:{adventure}"


def version_key(adventure: str) -> str:
    """String: the newest version of the adventure that its log has seen."""
    return f"{PREFIX}version:{adventure}"


def cached_by_key(adventure: str) -> str:
    """String: the worker that read the adventure last, and may have it in its cache."""
    return f"{PREFIX}cached-by:{adventure}"


def watched_key(adventure: str) -> str:
    """String: set while a window of the adventure was open recently."""
    return f"{PREFIX}watched:{adventure}"


def suggested_key(adventure: str) -> str:
    """String: the newest suggested actions, and the turn that they follow."""
    return f"{PREFIX}suggested:{adventure}"


# A turn


def lease_key(turn: str) -> str:
    """String: the worker that runs the turn, and its attempt."""
    return f"{PREFIX}lease:{turn}"


def started_key(turn: str) -> str:
    """String: the newest attempt that was started."""
    return f"{PREFIX}started:{turn}"


def revoked_key(turn: str) -> str:
    """String: the newest attempt that no worker may run any more."""
    return f"{PREFIX}revoked:{turn}"


def end_key(turn: str) -> str:
    """String: the turn's Result."""
    return f"{PREFIX}end:{turn}"


def details_key(turn: str) -> str:
    """String: the turn's packed prompt report."""
    return f"{PREFIX}details:{turn}"


# A narrator's turns and workers


def model_key(narrator: str) -> str:
    """String: why the narrator's model is not ready."""
    return f"{PREFIX}model:{narrator}"


def waiting_key(narrator: str) -> str:
    """Sorted set: the turns that wait, in the order in which they will run."""
    return f"{PREFIX}waiting:{narrator}"


def requests_key(narrator: str) -> str:
    """Hash: the request of each turn that waits."""
    return f"{PREFIX}requests:{narrator}"


def wakeup_key(narrator: str) -> str:
    """List: one entry to wake one worker; idle workers block on it."""
    return f"{PREFIX}bell:{narrator}"


def running_key(narrator: str) -> str:
    """Sorted set: the running turns, by when they were taken."""
    return f"{PREFIX}running:{narrator}"


def order_key(narrator: str) -> str:
    """Hash: the current round, and how many turns have arrived."""
    return f"{PREFIX}order:{narrator}"


def round_key(narrator: str, player: str) -> str:
    """String: the round of the player's next turn."""
    return f"{PREFIX}round:{narrator}:{player}"


def workers_key(narrator: str) -> str:
    """Sorted set: the narrator's workers, by their last heartbeat."""
    return f"{PREFIX}workers:{narrator}"


def worker_key(narrator: str, worker: str) -> str:
    """String: the statistics in a worker's last heartbeat."""
    return f"{PREFIX}worker:{narrator}:{worker}"


# Work for when no turn waits


def background_key(narrator: str) -> str:
    """Hash: one summary to be made for each adventure."""
    return f"{PREFIX}background:{narrator}"


def read_aheads_key(narrator: str, worker: str) -> str:
    """List: requests of next turns whose prompts the worker may read ahead, newest first."""
    return f"{PREFIX}read-aheads:{narrator}:{worker}"


def batch_key(narrator: str) -> str:
    """List: batch and id of the batch jobs that wait."""
    return f"{PREFIX}batch:{narrator}"


def batch_jobs_key(batch: str) -> str:
    """Hash: the requests of a batch."""
    return f"{PREFIX}batch-jobs:{batch}"


def batch_running_key(batch: str) -> str:
    """Sorted set: the running jobs of a batch, by their last renewal."""
    return f"{PREFIX}batch-told:{batch}"


def batch_done_key(batch: str) -> str:
    """List: the results of a batch that were not collected yet."""
    return f"{PREFIX}batch-done:{batch}"


# Installing narrators


def job_key(narrator: str) -> str:
    """String: the worker that installs or removes the narrator."""
    return f"{PREFIX}job:{narrator}"


def job_progress_key(narrator: str) -> str:
    """String: the progress of the narrator's job."""
    return f"{PREFIX}job-progress:{narrator}"


# Players, and processes of the game


def windows_key(player: str) -> str:
    """Sorted set: the player's open windows, by when each was opened."""
    return f"{PREFIX}windows:{player}"


def windows_seen_key(player: str) -> str:
    """Sorted set: the same windows, by when each was last seen."""
    return f"{PREFIX}windows-seen:{player}"


def swept_key(host: str) -> str:
    """String: set while the game worker of this host sweeps."""
    return f"{PREFIX}swept:{host}"


def reader_key(reader: str) -> str:
    """Stream: an entry ends a web process' blocking read of story logs early."""
    return f"{PREFIX}reader:{reader}"


def celery_key(queue: str) -> str:
    """List: the messages of a Celery queue."""
    return f"{CELERY}{queue}"
