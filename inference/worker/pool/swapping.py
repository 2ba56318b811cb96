"""Swaps the narrators of a pool for new revisions of them, without a break.

A new revision is loaded and tried beside the old one, which runs meanwhile; then it takes the
turns, and the old one is unloaded when those that it has begun are complete.
"""

import logging

from inference.engines.process import EngineFailed
from inference.log_context import where
from inference.narrators import (
    Narrator,
    NarratorsError,
    UnknownNarrator,
    narrators_of,
    narrators_problem,
)
from inference.worker.pool.draining import retire
from inference.worker.pool.model_loader import ModelLoader
from inference.worker.pool.state import PoolEntry, PoolState

logger = logging.getLogger(__name__)


def swap_all(pool: PoolState, loader: ModelLoader) -> None:
    """Read the narrators file again, and swap each narrator that differs in it. Never raises."""
    file = pool.config.narrators_file
    try:
        narrators = narrators_of(pool.config)
    except NarratorsError as problem:
        logger.error("the narrators go on as they are: %s", problem)
        return
    except Exception as problem:
        logger.error("the narrators go on as they are: %s", where(problem))
        return
    if wrong := narrators_problem(file):
        logger.error("the narrators go on as they are: %s", wrong)
        return
    for name, entry in pool.listed().items():
        try:
            narrator = narrators.get(name)
        except UnknownNarrator as problem:
            logger.error("narrator %s goes on as it is: %s", name, problem)
            continue
        if narrator == entry.narrator:
            logger.info("narrator %s is the same in %s", name, file)
            continue
        try:
            swap(pool, loader, entry, narrator)
        except Exception as problem:  # the other narrators are swapped all the same
            logger.error("narrator %s: not swapped: %s", name, where(problem))


def swap(pool: PoolState, loader: ModelLoader, entry: PoolEntry, narrator: Narrator) -> None:
    """Have a new revision take new turns, once it is loaded; turns under way are finished.

    One that cannot be loaded is logged, and the old revision goes on.
    """
    with entry.change_lock, loader.room_for(narrator):
        before, old = entry.narrator, entry.worker
        if pool.draining or entry.withdrawn or narrator == before:
            return
        entry.narrator, entry.memory, entry.retry_at = narrator, 0, 0.0
        if entry.fetch is not None:
            entry.fetch.stop()
        entry.fetch, entry.waits_for, entry.machine_checked = None, None, 0.0
        if old is None:  # the next turn loads the new one
            logger.info("narrator %s is %s now", narrator.name, revision_of(narrator))
            return
        loader.evict_for(entry)
        new = loader.new_worker(entry)
        try:
            new.start(warm=True)
        except Exception as problem:
            entry.narrator = before
            why = problem if isinstance(problem, EngineFailed) else where(problem)
            logger.error("narrator %s goes on as it is: %s", narrator.name, why)
            return
        old.drain()
        loader.activate(entry, new)
    logger.info("narrator %s is %s now", narrator.name, revision_of(narrator))
    retire(pool, old)


def revision_of(narrator: Narrator) -> str:
    """The revision that the host gave a narrator, or else its fingerprint."""
    return narrator.revision or narrator.fingerprint
