"""The queue "finetune": a worker of its own, with torch.

celery -A dungeon worker -P threads -c 1 -Q finetune -n finetune@%h
"""

import logging
from uuid import UUID

from celery import shared_task

from game.training import runs

logger = logging.getLogger(__name__)

QUEUE = "finetune"


@shared_task(name="game.training.tasks.train", ignore_result=True)
def train(run_id: str) -> None:
    """Carry out a training run, if it still waits."""
    run = runs.claim(UUID(run_id))
    if run is None:
        logger.info("training %s is not waiting", run_id)
        return
    try:
        runs.carry_out(run)
    except Exception as error:
        runs.end_run(run, runs.Status.FAILED, f"{type(error).__name__}: {error}")
        raise


def send(run_id: UUID) -> bool:
    """Send a run to the queue. False if the broker does not answer."""
    try:
        train.apply_async((str(run_id),), queue=QUEUE)
    except Exception as error:  # the broker's client may raise anything
        logger.warning("training %s could not be sent: %s", run_id, error)
        return False
    return True
