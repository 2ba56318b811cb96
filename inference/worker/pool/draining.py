"""Ends workers without losing a turn: those under way finish, or go to other workers in time."""

import logging
import time

from inference.log_context import where
from inference.worker.narrator_worker import NarratorWorker
from inference.worker.pool.state import PoolState

logger = logging.getLogger(__name__)

RETIRE_SECONDS = 120.0  # for the last turns of a narrator that is swapped, unloaded or removed
END_GRACE_SECONDS = 3  # after that or the deadline, for ends that wait to be logged
POLL = 0.05  # seconds between looks at turns that are to end


def requeue_turns(worker: NarratorWorker) -> None:
    """Requeue the turns of a worker, for other workers."""
    name = worker.narrator.name
    try:
        requeued = worker.requeue_turns()
    except Exception as problem:  # their leases expire, and the sweep starts other attempts
        logger.error("narrator %s: turns are not requeued: %s", name, where(problem))
        return
    if requeued:
        logger.info("narrator %s: %s turns were requeued", name, requeued)


def requeue_at_deadline(pool: PoolState) -> None:
    """Wait for the turns under way, and requeue those that still run at the pool's deadline."""
    while not all(each.idle for each in pool.loaded_workers()):
        now = time.monotonic()
        if now >= pool.deadline:
            for each in pool.loaded_workers():
                requeue_turns(each)
        if now >= pool.deadline + END_GRACE_SECONDS:
            return
        time.sleep(POLL)


def retire(pool: PoolState, worker: NarratorWorker) -> None:
    """Wait up to RETIRE_SECONDS until a worker's turns are complete; then end its engine.

    What still runs then is requeued, as at the pool's deadline: the narrator's next worker goes on
    with it. Where the host has the narrator no more, the sweep ends the turn with the words so far.
    """
    worker.drain()
    worker.remove_heartbeat()
    deadline = time.monotonic() + RETIRE_SECONDS
    while not worker.idle:
        now = time.monotonic()
        if now >= (min(deadline, pool.deadline) if pool.draining else deadline):
            requeue_turns(worker)
        if now >= deadline + END_GRACE_SECONDS:
            name = worker.narrator.name
            logger.error("narrator %s: its engine ends while a turn runs", name)
            break  # `stop` releases its lease
        time.sleep(POLL)
    worker.stop()
