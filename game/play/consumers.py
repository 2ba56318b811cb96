"""The consumer of a socket: forwards commands to `turns`, and the story log to the page."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import redis
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest
from django.utils.translation import activate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from pydantic import BaseModel

from game import disk_space, metrics
from game.accounts.standing import current_play_refusal
from game.database import in_database
from game.languages import language_of, translated
from game.models import Adventure, Membership, Player, Turn
from game.play import connections, protocol, read_ahead, snapshots, turns
from game.play.changes import NoSuchAdventure
from game.play.events import queue_client, redis_breaker
from game.play.followers import WORDS, Entry, Follower, LogGone, followers, id_order
from game.play.protocol import ErrorEvent, Ping, Pong, Refused, Resume, TurnWaiting, parse_command
from game.play.session_checks import OpenSocket, session_checker
from game.tables.members import only_watching
from game.tables.state import seen_table
from inference import tracing
from inference.log_context import about, where
from inference.queue.streams import FIRST, LAGGED, to_json
from inference.worker.runtime_tuning import CollectionCounter

logger = logging.getLogger(__name__)
collections_counter = CollectionCounter()

NOBODY, NOT_FOUND, SESSION_ENDED, TOO_MANY_CONNECTIONS, FLOODING = 4401, 4404, 4408, 4409, 4429
RESTARTING = 1013

FRAMES_PER_SECOND = 15  # at most; words of one socket are merged
COMMANDS_PER_SECOND = 10
COMMANDS_BURST = 40
REFUSALS_BEFORE_CLOSE = 100
DATABASE_SECONDS = 6.0  # how long a command is retried while the database is down
POSITION_SECONDS = 1.0  # between two checks of a waiting turn's place in the queue
# Seconds until forwarding a log is retried after an error; doubled each time.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

DATABASE_AWAY = _l(
    "The host cannot reach its database. What you typed is kept; try again in a moment."
)
BROKEN = _l(
    "Something went wrong on this host, and your words were not taken. Try again; if it happens "
    "again, tell the host."
)


class TokenBucket:
    """A rate limit: `most` at once, and `rate` per second in the long run."""

    def __init__(self, rate: float, most: int) -> None:
        self.rate, self.most, self.left = rate, most, float(most)
        self.then = time.monotonic()

    def take(self) -> bool:
        """Take a token. False if there is none."""
        now = time.monotonic()
        self.left = min(self.most, self.left + (now - self.then) * self.rate)
        self.then = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class AdventureConsumer(AsyncWebsocketConsumer):
    """One socket of one adventure."""

    async def connect(self) -> None:
        """Accept, check permissions, then forward the log and start the periodic checks.

        The socket is accepted first, since close codes reach only an accepted one.
        """
        await self.accept()
        activate(language_of(self.scope))  # for this socket's task and the tasks it starts
        metrics.SOCKETS.inc()
        self.player: Player = self.scope["user"]
        self.adventure_id: UUID = self.scope["url_route"]["kwargs"]["adventure_id"]
        self.reporting: asyncio.Task[None] | None = None  # the queue position of a waiting turn
        self.forwarding: asyncio.Task[None] | None = None
        self.reading_ahead: asyncio.Task[None] | None = None
        self.bucket = TokenBucket(COMMANDS_PER_SECOND, COMMANDS_BURST)
        self.refusals = 0
        self.role = self.member = ""  # the player's in this adventure
        self.version = -1
        self.log_connected = True
        self.waiting: str | None = None
        self.snapshotting = asyncio.Lock()
        self.open_socket: OpenSocket | None = None
        if not self.player.is_authenticated:
            await self.close(code=NOBODY)
            return
        self.connection = connections.Connection(self.player.pk)
        try:
            self.role, self.member = await in_database(self.current_role)
        except (DatabaseError, InterfaceError):
            await self.send_event(ErrorEvent(code="narrator_down", message=str(DATABASE_AWAY)))
            await self.close(code=RESTARTING)
            return
        if not self.role:
            await self.close(code=NOT_FOUND)
            return
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        # With the page's version, an event that never reached the log is noticed.
        version = query.get("version", [""])[0]
        if version.isascii() and version.isdecimal() and len(version) < 19:
            self.version = int(version)
        if not await self.may_open():
            return
        after = query.get("after", [""])[0]
        self.follow_from(after)
        # A new page, not a reconnect. Who only watches costs no narrator any work.
        if not after and self.role in Membership.ACTING:
            self.reading_ahead = asyncio.create_task(self.read_ahead())
        key = self.scope["session"].session_key
        self.open_socket = OpenSocket(self, key, self.player.pk, self.adventure_id, self.connection)
        session_checker().add(self.open_socket)

    async def may_open(self) -> bool:
        """Whether the player may play now and has not too many connections; closes if not."""
        if reason := await in_database(current_play_refusal, self.player.pk):
            await self.close_session(reason)
            return False
        if not await self.ask_connections(self.connection.register):
            await self.close_surplus()
            return False
        return True

    async def read_ahead(self) -> None:
        """Have the next prompt prefilled while the player reads the page."""
        try:
            await in_database(read_ahead.request_read_ahead, self.adventure_id)
        except Exception as problem:  # the next turn does not depend on it
            logger.warning("adventure %s: not read ahead: %s", self.adventure_id, where(problem))

    async def ask_connections(self, has_room: Callable[[], bool]) -> bool:
        """Call a method of the player's connections; True while Redis is down."""
        if redis_breaker.is_open:
            return True
        try:
            return await asyncio.to_thread(has_room)
        except redis.RedisError:
            redis_breaker.trip()
            return True

    async def close_session(self, reason: str) -> None:
        """Send the reason why the player may not play, and close."""
        await self.send_event(ErrorEvent(code="not_allowed", message=reason))
        await self.close(code=SESSION_ENDED)

    async def close_surplus(self) -> None:
        """Close one of too many connections, with a code after which pages do not reconnect."""
        message = _("You have more than %(most)d windows open: this one, the oldest, was closed.")
        event = ErrorEvent(code="too_many", message=message % {"most": settings.WINDOWS_PER_PLAYER})
        await self.send_event(event)
        await self.close(code=TOO_MANY_CONNECTIONS)

    async def disconnect(self, code: int) -> None:
        """Cancel this socket's tasks and unregister it."""
        metrics.SOCKETS.dec()
        collections_counter.add()
        for task in (self.reporting, self.forwarding, self.reading_ahead):
            if task is not None:
                task.cancel()
        if self.open_socket is not None:
            session_checker().remove(self.open_socket)
        # Break the reference cycles, or this would stay in memory until the garbage collector runs.
        self.reporting = self.forwarding = self.reading_ahead = self.open_socket = None
        if self.player.is_authenticated and not redis_breaker.is_open:
            with contextlib.suppress(redis.RedisError):
                await asyncio.to_thread(self.connection.unregister)

    # Commands from the page
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Parse a frame and carry out its command; every error is sent to the page."""
        key = None
        try:
            if not self.bucket.take():
                raise Refused("too_many", _("Too many messages. Wait a second."), retry_after=1)
            if text_data is None:
                raise Refused("bad_message", _("Only text frames are understood here."))
            key = protocol.key_of(text_data)
            command = parse_command(text_data)
            match command:
                case Ping():
                    await self.send_event(Pong())
                case Resume(after=after):
                    self.follow_from(after)
                case _:
                    followers().mark_active(str(self.adventure_id))
                    names = {"adventure": str(self.adventure_id), "request": str(command.key)}
                    with about(**names), tracing.span(command.type, **names):
                        accepted = await self.carry_out(command)
                    metrics.COMMANDS.labels(command.type).inc()
                    await self.send_event(accepted)
                    if not (self.log_connected and followers().is_connected):
                        await self.send_snapshot()  # stored, but its event waits for Redis
        except Refused as refused:
            await self.refuse(refused, key)
        except (NoSuchAdventure, Adventure.DoesNotExist):
            await self.close(code=NOT_FOUND)
        except (DatabaseError, InterfaceError) as problem:
            # Not refused: nobody knows whether it was carried out. The page sends it again, with
            # its key, after it has reconnected.
            logger.error("adventure %s: %s", self.adventure_id, type(problem).__name__)
            await self.send_event(ErrorEvent(code="narrator_down", message=str(DATABASE_AWAY)))
            await self.close(code=RESTARTING)
        except Exception as problem:
            # An unexpected error in one command must not close the socket.
            logger.error("adventure %s: a command failed: %s", self.adventure_id, where(problem))
            await self.refuse(Refused("narrator_down", str(BROKEN)), key)

    async def carry_out(self, command: protocol.Keyed) -> protocol.Accepted:
        """Carry out a command once, with retries while the database is down.

        A connection that breaks during COMMIT leaves the outcome open; the key makes the retry
        safe. Raises Refused, NoSuchAdventure, and DatabaseError after DATABASE_SECONDS.
        """
        deadline = time.monotonic() + DATABASE_SECONDS
        while True:
            try:
                return await in_database(self.carry_out_now, command)
            except (OperationalError, InterfaceError) as problem:
                if disk_space.disk.note(problem):  # it was rolled back
                    raise disk_space.refusal() from None
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)

    def carry_out_now(self, command: protocol.Keyed) -> protocol.Accepted:
        """Carry out a command in this thread. Raises Refused, NoSuchAdventure, DatabaseError."""
        if reason := current_play_refusal(self.player.pk):
            raise Refused("not_allowed", reason)
        if self.role not in Membership.ACTING:
            # They may be players by now. If not, they must not lock the adventure: there are many.
            role, _member = self.current_role()
            if role == Membership.Role.SPECTATOR:
                raise only_watching()
        return turns.carry_out(self.adventure_id, self.player, command)

    async def refuse(self, refused: Refused, key: str | None) -> None:
        """Send the reason. The socket stays open unless it has been refused too often."""
        metrics.REFUSED.labels(refused.code).inc()
        self.refusals += refused.code == "too_many"
        if self.refusals > REFUSALS_BEFORE_CLOSE:
            await self.close(code=FLOODING)
            return
        await self.send_event(
            ErrorEvent(
                code=refused.code,
                message=refused.message,
                key=key,
                retry_after=refused.retry_after,
            )
        )

    # The log to the page
    def follow_from(self, after: str) -> None:
        """Forward the log from just after `after`; without an id a snapshot comes first.

        FIRST counts as no id: since a page saw the log empty, it may have been filled and expired,
        or emptied with Redis.
        """
        if after == FIRST:
            after = ""
        if self.forwarding is not None:
            self.forwarding.cancel()
        self.forwarding = asyncio.create_task(self.forward_forever(after))

    async def forward_forever(self, after: str) -> None:
        """Forward until the socket closes; after errors retry, with a growing pause."""
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                if not after:
                    after = await self.send_snapshot()
                await self.forward_log(after)
            except LogGone:
                metrics.DROPPED.labels("log gone").inc()
            except Adventure.DoesNotExist:
                await self.close(code=NOT_FOUND)
                return
            except (DatabaseError, InterfaceError) as problem:
                logger.warning("adventure %s: no snapshot: %s", self.adventure_id, problem)
                await asyncio.sleep(1)
            except (redis.ConnectionError, redis.TimeoutError, OSError) as problem:
                metrics.DROPPED.labels("redis away").inc()
                logger.warning("adventure %s: following broke: %s", self.adventure_id, problem)
                self.log_connected = False
                await followers().wait_for_redis()
            except Exception as problem:
                metrics.DROPPED.labels("error").inc()
                logger.error(
                    "adventure %s: following failed: %s", self.adventure_id, where(problem)
                )
                self.log_connected = not isinstance(problem, redis.RedisError)
                lasted = time.monotonic() - began
                pause = FIRST_PAUSE if lasted > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
                await asyncio.sleep(pause)
            after = ""

    async def send_snapshot(self) -> str:
        """Send a snapshot. Returns the log id to continue from.

        Locked, so that of two snapshots the older one cannot arrive last.
        """
        async with self.snapshotting:
            snapshot = await in_database(snapshots.snapshot, self.adventure_id, self.player)
            if snapshot.you is not None:
                self.role, self.member = snapshot.you.role, snapshot.you.member
            self.version = snapshot.adventure["version"]
            last = snapshot.turns[-1]
            self.set_waiting_turn(last.id if last.status == "queued" else None)
            await self.send_event(snapshot)
        return snapshot.id

    async def forward_log(self, after: str) -> None:
        """Forward entries until the log breaks off. Raises LogGone if a change was missed."""
        follower = await followers().follow(str(self.adventure_id), after)
        seen = id_order(after)
        self.log_connected = True
        try:
            while True:
                entries = await follower.take()
                fresh = [entry for entry in entries if entry.at > seen]
                if not fresh:
                    continue
                seen = fresh[-1].at
                if len(fresh) == 1 and fresh[0].words:
                    self.set_waiting_turn(None)
                    await self.send_text(fresh[0].frame)
                    await self.delay_flush(follower)
                    continue
                events = merge_entries(fresh)
                for event in events:
                    self.check_version(event)
                    if event["type"] == LAGGED:
                        continue
                    self.track_waiting_turn(event)
                    await self.send_json(translated(self.for_member(event)))
                if events[-1]["type"] == WORDS:
                    await self.delay_flush(follower)
        finally:
            followers().unfollow(follower)

    def for_member(self, event: dict[str, Any]) -> dict[str, Any]:
        """An event of the log as this socket's member may see it."""
        if event["type"] == "table.changed":
            return {**event, "table": seen_table(event["table"], self.member)}
        if event["type"] == "adventure.changed" and self.role != Membership.Role.OWNER:
            return {**event, "adventure": snapshots.without_plot(event["adventure"])}
        return event

    async def delay_flush(self, follower: Follower) -> None:
        """Wait so that words gather into one frame; anything else is sent at once."""
        if not followers().in_rounds:
            await follower.delay_flush(1 / FRAMES_PER_SECOND)

    def check_version(self, event: dict[str, Any]) -> None:
        """Raise LogGone if a version was skipped: its event never reached the log."""
        version = event.get("version")
        if version is None:
            return
        skipped = self.version >= 0 and version > self.version + 1
        lagged = event["type"] == LAGGED and version > self.version
        if skipped or lagged:
            raise LogGone
        self.version = max(self.version, version)

    def track_waiting_turn(self, event: dict[str, Any]) -> None:
        """Note from an event whether a turn waits in the queue."""
        if event["type"] == "turn.queued":
            self.set_waiting_turn(event["turn"]["id"])
        elif event["type"].startswith("turn.") and event["type"] != "turn.edited":
            self.set_waiting_turn(None)

    def set_waiting_turn(self, turn: str | None) -> None:
        """Set the turn (None: no turn) whose queue position is reported."""
        # A thousand spectators would ask the database each second: they see the place at first.
        self.waiting = turn if self.role in Membership.ACTING else None
        if self.waiting is not None and (self.reporting is None or self.reporting.done()):
            self.reporting = asyncio.create_task(self.report_queue_position())

    # Periodic checks

    async def report_queue_position(self) -> None:
        """Send position and estimated seconds when they change, while a turn waits."""
        sent: tuple[str, int, int | None] | None = None
        while True:
            await asyncio.sleep(POSITION_SECONDS)
            if self.waiting is None:
                return
            try:
                found = await in_database(self.queue_position, self.waiting)
                if found is not None and found != sent and found[0] == self.waiting:
                    sent = found
                    turn, position, eta = found
                    waiting = TurnWaiting(turn=turn, position=position, eta_seconds=eta)
                    await self.send_event(waiting)
            except (DatabaseError, InterfaceError):
                continue
            except Exception as problem:
                logger.error(
                    "adventure %s: no queue position: %s", self.adventure_id, where(problem)
                )

    def queue_position(self, turn: str) -> tuple[str, int, int | None] | None:
        """The turn, its position and the estimated seconds; None if unknown."""
        if redis_breaker.is_open:
            return None
        # The turn's narrator: its adventure may have another one by now.
        narrator = Turn.objects.filter(pk=turn).values_list("narrator", flat=True).first()
        if narrator is None:
            return None
        try:
            position = queue_client().position(narrator, turn)
            if position is None:
                return None
            stats = queue_client().narrator_stats(narrator, age=POSITION_SECONDS / 2)
        except redis.RedisError:
            redis_breaker.trip()
            return None
        return turn, position, stats.seconds_until_started(position)

    async def check_fully(self) -> bool:
        """Whether this socket may stay open; closes it if not. Raises DatabaseError."""
        if not await in_database(self.is_session_valid):
            await self.close(code=SESSION_ENDED)
            return False
        role, self.member = await in_database(self.current_role)
        if not role:
            # It was deleted in another window, or the player was removed from it.
            await self.close(code=NOT_FOUND)
            return False
        if reason := await in_database(current_play_refusal, self.player.pk):
            await self.close_session(reason)
            return False
        if role != self.role:
            self.role = role
            self.follow_from("")  # the snapshot says what the page may do now
        return True

    def is_session_valid(self) -> bool:
        """Whether the session still logs in this player."""
        request = HttpRequest()
        request.session = SessionStore(self.scope["session"].session_key)
        user = get_user(request)
        return user.is_authenticated and user.pk == self.player.pk

    def current_role(self) -> tuple[str, str]:
        """The player's role and member id; empty if the adventure is gone, or is not theirs."""
        found = Adventure.objects.readable_by(self.player).filter(pk=self.adventure_id)
        member = found.values_list("membership__role", "membership__pk").first()
        return (member[0], str(member[1])) if member else ("", "")

    # Frames
    async def send_event(self, event: BaseModel) -> None:
        """Send an event, with its reason in the socket's language."""
        content = event.model_dump(mode="json", exclude_none=isinstance(event, ErrorEvent))
        await self.send_json(translated(content))

    async def send_json(self, content: dict[str, Any]) -> None:
        """Send plain data as JSON."""
        await self.send_text(to_json(content))

    async def send_text(self, text: str) -> None:
        """Send a text frame, past Channels if the server offers that."""
        send = self.scope.get("straight") or self.base_send
        await send({"type": "websocket.send", "text": text})


def merge_entries(entries: list[Entry]) -> list[dict[str, Any]]:
    """The entries as events; consecutive pieces of one reply become one event.

    It has the id of its last entry. A piece that is in the log twice (a retried write) is dropped
    by its index.
    """
    events: list[dict[str, Any]] = []
    for entry in entries:
        event = {**entry.event, "id": entry.id}
        last = events[-1] if events else None
        if (
            last is not None
            and event["type"] == last["type"] == "turn.token"
            and (event["turn"], event["attempt"]) == (last["turn"], last["attempt"])
        ):
            end = last["index"] + len(last["text"])
            if event["index"] == end:
                last["text"] += event["text"]
                last["id"] = event["id"]
                continue
            if event["index"] < end:
                last["id"] = event["id"]
                continue
        events.append(event)
    return events
