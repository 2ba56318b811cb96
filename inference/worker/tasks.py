"""Celery's side of narration: when a worker begins and ends, and how results reach the game.

Turns come to workers from Redis, where they wait, not by messages.
"""

import logging
import signal
import sys
from typing import Any

from celery import current_app, shared_task
from celery.signals import celeryd_after_setup, worker_ready, worker_shutdown, worker_shutting_down

from inference.contract.request import Result, SummaryResult
from inference.engines.process import EngineFailed
from inference.installing.installer import Installer
from inference.installing.jobs import JobResult
from inference.narrators import NarratorsError, UnknownNarrator
from inference.worker import runtime_tuning
from inference.worker.pool import NarratorPool

logger = logging.getLogger(__name__)

QUEUE = "narrator."
# A worker that reads this queue installs narrators from the operator's page and tells for them.
# There are no messages in it: what is to be done stands in Redis (inference.queue.installs).
INSTALLS = "installs"
pool: NarratorPool | None = None  # of this process, where it is a worker
installer: Installer | None = None


@shared_task(name="inference.tasks.narrate", ignore_result=True)
def narrate(narrator: str) -> None:
    """Nothing: workers see by themselves that a turn waits.

    It is here for the messages of a web process of 0.1 that still runs during an upgrade.
    """


def send_result(result: Result) -> None:
    """Send a Result to the game. A lost one is found in the log by the sweep."""
    try:
        current_app.send_task(
            "game.tasks.record_reply", args=[result.model_dump_json()], queue="game"
        )
    except Exception as problem:  # every broker has errors of its own
        logger.warning("turn %s: its result was not sent: %s", result.turn, problem)


def send_summary(result: SummaryResult) -> None:
    """Send a summary to the game. A lost one is asked for again when the story's next part goes."""
    try:
        current_app.send_task(
            "game.tasks.record_summary", args=[result.model_dump_json()], queue="game"
        )
    except Exception as problem:  # every broker has errors of its own
        logger.warning("turn %s: its summary was not sent: %s", result.turn, problem)


def send_job_result(result: JobResult) -> None:
    """Tell the game how installing ended. A lost one is sent again: the job stays on the board."""
    try:
        current_app.send_task(
            "game.tasks.record_install", args=[result.model_dump_json()], queue="game"
        )
    except Exception as problem:  # every broker has errors of its own
        logger.warning("narrator %s: how installing ended was not sent: %s", result.name, problem)


@celeryd_after_setup.connect
def begin(sender: str, instance: Any, **_: Any) -> None:
    """Have the narrators ready whose queues this worker reads, before its first message."""
    global pool, installer
    config = current_app.conf.inference
    queues = instance.app.amqp.queues.consume_from
    names = [queue.removeprefix(QUEUE) for queue in queues if queue.startswith(QUEUE)]
    if not names:
        return
    try:
        # Of many threads most wait; the one that hears the engine should not wait for the others.
        runtime_tuning.shorten_switch_interval()
        pool = NarratorPool(names, config, send_result, send_summary)
        settle()
        pool.start()
        if INSTALLS in queues:
            installer = Installer(pool, config, send_job_result)
            installer.start()
    except (NarratorsError, UnknownNarrator, EngineFailed) as problem:
        logger.critical("%s", problem)
        raise SystemExit(1) from None


@worker_ready.connect
def settle(**_: Any) -> None:
    """What can only be set once all is there.

    On SIGHUP, look for new revisions in the narrators file.

    Celery would restart the worker, and installs that after `begin`. Where a terminal holds the
    worker, as Celery sees it too, SIGHUP says that the terminal is closed, and ends it.
    """
    if pool is None:
        return
    runtime_tuning.reduce_collections()
    if not (sys.stdout and sys.stdout.isatty()):
        signal.signal(signal.SIGHUP, reload)


def reload(*_: object) -> None:
    if pool is not None:
        pool.reload()


@worker_shutting_down.connect
def drain(how: str = "Warm", **_: Any) -> None:
    """Take no more turns; in a hurry, hand on at once what is under way."""
    if pool is not None:
        pool.drain(current_app.conf.inference.drain_seconds if how == "Warm" else 0)


@worker_shutdown.connect
def stop(**_: Any) -> None:
    if installer is not None:
        installer.stop()
    if pool is not None:
        pool.stop()
