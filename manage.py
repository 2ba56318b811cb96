#!/usr/bin/env python
"""Django's command line for Grue."""

import os
import sys

import redis
from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import OperationalError

from dungeon import backends

# Packages of ours: where one of these is missing, the program is broken and not the environment.
OURS = {"dungeon", "game", "inference"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dungeon.settings")
    # Commands are modules: narrate-batch is narrate_batch.
    command = [each.replace("-", "_") for each in sys.argv[1:2] if not each.startswith("-")]
    try:
        execute_from_command_line([sys.argv[0], *(command or sys.argv[1:2]), *sys.argv[2:]])
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.partition(".")[0] in OURS:
            raise
        sys.exit(
            f"grue: {' '.join(command)} needs the library {problem.name}, which is not installed "
            "here. In containers, narrators have it: docker compose exec narrator grue "
            f"{' '.join(sys.argv[1:])}. Elsewhere: sh scripts/environment.sh light"
        )
    except OperationalError:
        stop_where(backends.database_problem(settings.DATABASE_URL))
        raise
    except (redis.ConnectionError, redis.TimeoutError):
        stop_where(backends.redis_problem(settings.REDIS_URL))
        raise


def stop_where(problem: str) -> None:
    """One line instead of a traceback, where a server is away."""
    if problem:
        sys.exit(f"grue: {problem}")


if __name__ == "__main__":
    main()
