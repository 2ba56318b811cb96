"""One virtual player: a window that is open all the time, and somebody who acts now and then."""

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
COME_BACK = 1.0  # seconds until a window that lost its socket is opened again
END_SECONDS = 600.0  # after which a turn without an end counts as lost
SULK_SECONDS = 5.0  # until somebody acts again who was refused
ENDS = ("told", "stopped", "failed")
# What is added to the monotonic clock, by which engines say when a word was made, for Redis' own.
# All three are told of one machine.
UPTIME_TO_CLOCK = time.time() - time.monotonic()


@dataclass
class Asked:
    """A turn that a player asked for, and what it was told."""

    adventure: str
    key: str
    sent: float
    accepted: bool = False
    turn: str = ""
    heard: str = ""  # of the reply, as pieces came
    first: float | None = None
    last: float | None = None
    ended: str = ""  # told, stopped, failed; refused with its code
    ends: int = 0
    reply: str = ""


@dataclass
class Seen:
    """What one or all players saw. Delays in seconds."""

    first_token: Delays = field(default_factory=Delays)
    piece: Delays = field(default_factory=Delays)  # between a frame of words and the next
    whole: Delays = field(default_factory=Delays)  # from action to end
    accepted: Delays = field(default_factory=Delays)
    on_the_way: Delays = field(default_factory=Delays)  # from the engine to the socket
    full_house: Delays = field(default_factory=Delays)  # the same, while every window is open
    to_log: Delays = field(default_factory=Delays)  # from the engine to the log
    from_log: Delays = field(default_factory=Delays)  # from the log to the socket
    connected: Delays = field(default_factory=Delays)
    counts: Counter[str] = field(default_factory=Counter)
    words: int = 0
    all_open: bool = False


class VirtualPlayer:
    """Plays one adventure at its own pace until it is told to stop.

    `think` is the seconds between the end of a reply and the next action, on average; they are
    exponential, as of many people who do not know each other.
    """

    def __init__(
        self,
        url: str,
        origin: str,
        account: VirtualAccount,
        think: float,
        chance: random.Random,
        seen: Seen | None = None,
    ):
        self.url = f"{url}/ws/adventures/{account.adventure}/"
        self.origin = origin
        self.account = account
        self.think = think
        self.chance = chance
        self.seen = seen or Seen()  # all players may share one
        self.asked: list[Asked] = []
        self.open = False
        self.last_id = ""
        self.stopping = asyncio.Event()
        self.ended = asyncio.Event()  # the turn that was asked for last

    @property
    def current(self) -> Asked | None:
        return self.asked[-1] if self.asked and not self.asked[-1].ended else None

    async def play(self) -> None:
        """Until `stopping` is set and the turn under way has ended."""
        acting = asyncio.create_task(self.act_now_and_then())
        window = asyncio.create_task(self.stay_connected())
        await acting
        window.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await window

    async def stay_connected(self) -> None:
        while True:
            await self.one_connection()

    async def one_connection(self) -> None:
        began = time.monotonic()
        again = f"?after={self.last_id}" if self.last_id else ""
        try:
            async with connect(
                self.url + again,
                origin=self.origin,  # type: ignore[arg-type]
                additional_headers={"Cookie": self.account.cookie},
                compression=None,
                open_timeout=60,
                max_size=None,
            ) as page:
                self.seen.connected.add(time.monotonic() - began)
                self.open, self.page = True, page
                await self.send_again()
                await self.listen(page)
        except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake) as problem:
            self.seen.counts[f"lost connection: {type(problem).__name__}"] += 1
            await asyncio.sleep(COME_BACK)
        finally:
            self.open = False

    async def listen(self, page: ClientConnection) -> None:
        async for frame in page:
            self.take(json.loads(frame), time.monotonic())

    # What is heard

    def take(self, event: dict[str, Any], now: float) -> None:
        if event.get("id"):
            self.last_id = event["id"]
        turn = self.current
        match event["type"]:
            case "snapshot":
                self.take_snapshot(event)
            case "accepted" if turn is not None and event["key"] == turn.key:
                turn.accepted, turn.turn = True, event["turn"]
                self.seen.accepted.add(now - turn.sent)
            case "turn.token":
                self.take_words(event, now)
            case "turn.told" | "turn.stopped":
                self.take_end(event["turn"], event["type"].removeprefix("turn."), now)
            case "turn.failed" if turn is not None and event["turn"] == turn.turn:
                self.end(turn, "failed", "failed")
                turn.ends += 1
            case "error" if turn is not None and event.get("key") == turn.key:
                self.end(turn, event["code"], f"refused: {event['code']}")
            case "error":
                self.seen.counts[f"error: {event['code']}"] += 1

    def take_words(self, event: dict[str, Any], now: float) -> None:
        turn = self.current
        if turn is None or (turn.turn and event["turn"] != turn.turn):
            return
        if turn.first is None:
            turn.first = now
            self.seen.first_token.add(now - turn.sent)
        elif turn.last is not None:
            self.seen.piece.add(now - turn.last)
        turn.last = now
        # As a page does it: after a snapshot in mid-turn, a piece may begin with what it knows.
        known = len(turn.heard) - event["index"]
        if known >= 0:
            turn.heard += event["text"][known:]
        said = None
        for word in event["text"].split():
            self.seen.words += 1
            said = time_in(word)
            if said is not None:
                self.seen.on_the_way.add(now - said)
                if self.seen.all_open:
                    self.seen.full_house.add(now - said)
        if said is not None:
            # A frame has the id of its last word, and an id is the time at which Redis took it.
            taken = int(event["id"].partition("-")[0]) / 1000 - UPTIME_TO_CLOCK
            self.seen.to_log.add(taken - said)
            self.seen.from_log.add(now - taken)

    def take_end(self, told: dict[str, Any], how: str, now: float) -> None:
        turn = next((each for each in self.asked if each.turn == told["id"]), self.current)
        if turn is None:
            return
        turn.turn = turn.turn or told["id"]
        turn.ends += 1
        if turn.ended:
            return
        turn.reply = told["reply"]
        self.seen.whole.add(now - turn.sent)
        self.end(turn, how, how)

    def end(self, turn: Asked, how: str, counted_as: str) -> None:
        turn.ended = how
        self.seen.counts[counted_as] += 1
        self.ended.set()

    def take_snapshot(self, event: dict[str, Any]) -> None:
        """A window that was away: the turn may have gone on, or ended, meanwhile."""
        self.seen.counts["snapshots"] += 1
        turn = self.current
        known = {each.turn for each in self.asked}
        newest = event["turns"][-1]
        if turn is not None and not turn.turn and newest["parent"] and newest["id"] not in known:
            turn.turn = newest["id"]  # asked for, and its acceptance is still on the way
        found = next((each for each in event["turns"] if turn and each["id"] == turn.turn), None)
        if turn is None or found is None:
            return
        turn.heard = found["reply"]
        if found["status"] in ENDS:
            turn.reply, turn.ends = found["reply"], 1
            self.end(turn, found["status"], found["status"])

    # What is done

    async def act_now_and_then(self) -> None:
        await self.pause(0.0)
        while not self.stopping.is_set():
            if not self.open:
                await asyncio.sleep(0.1)
                continue
            self.ended.clear()
            self.asked.append(Asked(self.account.adventure, str(uuid.uuid4()), time.monotonic()))
            await self.send_again()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), END_SECONDS)
            turn = self.asked[-1]
            turn.ended = turn.ended or "lost"
            await self.pause(0.0 if turn.ended in ENDS else SULK_SECONDS)

    async def pause(self, least: float) -> None:
        """Think, or wait until the test ends."""
        seconds = self.chance.expovariate(1 / self.think) if self.think else 0.0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), max(least, seconds))

    async def send_again(self) -> None:
        """Send what is asked for and not answered yet: a key makes it safe."""
        turn = self.current
        if turn is None or turn.accepted or not self.open:
            return
        text = ACTIONS[int(turn.key[:4], 16) % len(ACTIONS)]
        command = {"type": "take_action", "key": turn.key, "kind": "do", "text": text}
        with contextlib.suppress(ConnectionClosed):
            await self.page.send(json.dumps(command))
