"""Database work of sockets, off the event loop.

Channels gives all consumers of a process one database thread (channels #2132): one slow query
would hold up every player. These threads are a pool of their own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 8
pool = ThreadPoolExecutor(THREADS, thread_name_prefix="database")


async def in_database(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `work` in one of the database threads."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, partial(with_fresh_connection, work, *args, **kwargs))


def with_fresh_connection(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()
