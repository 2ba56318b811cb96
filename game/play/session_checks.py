"""Who may stay: all sockets of a process are looked at together, every few seconds.

A socket outlives its session, its player's standing and its adventure unless somebody looks. One
look at hundreds of sockets takes three queries and one visit to Redis. It only sorts out those of
which nothing has changed since they were last looked at one by one; all others look for themselves,
in their own language, and close where they must.
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

from game.accounts.standing import without_doubt
from game.database import in_database
from game.models import Membership
from game.play import connections
from game.play.events import line_rest, story_log
from inference.log_context import where

logger = logging.getLogger(__name__)

EVERY = 4.0  # seconds from one look at a socket to the next
TICK = 0.25  # seconds between looks: each takes the sockets whose time has come
AT_ONCE = 500  # sockets in one query

# What a session and a player's password were, when a socket was last looked at by itself.
Evidence = tuple[str, str]


class Visitor(Protocol):
    """A socket, as far as it is looked at."""

    async def look_closer(self) -> bool:
        """Whether it may stay, by the whole of the rules; closes itself if not."""

    async def close_for_others(self) -> None:
        """Close: newer windows have taken its place."""


@dataclass(eq=False)
class Present:
    """A socket that is open, and when it is looked at next."""

    visitor: Visitor
    session: str
    player: UUID
    adventure: UUID
    window: connections.Windows
    due: float = 0.0
    evidence: Evidence | None = None
    busy: asyncio.Task[None] | None = None  # looks closer, or closes it
    # The socket's own, with its language.
    context: contextvars.Context = field(default_factory=contextvars.copy_context)

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """In a task of its own: a socket that closes slowly holds up no other."""
        self.busy = asyncio.create_task(logged(work), context=self.context)


class Attendance:
    """The open sockets of one event loop."""

    def __init__(self) -> None:
        self.present: set[Present] = set()
        self.task: asyncio.Task[None] | None = None

    def join(self, present: Present) -> None:
        """Look at this socket from now on; at once for the first time."""
        self.present.add(present)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.look_for_ever(), context=contextvars.Context())

    def leave(self, present: Present) -> None:
        """Look no more."""
        self.present.discard(present)
        if present.busy is not None and present.busy is not asyncio.current_task():
            present.busy.cancel()

    async def look_for_ever(self) -> None:
        while self.present:
            now = time.monotonic()
            due = [each for each in self.present if each.due <= now]
            for start in range(0, len(due), AT_ONCE):
                part = due[start : start + AT_ONCE]
                for each in part:
                    each.due = now + EVERY
                try:
                    await self.look(part)
                except Exception as problem:
                    # Nobody would look at any socket again if this ended.
                    logger.error("the look at %d sockets broke off: %s", len(part), where(problem))
            await asyncio.sleep(TICK)

    async def look(self, part: Sequence[Present]) -> None:
        """Look at these sockets. What a database or Redis that is away would say, waits."""
        try:
            evidence = await in_database(gather, part)
        except (DatabaseError, InterfaceError):
            evidence = None
        if evidence is not None:
            for each in part:
                found = evidence.get(each)
                if (found is None or found != each.evidence) and self.is_free(each):
                    each.do(look_closer(each, found))
        if line_rest.on:
            return
        try:
            crowded = await asyncio.to_thread(say_here, part)
        except redis.RedisError:
            line_rest.begin()
            return
        for each in crowded:
            if self.is_free(each):
                each.do(each.visitor.close_for_others())

    def is_free(self, present: Present) -> bool:
        return present in self.present and (present.busy is None or present.busy.done())


async def logged(work: Coroutine[Any, Any, None]) -> None:
    """Do it; what fails is logged at once, and tried again with the next look."""
    try:
        await work
    except Exception as problem:
        logger.error("a socket was not looked at: %s", where(problem))


async def look_closer(present: Present, evidence: Evidence | None) -> None:
    """Have a socket look for itself, and remember on what evidence it stayed."""
    try:
        if await present.visitor.look_closer():
            present.evidence = evidence
    except (DatabaseError, InterfaceError) as problem:
        logger.warning("a socket was not looked at: %s", type(problem).__name__)


def gather(part: Sequence[Present]) -> dict[Present, Evidence]:
    """Those that nothing speaks against, each with what its session and password are now.

    Missing: whose session has ended, who is no member any more, whose standing must be looked at.
    """
    sessions = dict(
        Session.objects.filter(
            session_key__in={each.session for each in part}, expire_date__gt=Now()
        ).values_list("session_key", "session_data")
    )
    players = {each.player for each in part}
    passwords = without_doubt(players)
    members = set(
        Membership.objects.filter(
            player__in=players,
            adventure__in={each.adventure for each in part},
            adventure__deleted__isnull=True,
        ).values_list("player", "adventure")
    )
    return {
        each: (sessions[each.session], passwords[each.player])
        for each in part
        if each.session in sessions
        and each.player in passwords
        and (each.player, each.adventure) in members
    }


def say_here(part: Sequence[Present]) -> list[Present]:
    """Say in Redis that these windows are open. Those that newer windows have pushed out.

    Where turns stop when nobody watches, it is noted too that somebody does.
    """
    places = connections.stay([each.window for each in part])
    if seconds := settings.STOP_WHEN_AWAY_SECONDS:
        remembered = max(seconds, math.ceil(2 * EVERY))
        story_log().watch({str(each.adventure) for each in part}, remembered)
    return [each for each, stays in zip(part, places, strict=True) if not stays]


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Attendance] = (
    weakref.WeakKeyDictionary()
)


def attendance() -> Attendance:
    """The attendance of this process (of this event loop, where tests have several)."""
    loop: Any = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        found = _by_loop[loop] = Attendance()
    return found
