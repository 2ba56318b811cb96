"""Periodic session and permission checks of the open sockets of a process.

Without them a socket would outlive its session, its player's permission to play, and its adventure.
A check of hundreds of sockets takes three queries and one round trip to Redis. It finds the sockets
for which nothing has changed since their last full check; each of the others is checked fully by
its own consumer, in its own language, which closes it if it may not stay.
"""

import asyncio
import contextvars
import logging
import math
import time
import weakref
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, InterfaceError
from django.db.models.functions import Now

from game.accounts.standing import certainly_allowed
from game.database import in_database
from game.models import Membership
from game.play import connections
from game.play.events import queue_client, redis_breaker
from inference.log_context import where

logger = logging.getLogger(__name__)

CHECK_SECONDS = 4.0  # between two checks of one socket
TICK_SECONDS = 0.25  # between two batches of sockets that are due
BATCH_SIZE = 500  # sockets in one query

# The session's data, the player's password hash and their role in the adventure at the last full
# check of a socket.
Evidence = tuple[str, str, str]


class CheckedConsumer(Protocol):
    """What the checks need of a consumer."""

    async def check_fully(self) -> bool:
        """Whether the socket may stay, by all rules; closes it if not. Raises DatabaseError."""

    async def close_surplus(self) -> None:
        """Close the socket: the player has opened too many newer ones."""


@dataclass(eq=False)
class OpenSocket:
    """An open socket, and when its next check is due (time.monotonic())."""

    consumer: CheckedConsumer
    session: str
    player: UUID
    adventure: UUID
    connection: connections.Connection
    due: float = 0.0
    evidence: Evidence | None = None
    busy: asyncio.Task[None] | None = None  # a full check, or closing it
    # The socket's own, with its language.
    context: contextvars.Context = field(default_factory=contextvars.copy_context)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in a task of its own: a socket that closes slowly delays no other."""
        self.busy = asyncio.create_task(logged(work), context=self.context)


class SessionChecker:
    """The open sockets of one event loop."""

    def __init__(self) -> None:
        self.sockets: set[OpenSocket] = set()
        self.task: asyncio.Task[None] | None = None

    def add(self, socket: OpenSocket) -> None:
        """Check this socket from now on, for the first time at once."""
        self.sockets.add(socket)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.check_forever(), context=contextvars.Context())

    def remove(self, socket: OpenSocket) -> None:
        """Check this socket no more."""
        self.sockets.discard(socket)
        if socket.busy is not None and socket.busy is not asyncio.current_task():
            socket.busy.cancel()

    async def check_forever(self) -> None:
        """Check the sockets that are due, until there are none left."""
        while self.sockets:
            now = time.monotonic()
            due = [each for each in self.sockets if each.due <= now]
            for start in range(0, len(due), BATCH_SIZE):
                part = due[start : start + BATCH_SIZE]
                for each in part:
                    each.due = now + CHECK_SECONDS
                try:
                    await self.check(part)
                except Exception as problem:
                    # If this loop ended, no socket would be checked again.
                    logger.error("the check of %d sockets failed: %s", len(part), where(problem))
            await asyncio.sleep(TICK_SECONDS)

    async def check(self, part: Sequence[OpenSocket]) -> None:
        """Check these sockets; what needs a database or Redis that is down is left for later."""
        try:
            evidence = await in_database(find_valid, part)
        except (DatabaseError, InterfaceError):
            evidence = None
        if evidence is not None:
            for each in part:
                found = evidence.get(each)
                if (found is None or found != each.evidence) and self.is_idle(each):
                    each.start(check_one(each, found))
        if redis_breaker.is_open:
            return
        try:
            surplus = await asyncio.to_thread(register_open, part)
        except redis.RedisError:
            redis_breaker.trip()
            return
        for each in surplus:
            if self.is_idle(each):
                each.start(each.consumer.close_surplus())

    def is_idle(self, socket: OpenSocket) -> bool:
        """Whether a socket is still open and no check of it is running."""
        return socket in self.sockets and (socket.busy is None or socket.busy.done())


async def logged(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`; an error is logged, and the next check tries again."""
    try:
        await work
    except Exception as problem:
        logger.error("a socket was not checked: %s", where(problem))


async def check_one(socket: OpenSocket, evidence: Evidence | None) -> None:
    """Check a socket fully, and remember the evidence on which it stayed."""
    try:
        if await socket.consumer.check_fully():
            socket.evidence = evidence
    except (DatabaseError, InterfaceError) as problem:
        logger.warning("a socket was not checked: %s", type(problem).__name__)


def find_valid(part: Sequence[OpenSocket]) -> dict[OpenSocket, Evidence]:
    """The sockets that may certainly stay, with their evidence.

    Left out are those whose session has ended, and whose player is no member or may be banned.
    """
    sessions = dict(
        Session.objects.filter(
            session_key__in={each.session for each in part}, expire_date__gt=Now()
        ).values_list("session_key", "session_data")
    )
    players = {each.player for each in part}
    passwords = certainly_allowed(players)
    members = Membership.objects.filter(
        player__in=players,
        adventure__in={each.adventure for each in part},
        adventure__deleted__isnull=True,
    )
    roles = {
        (player, adventure): role
        for player, adventure, role in members.values_list("player", "adventure", "role")
    }
    return {
        each: (
            sessions[each.session],
            passwords[each.player],
            roles[each.player, each.adventure],
        )
        for each in part
        if each.session in sessions
        and each.player in passwords
        and (each.player, each.adventure) in roles
    }


def register_open(part: Sequence[OpenSocket]) -> list[OpenSocket]:
    """Refresh these connections in Redis. Returns those that exceed their player's limit.

    With STOP_WHEN_AWAY_SECONDS it also records that these adventures are watched.
    """
    places = connections.refresh_all([each.connection for each in part])
    if seconds := settings.STOP_WHEN_AWAY_SECONDS:
        ttl = max(seconds, math.ceil(2 * CHECK_SECONDS))
        queue_client().watch({str(each.adventure) for each in part}, ttl)
    return [each for each, stays in zip(part, places, strict=True) if not stays]


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, SessionChecker] = (
    weakref.WeakKeyDictionary()
)


def session_checker() -> SessionChecker:
    """The checker of this process (of this event loop; tests have several)."""
    loop: Any = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        found = _by_loop[loop] = SessionChecker()
    return found
