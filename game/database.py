"""A thread pool for the database work of sockets, off the event loop.

Channels gives all consumers of a process one database thread (channels #2132): one slow query would
delay every player.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, transaction

from inference.log_context import where

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 8
pool = ThreadPoolExecutor(THREADS, thread_name_prefix="database")


async def in_database(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `work` in a database thread, in the language of the caller."""
    loop = asyncio.get_running_loop()
    task = partial(with_fresh_connection, work, *args, **kwargs)
    return await loop.run_in_executor(pool, contextvars.copy_context().run, task)


def with_fresh_connection(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `work` and return its result; unusable connections are closed before and after."""
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()


def after_commit(work: Callable[[], None]) -> None:
    """Call `work` once the transaction is committed.

    An error in it is logged and not raised, so the commit stands and later callbacks still run.
    """

    def logged() -> None:
        try:
            work()
        except Exception as problem:
            logger.error("after a commit: %s", where(problem))

    transaction.on_commit(logged)
