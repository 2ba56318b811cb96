"""Celery's side of a worker: its start and end, and how results reach the game.

Turns come to workers from the queue in Redis, not as Celery messages.
"""

import logging
import signal
import sys
from typing import Any

from celery import current_app, shared_task
from celery.signals import celeryd_after_setup, worker_ready, worker_shutdown, worker_shutting_down
from pydantic import BaseModel

from inference.contract.questions import Reading
from inference.contract.request import Result, SummaryResult
from inference.engines.process import EngineFailed
from inference.installing.installer import Installer
from inference.installing.jobs import JobResult
from inference.narrators import NarratorsError, UnknownNarrator
from inference.worker import runtime_tuning
from inference.worker.idle.questions import Answer
from inference.worker.pool.narrator_pool import NarratorPool

logger = logging.getLogger(__name__)

QUEUE = "narrator."
# A worker of this queue installs narrators from the operator's page and runs them. There are no
# messages in it: the jobs are in Redis (inference.queue.installs).
INSTALLS = "installs"
pool: NarratorPool | None = None  # of this process, where it is a worker
installer: Installer | None = None


@shared_task(name="inference.tasks.narrate", ignore_result=True)
def narrate(narrator: str) -> None:
    """Do nothing: workers look at the queue by themselves.

    It is for messages of a web process of 0.1 that still runs during an upgrade.
    """


def send_result(result: Result) -> None:
    """Send a Result to the game. The sweep finds a lost one in Redis."""
    send("game.tasks.record_reply", result, f"turn {result.turn}: its result")


def send_summary(result: SummaryResult) -> None:
    """Send a summary to the game. For a lost one another is enqueued with the story's next cut."""
    send("game.tasks.record_summary", result, f"turn {result.turn}: its summary")


def send_answer(answer: Answer) -> None:
    """Send a reading or suggestions to the game. A lost one is not made again."""
    if isinstance(answer, Reading):
        send("game.tasks.record_reading", answer, f"turn {answer.turn}: its reading")
    else:
        send("game.tasks.record_suggestions", answer, f"turn {answer.turn}: its suggestions")


def send_job_result(result: JobResult) -> None:
    """Send the result of an install to the game. A lost one is sent again: the job stays listed."""
    send("game.tasks.record_install", result, f"narrator {result.name}: the result of its install")


def send(task: str, message: BaseModel, called: str) -> None:
    """Send a message to a task of the game. An error is logged: nothing depends on the message.

    `called` names it in the log.
    """
    try:
        current_app.send_task(task, args=[message.model_dump_json()], queue="game")
    except Exception as problem:  # every broker has errors of its own
        logger.warning("%s was not sent: %s", called, problem)


@celeryd_after_setup.connect
def start_pool(sender: str, instance: Any, **_: Any) -> None:
    """Start the narrators whose queues this worker reads, before its first message.

    Raises SystemExit where they cannot be started.
    """
    global pool, installer
    config = current_app.conf.inference
    queues = instance.app.amqp.queues.consume_from
    names = [queue.removeprefix(QUEUE) for queue in queues if queue.startswith(QUEUE)]
    if not names:
        return
    try:
        # The thread that reads from the engine should not wait for the many others.
        runtime_tuning.shorten_switch_interval()
        pool = NarratorPool(names, config, send_result, send_summary, send_answer)
        complete_start()
        pool.start()
        if INSTALLS in queues:
            installer = Installer(pool, config, send_job_result)
            installer.start()
    except (NarratorsError, UnknownNarrator, EngineFailed) as problem:
        logger.critical("%s", problem)
        raise SystemExit(1) from None


@worker_ready.connect
def complete_start(**_: Any) -> None:
    """Tune the garbage collector, and have SIGHUP reload the narrators file.

    Celery sets a SIGHUP handler of its own, which restarts the worker, after `start_pool`: so this
    runs again when the worker is ready. In a terminal SIGHUP says that the terminal was closed: as
    in Celery, it ends the worker then.
    """
    if pool is None:
        return
    runtime_tuning.reduce_collections()
    if not (sys.stdout and sys.stdout.isatty()):
        signal.signal(signal.SIGHUP, reload)


def reload(*_: object) -> None:
    """Read the narrators file again: the handler of SIGHUP."""
    if pool is not None:
        pool.reload()


@worker_shutting_down.connect
def drain(how: str = "Warm", **_: Any) -> None:
    """Take no more turns. After a cold shutdown, requeue those under way at once."""
    if pool is not None:
        pool.drain(current_app.conf.inference.drain_seconds if how == "Warm" else 0)


@worker_shutdown.connect
def stop(**_: Any) -> None:
    """End the installer and all engines."""
    if installer is not None:
        installer.stop()
    if pool is not None:
        pool.stop()
