"""Everything in one terminal: servers, web, narrators. `make play` runs this."""

import asyncio
import fcntl
import os
import secrets
import socket
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import segno
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from tqdm import tqdm

from dungeon import backends, environment, machine, network, services
from dungeon.services import Program, ServiceError
from dungeon.supervisor import Died, Stopped, Supervisor
from inference.log import StoryLog
from inference.models import ModelError, ensure_model
from inference.narrators import Narrator, NarratorsError, load_narrators

OPERATOR_TOKEN = "operator_token"  # noqa: S105 (the name of its file)


class Command(BaseCommand):
    help = "Runs everything that a game needs in this terminal, until Ctrl-C."
    requires_system_checks: list[str] = []  # they may ask the database, which is not up yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--figures", action="store_true", help="print the memory used, every ten seconds"
        )

    def handle(self, *args: Any, figures: bool = False, **options: Any) -> None:
        check_machine()
        lock = alone_in(settings.DATA_DIR)
        check_port()
        narrators = known_narrators()
        own_database = not os.environ.get("DATABASE_URL")
        own_redis = not os.environ.get("REDIS_URL")
        if not own_database:
            stop_where(backends.database_problem(settings.DATABASE_URL))
        if not own_redis:
            stop_where(backends.redis_problem(settings.REDIS_URL))
        try:
            for narrator in narrators:
                fetch(narrator)
            asyncio.run(play(narrators, own_database, own_redis))
        except (ModelError, ServiceError) as problem:
            raise CommandError(f"grue: {problem}") from None
        except Died as death:
            raise CommandError(f"grue: {death}", returncode=death.exit_code) from None
        except (Stopped, KeyboardInterrupt):
            say("stopped")
        finally:
            lock.close()
