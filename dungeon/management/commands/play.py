"""Everything in one terminal: servers, web, narrators. `make play` runs this."""

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dungeon import machine, network, services
from dungeon.backup.errors import BackupError
from dungeon.local_host import LocalHost
from dungeon.services import ServiceError
from dungeon.supervisor import Died, Stopped
from dungeon.terminal import say, stop, stop_on_problem
from inference.models.store import ModelError


class Command(BaseCommand):
    """`manage.py play`: refuses to start where something is missing, then runs until Ctrl-C."""

    help = "Runs the whole game in this terminal, until Ctrl-C."
    requires_system_checks: list[str] = []  # they may query the database, which does not run yet

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the machine, run everything, and end with one line and the right exit code."""
        stop_on_problem(machine.problem())
        host = LocalHost()
        try:
            with services.alone_in(settings.DATA_DIR, host.address):
                stop_on_problem(network.listen_problem(settings.HOST, settings.PORT))
                host.check_servers()
                host.check_disk()
                host.check_default()
                host.fetch_models()
                asyncio.run(host.play())
        except (ModelError, ServiceError, BackupError) as problem:
            stop(str(problem))
        except Died as death:
            stop(str(death), death.exit_code)
        except (Stopped, KeyboardInterrupt):
            say("stopped")
