"""Players who play on whatever happens, and note what they were told and what they saw.

A Window is static/js/socket.js and story.js in Python: it comes back with the last log id that it
saw, sends again with the same key what nobody answered, and shows what story.js would show.
"""

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.faults import page
from tests.faults.history import History

# socket.js waits longer; a test has less time.
FIRST_WAIT, LONGEST_WAIT = 0.1, 1.5  # seconds
PING_EVERY, PONG_WITHIN = 3.0, 4.0  # seconds
MEND_AFTER = 1.0  # seconds, as in play.js
LONG_PAUSE = 10.0  # seconds of silence that are noted beside the rest of a history
FINAL = (4401, 4404, 4408)
SESSION_COOKIE = "sessionid"

ACTIONS = ("open the door", "look around", "listen", "light the lamp", "go down the stairs")


@dataclass
class Tally:
    """What is counted while players play."""

    over: bool = False  # everybody is going home
    hang_seconds: float = 60.0
    faults: list[tuple[float, str]] = field(default_factory=lambda: [(0.0, "calm")])  # since when
    fault_of: dict[str, str] = field(default_factory=dict)  # by turn
    accepted: Counter[str] = field(default_factory=Counter)
    turns: Counter[str] = field(default_factory=Counter)
    pauses: dict[str, float] = field(default_factory=dict)  # the longest, by fault
    came_back: Counter[str] = field(default_factory=Counter)  # connections after the first

    @property
    def fault(self) -> str:
        """What is being broken just now."""
        return self.faults[-1][1]

    def break_now(self, fault: str) -> None:
        self.faults.append((time.monotonic(), fault))

    def paused(self, began: float, ended: float) -> None:
        """A turn said nothing for so long; what was being broken halfway is what did it."""
        halfway = (began + ended) / 2
        fault = next(fault for since, fault in reversed(self.faults) if since <= halfway)
        self.pauses[fault] = max(self.pauses.get(fault, 0.0), ended - began)

    @property
    def all_turns(self) -> int:
        return self.turns.total()


class Window:
    """One tab of a browser on one adventure."""

    def __init__(
        self, url: str, origin: str, session: str, history: History, tally: Tally, seed: str
    ) -> None:
        self.url, self.origin, self.session = url, origin, session
        self.history, self.tally = history, tally
        self.rng = random.Random(seed)
        self.state = page.empty()
        self.after: str | None = None
        self.version: int | None = None  # the adventure's, at `after`
        self.unanswered: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.tries = 0
        self.connection: ClientConnection | None = None
        self.news = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self.snapshots = 0
        self.opened = 0
        self.over = False
        self.pong_by: float | None = None
        self.mending: asyncio.TimerHandle | None = None
        self.signs: dict[str, float] = {}  # when a turn that is waited for was heard of last
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.live())

    async def close(self) -> None:
        self.over = True
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    # The connection

    async def live(self) -> None:
        while not self.over:
            code = await self.once()
            self.connection = None
            self.history.add("closed", code=code, at=time.monotonic())
            if code in FINAL:
                self.over = True
                self.news.set()
                return
            most = min(LONGEST_WAIT, FIRST_WAIT * 2**self.tries)
            self.tries += 1
            await asyncio.sleep(most / 2 + most / 2 * self.rng.random())

    async def once(self) -> int | None:
        """One connection, from its beginning to its end; its close code, where it had one."""
        after = self.after
        url = f"{self.url}?after={after}" if after else self.url
        if after and self.version is not None:
            url += f"&version={self.version}"
        socket = None
        try:
            async with connect(
                url,
                origin=self.origin,  # type: ignore[arg-type]
                additional_headers={"Cookie": f"{SESSION_COOKIE}={self.session}"},
                open_timeout=8,
                close_timeout=0.5,
                ping_interval=None,
                compression=None,
                max_queue=4,
                proxy=None,
            ) as socket:
                self.opened += 1
                if self.opened > 1 and not self.tally.over:
                    self.tally.came_back[self.tally.fault] += 1
                self.history.add("opened", after=after, at=time.monotonic())
                self.connection = socket
                self.pong_by = None
                for command in list(self.unanswered.values()):
                    await self.write(command)
                pinging = asyncio.create_task(self.ping(socket))
                try:
                    while True:
                        await self.reading.wait()
                        self.heard(json.loads(await socket.recv()))
                finally:
                    pinging.cancel()
        except (OSError, WebSocketException, TimeoutError, EOFError):
            pass
        return None if socket is None else socket.close_code

    async def ping(self, socket: ClientConnection) -> None:
        """A network that swallows packets never says no."""
        while True:
            await asyncio.sleep(PING_EVERY)
            if not self.reading.is_set():
                continue
            self.pong_by = time.monotonic() + PONG_WITHIN
            with contextlib.suppress(WebSocketException, OSError, TimeoutError):
                async with asyncio.timeout(PONG_WITHIN):
                    await socket.send('{"type":"ping"}')
            while self.pong_by is not None:
                if time.monotonic() > self.pong_by and self.reading.is_set():
                    socket.transport.abort()
                    return
                await asyncio.sleep(0.1)

    def restart(self) -> None:
        """Start over from a snapshot."""
        self.after = None
        self.tries = 0
        if self.connection is not None:
            self.connection.transport.abort()

    async def write(self, message: dict[str, Any]) -> None:
        if self.connection is not None:
            with contextlib.suppress(WebSocketException, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await self.connection.send(json.dumps(message))

    def heard(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        self.pong_by = None
        self.tries = 0
        kind = event["type"]
        if kind == "pong":
            return
        self.history.add("frame", event=event, at=now)
        if event.get("key") and kind in ("accepted", "error"):
            self.unanswered.pop(event["key"], None)
            self.answers[event["key"]] = event
        if event.get("id") is not None:
            self.after = event["id"]
        adventure = event.get("adventure") or {}
        self.version = event.get("version", adventure.get("version", self.version))
        self.snapshots += kind == "snapshot"
        self.state = page.reduce(self.state, event)
        self.note_signs(event, now)
        if self.state["missing"] and self.mending is None:
            self.mending = asyncio.get_running_loop().call_later(MEND_AFTER, self.mend)
        self.news.set()

    def mend(self) -> None:
        self.mending = None
        if self.state["missing"]:
            self.restart()

    def note_signs(self, event: dict[str, Any], now: float) -> None:
        """A turn that its player waits for was heard of, its place in the line included."""
        turn = event.get("turn")
        turn = turn["id"] if isinstance(turn, dict) else turn
        if turn in self.signs:
            self.note_pause(turn, now)
            self.signs[turn] = now

    def note_pause(self, turn: str, now: float) -> None:
        """How long a turn said nothing until now."""
        began = self.signs[turn]
        self.tally.paused(began, now)
        if now - began > LONG_PAUSE:
            self.history.add("paused", turn=turn, seconds=now - began, at=now)

    # What a player does with it

    async def until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until what is shown is so. False after too long, or when the door was shut."""
        deadline = time.monotonic() + seconds
        while not ready():
            left = deadline - time.monotonic()
            if left <= 0 or self.over:
                return False
            self.news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), min(left, 1.0))
        return True

    async def command(self, kind: str, /, **fields: Any) -> str:
        """Send a command. Its key."""
        key = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        await self.send({"type": kind, "key": key, **fields})
        return key

    async def send(self, command: dict[str, Any]) -> None:
        self.unanswered[command["key"]] = command
        self.history.add("sent", command=command, at=time.monotonic())
        await self.write(command)

    async def answer(self, key: str) -> dict[str, Any] | None:
        """The answer to a command; None when none came for too long."""
        limit = self.tally.hang_seconds
        if await self.until(lambda: key in self.answers, limit):
            answer = self.answers[key]
            if answer["type"] == "accepted":
                self.tally.accepted[self.tally.fault] += 1
            return answer
        self.history.add("hung", on="an answer", key=key, seconds=limit, at=time.monotonic())
        return None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way, as far as this window shows."""
        shown = self.state
        quiet = shown["head"] is not None and page.under_way(shown) is None
        return quiet and not self.unanswered and not shown["missing"]


class Player:
    """Plays one adventure in one window, at random and by a seed; other windows look on."""

    def __init__(self, window: Window, watchers: list[Window], tally: Tally, seed: str) -> None:
        self.window, self.watchers, self.tally = window, watchers, tally
        self.rng = random.Random(seed)
        self.stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def windows(self) -> list[Window]:
        return [self.window, *self.watchers]

    def start(self) -> None:
        for window in self.windows:
            window.start()
        self.task = asyncio.create_task(self.play())

    async def play(self) -> None:
        window = self.window
        while not self.stopping.is_set() and not window.over:
            if not await window.until(lambda: window.at_rest, self.tally.hang_seconds):
                self.hung("the end of a turn", (page.under_way(window.state) or {}).get("id"))
                await self.give_up()
            if self.stopping.is_set():
                return
            await self.do_something()

    def hung(self, on: str, turn: str | None) -> None:
        limit = self.tally.hang_seconds
        self.window.history.add("hung", on=on, turn=turn, seconds=limit, at=time.monotonic())

    async def give_up(self) -> None:
        """Stop what does not end, look afresh, and go on."""
        window = self.window
        turn = page.under_way(window.state)
        if turn is not None:
            await window.answer(await window.command("stop_turn", turn=turn["id"]))
        window.restart()
        await asyncio.sleep(1)

    async def do_something(self) -> None:
        shown = page.path(self.window.state)
        redo = self.window.state["redo"]
        choices: list[tuple[float, Callable[[], Any]]] = [(60, self.act)]
        if len(shown) > 1:
            choices += [(10, self.retry), (8, self.undo), (6, self.go_back), (6, self.edit)]
        if redo:
            choices.append((12, self.redo))
        weights = [weight for weight, _ in choices]
        await self.rng.choices([does for _, does in choices], weights)[0]()

    async def act(self) -> None:
        kind = self.rng.choices(["do", "say", "story", "continue"], [5, 2, 2, 1])[0]
        text = "" if kind == "continue" else self.rng.choice(ACTIONS)
        await self.tell("take_action", kind=kind, text=text)

    async def retry(self) -> None:
        head = page.path(self.window.state)[-1]
        await self.tell("retry_turn", turn=head["id"])

    async def tell(self, kind: str, /, **fields: Any) -> None:
        """Begin a turn, and wait for its end or bring it about."""
        window, tally = self.window, self.tally
        key = await window.command(kind, **fields)
        answer = await window.answer(key)
        if answer is None:
            return
        if answer["type"] == "error":
            await asyncio.sleep(min(answer.get("retry_after") or 0.3, 1.0))
            return
        turn = answer["turn"]
        tally.turns[tally.fault] += 1
        tally.fault_of[turn] = tally.fault
        window.signs[turn] = time.monotonic()
        try:
            await self.hear_out(turn)
        finally:
            window.note_pause(turn, time.monotonic())
            del window.signs[turn]

    async def hear_out(self, turn: str) -> None:
        """Wait for a turn's end, or bring it about on a whim."""
        window, tally = self.window, self.tally

        def ended() -> bool:
            known = window.state["turns"].get(turn)
            return known is not None and page.settled(known)

        whim = self.rng.random()
        if whim < 0.25:
            await window.until(ended, self.rng.random() * 1.2)
            if not ended():
                if whim < 0.14:
                    await window.answer(await window.command("stop_turn", turn=turn))
                elif whim < 0.18:
                    await window.answer(await window.command("undo_turn"))
                elif whim < 0.21:
                    await self.edit()
                elif whim < 0.23:
                    await self.go_back()
                else:  # impatient: refused as busy, or there a moment after the end
                    await window.answer(
                        await window.command("take_action", kind="do", text="go on")
                    )

        def settled_or_left() -> bool:
            return ended() or (turn not in window.state["turns"] and window.at_rest)

        if not await window.until(settled_or_left, tally.hang_seconds):
            self.hung("the end of a turn", turn)
            await self.give_up()

    async def undo(self) -> None:
        await self.window.answer(await self.window.command("undo_turn"))

    async def redo(self) -> None:
        await self.window.answer(await self.window.command("redo_turn"))

    async def go_back(self) -> None:
        turn = self.rng.choice(list(self.window.state["turns"].values()))
        await self.window.answer(await self.window.command("go_to_turn", turn=turn["id"]))

    async def edit(self) -> None:
        shown = page.path(self.window.state)
        turn = self.rng.choice(shown[-3:])
        text = f"I remember it otherwise, number {self.rng.randrange(10**6)}."
        await self.window.answer(
            await self.window.command("edit_turn", turn=turn["id"], reply=text)
        )
