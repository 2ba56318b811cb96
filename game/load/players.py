"""One virtual player of a load test: a socket that stays open, and actions at random intervals."""

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from game.load.figures import Delays
from game.load.setup import VirtualAccount
from inference.engines.scripted import time_in

ACTIONS = (
    "look around",
    "go on along the path between the tents, slowly, and listen to what is behind them",
    "call out",
    "take the lamp and hold it up to the sign above the door",
)
RECONNECT_SECONDS = 1.0  # after a lost connection
END_SECONDS = 600.0  # after which a turn without an end counts as lost
REFUSED_SECONDS = 5.0  # at least, before the next action after a refusal
ENDS = ("told", "stopped", "failed")
# Converts the monotonic clock, by which engines stamp words, to Redis' clock. Engine, Redis and
# load test run on one machine.
UPTIME_TO_CLOCK = time.time() - time.monotonic()


@dataclass
class RequestedTurn:
    """A turn that a player requested, and what the player received of it."""

    adventure: str
    key: str
    sent: float
    accepted: bool = False
    turn: str = ""
    heard: str = ""  # the reply as its pieces arrived
    first: float | None = None  # time.monotonic() of the first piece
    last: float | None = None  # and of the last
    ended: str = ""  # told, stopped, failed; refused with its code
    ends: int = 0
    reply: str = ""


@dataclass
class Measurements:
    """What one or all players measured. Delays are in seconds."""

    first_token: Delays = field(default_factory=Delays)
    piece: Delays = field(default_factory=Delays)  # between two frames of words
    whole: Delays = field(default_factory=Delays)  # from action to end
    accepted: Delays = field(default_factory=Delays)
    on_the_way: Delays = field(default_factory=Delays)  # from the engine to the socket
    full_house: Delays = field(default_factory=Delays)  # the same, while all sockets are open
    to_log: Delays = field(default_factory=Delays)  # from the engine to the log
    from_log: Delays = field(default_factory=Delays)  # from the log to the socket
    connected: Delays = field(default_factory=Delays)
    counts: Counter[str] = field(default_factory=Counter)
    words: int = 0
    all_open: bool = False


class VirtualPlayer:
    """Plays one adventure until `stopping` is set.

    `think` is the mean time in seconds between the end of a reply and the next action,
    exponentially distributed, as of many independent people.
    """

    def __init__(
        self,
        url: str,
        origin: str,
        account: VirtualAccount,
        think: float,
        rng: random.Random,
        measured: Measurements | None = None,
    ):
        self.url = f"{url}/ws/adventures/{account.adventure}/"
        self.origin = origin
        self.account = account
        self.think = think
        self.rng = rng
        self.measured = measured or Measurements()  # all players may share one
        self.requested: list[RequestedTurn] = []
        self.open = False
        self.last_id = ""
        self.stopping = asyncio.Event()
        self.ended = asyncio.Event()  # the turn that was asked for last

    @property
    def current(self) -> RequestedTurn | None:
        """The turn under way, if there is one."""
        return self.requested[-1] if self.requested and not self.requested[-1].ended else None

    async def play(self) -> None:
        """Act and keep a connection until `stopping` is set and the turn under way has ended."""
        acting = asyncio.create_task(self.act_repeatedly())
        window = asyncio.create_task(self.stay_connected())
        await acting
        window.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await window

    async def stay_connected(self) -> None:
        """Reconnect whenever the connection is lost, until cancelled."""
        while True:
            await self.run_connection()

    async def run_connection(self) -> None:
        """Open a socket, send an unanswered command again, and receive events until it closes."""
        began = time.monotonic()
        position = f"?after={self.last_id}" if self.last_id else ""
        try:
            async with connect(
                self.url + position,
                origin=self.origin,  # type: ignore[arg-type]
                additional_headers={"Cookie": self.account.cookie},
                compression=None,
                open_timeout=60,
                max_size=None,
            ) as page:
                self.measured.connected.add(time.monotonic() - began)
                self.open, self.page = True, page
                await self.send_again()
                await self.listen(page)
        except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake) as problem:
            self.measured.counts[f"lost connection: {type(problem).__name__}"] += 1
            await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            self.open = False

    async def listen(self, page: ClientConnection) -> None:
        """Receive each event with the time of its arrival (time.monotonic())."""
        async for frame in page:
            self.receive(json.loads(frame), time.monotonic())

    # Received events
    def receive(self, event: dict[str, Any], now: float) -> None:
        """Record one event."""
        if event.get("id"):
            self.last_id = event["id"]
        turn = self.current
        match event["type"]:
            case "snapshot":
                self.receive_snapshot(event)
            case "accepted" if turn is not None and event["key"] == turn.key:
                turn.accepted, turn.turn = True, event["turn"]
                self.measured.accepted.add(now - turn.sent)
            case "turn.token":
                self.receive_words(event, now)
            case "turn.told" | "turn.stopped":
                self.receive_end(event["turn"], event["type"].removeprefix("turn."), now)
            case "turn.failed" if turn is not None and event["turn"] == turn.turn:
                self.end(turn, "failed", "failed")
                turn.ends += 1
            case "error" if turn is not None and event.get("key") == turn.key:
                self.end(turn, event["code"], f"refused: {event['code']}")
            case "error":
                self.measured.counts[f"error: {event['code']}"] += 1

    def receive_words(self, event: dict[str, Any], now: float) -> None:
        """Record a piece of the reply, and the delays of its words."""
        turn = self.current
        if turn is None or (turn.turn and event["turn"] != turn.turn):
            return
        if turn.first is None:
            turn.first = now
            self.measured.first_token.add(now - turn.sent)
        elif turn.last is not None:
            self.measured.piece.add(now - turn.last)
        turn.last = now
        # As on pages: after a snapshot in mid-turn, a piece may begin with text already received.
        repeated = len(turn.heard) - event["index"]
        if repeated >= 0:
            turn.heard += event["text"][repeated:]
        made = None
        for word in event["text"].split():
            self.measured.words += 1
            made = time_in(word)
            if made is not None:
                self.measured.on_the_way.add(now - made)
                if self.measured.all_open:
                    self.measured.full_house.add(now - made)
        if made is not None:
            # A frame has the id of its last word, which is the time at which Redis stored it.
            stored = int(event["id"].partition("-")[0]) / 1000 - UPTIME_TO_CLOCK
            self.measured.to_log.add(stored - made)
            self.measured.from_log.add(now - stored)

    def receive_end(self, ended: dict[str, Any], how: str, now: float) -> None:
        """Record the end of a turn; a repeated one is counted, too."""
        turn = next((each for each in self.requested if each.turn == ended["id"]), self.current)
        if turn is None:
            return
        turn.turn = turn.turn or ended["id"]
        turn.ends += 1
        if turn.ended:
            return
        turn.reply = ended["reply"]
        self.measured.whole.add(now - turn.sent)
        self.end(turn, how, how)

    def end(self, turn: RequestedTurn, how: str, counted_as: str) -> None:
        """Mark the turn as ended, and let the player act again."""
        turn.ended = how
        self.measured.counts[counted_as] += 1
        self.ended.set()

    def receive_snapshot(self, event: dict[str, Any]) -> None:
        """Record a snapshot: the turn may have gone on, or ended, while disconnected."""
        self.measured.counts["snapshots"] += 1
        turn = self.current
        accepted = {each.turn for each in self.requested}
        newest = event["turns"][-1]
        if turn is not None and not turn.turn and newest["parent"] and newest["id"] not in accepted:
            turn.turn = newest["id"]  # its `accepted` event has not arrived yet
        found = next((each for each in event["turns"] if turn and each["id"] == turn.turn), None)
        if turn is None or found is None:
            return
        turn.heard = found["reply"]
        if found["status"] in ENDS:
            turn.reply, turn.ends = found["reply"], 1
            self.end(turn, found["status"], found["status"])

    # Actions
    async def act_repeatedly(self) -> None:
        """Take an action, wait for its end, think, and so on, until `stopping` is set."""
        await self.pause(0.0)
        while not self.stopping.is_set():
            if not self.open:
                await asyncio.sleep(0.1)
                continue
            self.ended.clear()
            self.requested.append(
                RequestedTurn(self.account.adventure, str(uuid.uuid4()), time.monotonic())
            )
            await self.send_again()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), END_SECONDS)
            turn = self.requested[-1]
            turn.ended = turn.ended or "lost"
            await self.pause(0.0 if turn.ended in ENDS else REFUSED_SECONDS)

    async def pause(self, least: float) -> None:
        """Wait `least` seconds or the think time, whichever is longer; `stopping` ends it."""
        seconds = self.rng.expovariate(1 / self.think) if self.think else 0.0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), max(least, seconds))

    async def send_again(self) -> None:
        """Send the current command if it was not accepted yet; its key makes that safe."""
        turn = self.current
        if turn is None or turn.accepted or not self.open:
            return
        text = ACTIONS[int(turn.key[:4], 16) % len(ACTIONS)]
        command = {"type": "take_action", "key": turn.key, "kind": "do", "text": text}
        with contextlib.suppress(ConnectionClosed):
            await self.page.send(json.dumps(command))
