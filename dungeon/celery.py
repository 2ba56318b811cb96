"""The Celery app and its queues.

Each narrator has a queue of its own, `narrator.<name>`; `game` holds what needs no model.

    celery -A dungeon worker -P threads -c 1 -Q narrator.NAME    runs turns
    celery -A dungeon worker -P threads -c 2 -Q game -B          stores replies, sweeps
    celery -A dungeon worker -P threads -c 1 -Q finetune         trains narrators; wants torch

The queues of a worker name its narrators. It takes turns from Redis, not from Celery messages
(docs/decisions/turns-without-messages.md).
"""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_embedded_init, celeryd_after_setup

from dungeon import broker, parent_watch, pods, tracing, worker_metrics
from inference.queue import keys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dungeon.settings")

broker.patch_channel()

app = Celery("grue")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_default_queue="game",
    task_create_missing_queues=True,
    # Not worker_disable_prefetch: a worker whose threads were all busy then asks for the next
    # message only with its loop's next tick, and two threads store two replies a second.
    worker_prefetch_multiplier=4,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A Redis that is full answers with an error that ends the worker otherwise.
    broker_channel_error_retry=True,
    # A web process must not wait for Redis: with these a publish fails within a second (took 45).
    # Workers read the queue with a BRPOP of one second, below socket_timeout.
    task_publish_retry=False,
    broker_transport_options={
        "socket_timeout": 3,
        "socket_connect_timeout": 1,
        "max_retries": 0,
        "global_keyprefix": keys.CELERY,
    },
    beat_schedule={
        "sweep": {
            "task": "game.tasks.sweep_stale_turns",
            "schedule": 2.0,
            "options": {"queue": "game", "expires": 2},
        },
        "tidy the library": {
            "task": "game.library.tasks.tidy",
            "schedule": 600.0,
            "options": {"queue": "game", "expires": 600},
        },
        "import files": {
            "task": "game.imports.tasks.import_files",
            "schedule": 10.0,
            "options": {"queue": "game", "expires": 10},
        },
        "tidy imports": {
            "task": "game.imports.tasks.tidy",
            "schedule": 3600.0,
            "options": {"queue": "game", "expires": 3600},
        },
        "tidy accounts": {
            "task": "game.accounts.tasks.tidy",
            "schedule": 3600.0,
            "options": {"queue": "game", "expires": 3600},
        },
    },
)
app.autodiscover_tasks(
    [
        *("game", "game.accounts", "game.imports", "game.library", "game.recall", "game.training"),
        "inference.worker",
    ]
)


@celeryd_after_setup.connect
def start_reporting(sender: str, instance: Any, **_: Any) -> None:
    """Serve metrics, write the pod's deletion cost and trace, each where the host has set it up."""
    queues = instance.app.amqp.queues.consume_from
    worker_metrics.serve()
    pods.report_deletion_cost()
    tracing.start("game" if "game" in queues else "narrator")


@beat_embedded_init.connect
def end_with_the_worker(**_: object) -> None:
    """End the process that `-B` runs beat in with its worker, also where that is killed."""
    parent_watch.tie_to(os.getppid())
