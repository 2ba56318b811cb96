"""`manage.py worker --narrators a,b`: runs a worker for one or more narrators."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.narrators import Narrator, NarratorsError, UnknownNarrator, narrators_of
from inference.worker.tasks import INSTALLS, QUEUE


class Command(BaseCommand):
    """Starts a Celery worker with the right queues and settings."""

    help = "Tells the turns of narrators. SIGHUP: look for new revisions. SIGTERM: finish and go."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Which narrators, whether it installs others, and its limit of memory."""
        parser.add_argument(
            "--narrators", default="", help="names with commas between; all where left out"
        )
        parser.add_argument(
            "--default",
            action="store_true",
            help="only the default, or those of which the first that can tell is it",
        )
        parser.add_argument(
            "--installs",
            action="store_true",
            help="also install narrators from the operator's page, and tell for them",
        )
        parser.add_argument(
            "--memory",
            type=int,
            default=settings.MODEL_MEMORY_MB,
            metavar="MB",
            help="what their models may hold together; 0 is all there is (MODEL_MEMORY_MB)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace this process by Celery's. Raises CommandError."""
        try:
            every = narrators_of(settings.INFERENCE)
            defaults = list(every.defaults)
            names = [name for name in options["narrators"].split(",") if name]
            others = [each for each in every.narrators if each not in defaults]
            narrators = [every.get(name) for name in names] or [
                *defaults,
                *(others if not options["default"] else []),
            ]
        except (NarratorsError, UnknownNarrator) as problem:
            raise CommandError(str(problem)) from None
        environ = {**os.environ, "MODEL_MEMORY_MB": str(options["memory"])}
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)
        # Replace this process by Celery's, which keeps the process id.
        os.execve(  # noqa: S606
            sys.executable,
            [sys.executable, "-m", "celery", *arguments(narrators, options["installs"])],
            environ,
        )


def arguments(narrators: list[Narrator], installs: bool) -> list[str]:
    """Celery's arguments for a worker of these narrators; the first is loaded at once."""
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    # By default Celery logs only warnings, so loading and unloading of models would not be logged.
    level = ["-l", settings.LOG_LEVEL]
    return [
        "-A",
        "dungeon",
        "worker",
        "-P",
        "threads",
        *level,
        *alone,
        *serving(narrators, installs),
    ]


def serving(narrators: list[Narrator], installs: bool) -> list[str]:
    """The worker's narrators as Celery queues, though no turns come as messages there.

    One more queue says that it also installs narrators and runs those.
    """
    queues = [f"{QUEUE}{narrator.name}" for narrator in narrators] + [INSTALLS] * installs
    return [
        *("-c", "1"),
        *("-Q", ",".join(queues)),
        *("-n", f"{narrators[0].name}@%h"),
    ]
