"""Celery's side of narration: a message wakes a worker, which tells the turns that wait.

Messages are interchangeable: each says only that something waits for this narrator.
"""

import logging
from typing import Any

from celery import current_app, shared_task
from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down

from inference.engines.process import EngineFailed
from inference.narrators import NarratorsError, UnknownNarrator, load_narrators
from inference.request import Result
from inference.worker import Storyteller

logger = logging.getLogger(__name__)

QUEUE = "narrator."
storytellers: dict[str, Storyteller] = {}


@shared_task(name="inference.tasks.narrate", ignore_result=True)
def narrate(narrator: str) -> None:
    """Tell the turns that wait for `narrator`, one after the other, until none does."""
    storytellers[narrator].tell_all()


def send_result(result: Result) -> None:
    """Send a Result to the game. A lost one is found in the log by the sweep."""
    try:
        current_app.send_task(
            "game.tasks.record_reply", args=[result.model_dump_json()], queue="game"
        )
    except Exception as problem:  # every broker has errors of its own
        logger.warning("turn %s: its result was not sent: %s", result.turn, problem)


@celeryd_after_setup.connect
def begin(sender: str, instance: Any, **_: Any) -> None:
    """Load the narrators whose queues this worker reads, before it takes its first message."""
    config = current_app.conf.inference
    queues = instance.app.amqp.queues.consume_from
    for name in (queue.removeprefix(QUEUE) for queue in queues if queue.startswith(QUEUE)):
        try:
            narrator = load_narrators(config.narrators_file).get(name)
            storyteller = Storyteller(narrator, config, send_result)
            storyteller.start()
        except (NarratorsError, UnknownNarrator, EngineFailed) as problem:
            logger.critical("%s", problem)
            raise SystemExit(1) from None
        storytellers[name] = storyteller


@worker_shutting_down.connect
def drain(**_: Any) -> None:
    for storyteller in storytellers.values():
        storyteller.drain()


@worker_shutdown.connect
def stop(**_: Any) -> None:
    for storyteller in storytellers.values():
        storyteller.stop()
