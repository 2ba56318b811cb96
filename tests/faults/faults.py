"""What is done to the installation, one blow at a time. The runner strikes again and again.

Each fault is a coroutine that breaks something, lets it last, and mends it again.
"""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import redis

from tests.faults import doubles
from tests.faults.history import History
from tests.faults.installation import GAME, NARRATORS, ROOT, Installation
from tests.faults.players import Player, Tally, Window
from tests.faults.proxy import CALM, Proxy, Weather

FAKETIME = Path("/usr/lib")
TABS = 50


class Skipped(Exception):
    """This fault cannot be made on this machine. Its text says what is missing."""


@dataclass
class Scene:
    """Everything that a fault may lay hands on."""

    installation: Installation
    proxy: Proxy
    players: list[Player]
    tally: Tally
    rng: random.Random
    folder: Path
    patience: float = 1.0  # how long faults last and rest, beside what they do by themselves
    histories: list[History] = field(default_factory=list)
    barriers: list[list[str]] = field(default_factory=list)
    crowd: list[dict[str, str]] = field(default_factory=list)  # guests for the barrier

    @property
    def windows(self) -> list[Window]:
        return [window for player in self.players for window in player.windows]

    def window(self, guest: dict[str, str], name: str) -> Window:
        """A new window for a guest, with a history of its own."""
        history = History(name, guest["adventure"], self.folder / f"{name}.jsonl")
        self.histories.append(history)
        return Window(
            f"ws://127.0.0.1:{self.proxy.port}/ws/adventures/{guest['adventure']}/",
            f"http://127.0.0.1:{self.installation.port}",
            guest["session"],
            history,
            self.tally,
            f"{name}{self.rng.random()}",
        )

    def some_of(self, names: list[str]) -> list[str]:
        """One or more of them."""
        return self.rng.sample(names, self.rng.randint(1, len(names)))

    async def a_while(self, least: float, most: float) -> None:
        await asyncio.sleep(self.rng.uniform(least, most) * self.patience)


Strike = Callable[[Scene], Awaitable[None]]


async def nothing(scene: Scene) -> None:
    await scene.a_while(0.5, 1.0)


async def web_killed(scene: Scene) -> None:
    for name in scene.some_of(scene.installation.webs):
        await scene.installation.restart(name)
    await scene.installation.until(scene.installation.web_up, "the web")
    await scene.a_while(0.2, 2.0)


async def game_worker_killed(scene: Scene) -> None:
    names = scene.some_of(scene.installation.games)
    for name in names:
        await scene.installation.kill(name)
    await scene.a_while(0.0, 1.0)
    for name in names:
        await scene.installation.restart(name)
    await asyncio.gather(*map(scene.installation.ready, names))
    await scene.a_while(0.5, 8.0)


async def beats_killed(scene: Scene) -> None:
    """Nobody asks for the sweep any more, until the game workers are started again."""
    for name in scene.installation.games:
        scene.installation.kill_beat(name)
    await scene.a_while(8.0, 12.0)
    for name in scene.installation.games:
        await scene.installation.restart(name)
    await asyncio.gather(*map(scene.installation.ready, scene.installation.games))


async def narrator_killed(scene: Scene) -> None:
    name = scene.rng.choice(NARRATORS)
    await scene.installation.restart(name)
    await scene.installation.ready(name)
    await scene.a_while(0.5, 3.0)


async def engine_killed(scene: Scene) -> None:
    scene.installation.kill_engine(scene.rng.choice(NARRATORS))
    await scene.a_while(0.5, 3.0)


async def redis_restarted(scene: Scene) -> None:
    await scene.installation.restart_redis(away=scene.rng.uniform(0, 2))
    await scene.a_while(1.0, 3.0)


async def redis_emptied(scene: Scene) -> None:
    for history in scene.histories:
        history.add("emptied", back=False)
    await scene.installation.restart_redis(away=scene.rng.uniform(0, 1), emptied=True)
    for history in scene.histories:
        history.add("emptied", back=True)
    await scene.a_while(2.0, 4.0)


async def redis_paused(scene: Scene) -> None:
    await asyncio.to_thread(scene.installation.redis.client_pause, 3000, all=True)
    await asyncio.sleep(3)
    await scene.a_while(0.2, 2.0)


async def redis_full(scene: Scene) -> None:
    await asyncio.to_thread(scene.installation.redis.config_set, "maxmemory", "1mb")
    await scene.a_while(0.5, 2.5)
    await asyncio.to_thread(scene.installation.redis.config_set, "maxmemory", "256mb")
    await scene.a_while(0.5, 2.0)


async def redis_away(scene: Scene) -> None:
    await scene.installation.restart_redis(away=30 * min(1.0, scene.patience))
    await asyncio.sleep(20)  # what was saved meanwhile is told before the next blow


async def disk_full(scene: Scene) -> None:
    """Neither PostgreSQL nor Redis can keep anything more for a while."""
    if not scene.installation.own_disk:
        raise Skipped("no disk was filled: that wants the right to mount one")
    await asyncio.to_thread(scene.installation.fill_disk)
    try:
        await scene.a_while(2.0, 6.0)
    finally:
        scene.installation.clear_disk()
    await scene.a_while(2.0, 4.0)


async def postgres_restarted(scene: Scene) -> None:
    await scene.installation.restart_postgres(away=scene.rng.uniform(0, 1.5))
    await scene.a_while(1.0, 3.0)


async def sessions_ended(scene: Scene) -> None:
    for _ in range(8):
        await asyncio.to_thread(end_sessions, scene.installation)
        await scene.a_while(0.05, 0.5)


def end_sessions(installation: Installation) -> None:
    with installation.database() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


async def slow_network(scene: Scene) -> None:
    scene.proxy.weather = Weather(delay=0.3)
    await scene.a_while(1.0, 3.0)


async def cut_connections(scene: Scene) -> None:
    scene.proxy.weather = Weather(delay=0.02, cut_within=3000, refuse=0.1)
    await scene.a_while(1.0, 3.0)
    scene.proxy.cut_all()


async def half_open(scene: Scene) -> None:
    scene.proxy.weather = Weather(deaf_within=6000)
    await scene.a_while(4.0, 8.0)


async def slow_readers(scene: Scene) -> None:
    """Some stop reading, behind buffers so small that the web feels it."""
    scene.proxy.weather = Weather(narrow=True)
    slow = [window for player in scene.players for window in player.watchers]
    for window in slow:
        window.reading.clear()
        window.restart()
    await scene.a_while(2.0, 5.0)
    for window in slow:
        window.reading.set()
    await scene.a_while(0.2, 1.0)


async def doubled_messages(scene: Scene) -> None:
    """Every message and every entry of the line is put there twice, some a while later."""
    stop = threading.Event()
    echo = threading.Thread(
        target=doubles.echo, args=[scene.installation, stop, scene.rng.random()], daemon=True
    )
    echo.start()
    await scene.a_while(3.0, 5.0)
    stop.set()
    await asyncio.to_thread(echo.join, 5)


async def many_at_once(scene: Scene) -> None:
    """Fifty tabs of one adventure act in the same moment: one turn comes of it."""
    if not scene.crowd:
        await scene.a_while(0.5, 1.0)
        return
    guest = scene.crowd.pop()
    number = len(scene.histories)
    engines: list[int] = []
    tabs = [scene.window(guest, f"tab-{number}-{each}") for each in range(TABS)]
    for tab in tabs:
        tab.start()
    try:
        ready = [tab.until(lambda tab=tab: tab.at_rest, 30) for tab in tabs]
        if not all(await asyncio.gather(*ready)):
            return
        for _ in range(2):
            # No turn may come to its end while the slower ones still knock.
            engines = scene.installation.hold_engines()
            sent = await asyncio.gather(*map(act_at_once, tabs))
            answers = await asyncio.gather(
                *(tab.answer(key) for tab, key in zip(tabs, sent, strict=True))
            )
            scene.installation.let_go(engines)
            if any(answer and answer["type"] == "accepted" for answer in answers):
                scene.barriers.append(sent)
                turn = next(a["turn"] for a in answers if a and a["type"] == "accepted")
                scene.tally.turns[scene.tally.fault] += 1
                scene.tally.fault_of[turn] = scene.tally.fault
            rested = [tab.until(lambda tab=tab: tab.at_rest, 45) for tab in tabs]
            await asyncio.gather(*rested)
    finally:
        scene.installation.let_go(engines)
        await asyncio.gather(*(tab.close() for tab in tabs[1:]))
        for tab in tabs[1:]:
            scene.histories.remove(tab.history)
        scene.players.append(Player(tabs[0], [], scene.tally, str(number)))


async def act_at_once(tab: Window) -> str:
    return await tab.command("take_action", kind="do", text="all at once")


async def clocks_off(scene: Scene) -> None:
    """One narrator lives an hour ahead, the game worker an hour behind."""
    for name, shift in ((NARRATORS[0], "+1h"), (GAME, "-1h")):
        await scene.installation.restart(name, wrong_clock(shift))
    await asyncio.gather(*(scene.installation.ready(name) for name in (NARRATORS[0], GAME)))
    await scene.a_while(6.0, 12.0)
    for name in (NARRATORS[0], GAME):
        await scene.installation.restart(name, {})


def wrong_clock(shift: str) -> dict[str, str]:
    """The environment of a process whose clock is off. Raises Skipped without libfaketime."""
    found = sorted(FAKETIME.glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise Skipped("no clock was put wrong: libfaketime is missing (apt install faketime)")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": shift,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DISABLE_SHM": "1",
        "PYTHONPATH": f"{Path(__file__).with_name('wrong_clock')}:{ROOT}",
    }


FAULTS: dict[str, Strike] = {
    "calm": nothing,
    "web killed": web_killed,
    "game worker killed": game_worker_killed,
    "beats killed": beats_killed,
    "narrator killed": narrator_killed,
    "engine killed": engine_killed,
    "Redis restarted": redis_restarted,
    "Redis emptied": redis_emptied,
    "Redis paused": redis_paused,
    "Redis full": redis_full,
    "Redis away for 30 s": redis_away,
    "disk full": disk_full,
    "Postgres restarted": postgres_restarted,
    "database sessions ended": sessions_ended,
    "slow network": slow_network,
    "connections cut": cut_connections,
    "half-open connections": half_open,
    "slow readers": slow_readers,
    "messages doubled": doubled_messages,
    "fifty tabs at once": many_at_once,
    "clocks an hour off": clocks_off,
}

SINGLE = [
    name
    for name in FAULTS
    if name not in ("calm", "fifty tabs at once", "clocks an hour off", "Redis away for 30 s")
]


async def anything(scene: Scene) -> None:
    await FAULTS[scene.rng.choice(SINGLE)](scene)


async def two_things(scene: Scene) -> None:
    await asyncio.gather(anything(scene), anything(scene))


FAULTS["anything"] = anything
FAULTS["two things at once"] = two_things


async def strike(scene: Scene, fault: str) -> None:
    """One blow, and the weather clears after it. One that is down already is no news."""
    try:
        await FAULTS[fault](scene)
    except (redis.RedisError, psycopg2.Error):
        await asyncio.sleep(0.5)
    finally:
        scene.proxy.weather = CALM
        for window in scene.windows:
            window.reading.set()
