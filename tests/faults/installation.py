"""The real processes of a Grue, each of which may be killed and comes back.

`manage.py play` will not do: there the death of one is the end of all. PostgreSQL and Valkey come
from the wheels and listen on sockets in the installation's own folder, so nobody else's is touched.
"""

import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TextIO

import psutil
import psycopg2
import redis
import yaml

from dungeon import backends, services
from dungeon.services import Program
from inference.queue.keys import workers_key
from tests.faults import audit, script

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "inference.engines.host"
WEB, GAME, POSTGRES, REDIS = "web", "game", "postgres", "redis"
SECOND = ("web-2", "game-2")  # where an installation has two of each
NARRATORS = ("narrator-1", "narrator-2")
START_SECONDS = 240  # on a machine that has much else to do
STARTS, READY = "=== starts", f"@{platform.node()} ready."
FILL_SECONDS = 2  # at the most, until a disk is as good as full
LOOK_EVERY = 0.2  # seconds between looks at who died by himself


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def mount(place: Path, megabytes: int) -> bool:
    """A disk of its own for a folder, in memory. False where we may not mount."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "grue", str(place)]
    return (
        shutil.which("mount") is not None
        and not subprocess.run(command, check=False, capture_output=True).returncode
    )


def unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


@dataclass
class Process:
    """A program that is to run: the process that runs it now, and how often it came and went."""

    name: str
    program: Callable[[], Program]
    log: Path
    running: subprocess.Popen[bytes] | None = None
    wanted: bool = True
    extra: dict[str, str] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # two faults may strike it at once

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def start(self) -> None:
        """Start it. On the main thread: Linux ends what it leashed when the thread ends."""
        program = self.program()
        out: TextIO
        with self.log.open("a") as out:
            out.write(f"{STARTS} {self.name} at {time.monotonic():.2f} {self.extra}\n")
            out.flush()
            self.running = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**(program.environ or os.environ), **self.extra},
                cwd=program.folder,
                start_new_session=True,
            )

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError):
                self.running.send_signal(how)

    async def gone(self, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                self.kill()
            await asyncio.sleep(0.02)


class Installation:
    """A Grue in a folder of its own, up while `async with` lasts."""

    def __init__(
        self,
        folder: Path,
        narrators: dict[str, Any] | None = None,
        disk_megabytes: int = 0,
        doubled: bool = False,
        **settings: str,
    ) -> None:
        """`narrators` is the content of its narrators file, `settings` go to its environment.

        With `disk_megabytes` and the right to mount, its data lie on a disk of that size. One that
        is `doubled` has two web processes and two game workers, each with a beat of its own.
        """
        self.folder = folder  # what it prints, and what players note
        self.data = folder / "data"
        self.disk_megabytes = disk_megabytes
        self.own_disk = False
        web_2, game_2 = SECOND
        self.webs = [WEB, web_2] if doubled else [WEB]
        self.games = [GAME, game_2] if doubled else [GAME]
        self.ports = {name: free_port() for name in self.webs}
        self.port = self.ports[WEB]
        self.narrators = narrators or script.narrators()
        self.told_by = str(self.narrators["default"])
        self.settings = settings
        self.database_url = services.database_url(self.data)
        self.redis_url = services.redis_url(self.data)
        self.redis = redis.Redis.from_url(self.redis_url, socket_timeout=5)
        self.by_itself: Counter[str] = Counter()  # who died without being killed, and how often
        self.watching: asyncio.Task[None] | None = None
        programs: dict[str, Callable[[], Program]] = {
            POSTGRES: lambda: services.postgres(self.data, loud=True),
            REDIS: lambda: services.valkey(self.data),
            **{name: partial(self.game, name) for name in self.games},
            **{name: partial(self.narrator, name) for name in NARRATORS},
            **{name: partial(self.web, name) for name in self.webs},
        }
        self.processes = {
            name: Process(name, program, folder / f"{name}.log")
            for name, program in programs.items()
        }

    # Its programs: what `manage.py play` runs, with the log turned up

    def python(self, name: str, *arguments: str) -> Program:
        environ = {
            key: value
            for key, value in os.environ.items()
            if key not in ("DATABASE_URL", "REDIS_URL", "LD_PRELOAD", "PYTHONWARNINGS")
        }
        environ |= {
            "WINDOWS_PER_PLAYER": "1000",  # a player here stands for many
            "DJANGO_SETTINGS_MODULE": "dungeon.settings",
            "DATA_DIR": str(self.data),
            "MODELS_DIR": str(self.folder / "models"),
            "NARRATORS_FILE": str(self.folder / "narrators.yaml"),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": str(ROOT),
            **self.settings,
        }
        return Program(name, [sys.executable, *arguments], environ=environ, folder=str(ROOT))

    def celery(self, name: str, *options: str) -> Program:
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        celery = ["-m", "celery", "-A", "dungeon", "worker", "-l", "INFO", "-P", "threads", *alone]
        return self.python(name, *celery, "-n", f"{name}@%h", *options)

    def game(self, name: str) -> Program:
        schedule = str(self.folder / f"schedule-{name}")
        return self.celery(name, "-c", "2", "-Q", "game", "-B", "-s", schedule)

    def narrator(self, name: str) -> Program:
        return self.celery(name, "-c", "8", "-Q", f"narrator.{self.told_by}")

    def web(self, name: str) -> Program:
        return self.python(
            name,
            *("-m", "dungeon.web", "-b", "127.0.0.1", "-p", str(self.ports[name]), "-v", "0"),
            *("--application-close-timeout", "2"),
            "dungeon.asgi:application",
        )

    # Its life

    async def __aenter__(self) -> "Installation":
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        text = yaml.safe_dump(self.narrators)
        (self.folder / "narrators.yaml").write_text(text, encoding="utf-8")
        self.data.mkdir()
        if self.disk_megabytes:
            self.own_disk = mount(self.data, self.disk_megabytes)
        services.private_data(self.data)
        await asyncio.to_thread(services.prepare_postgres, self.data)
        self.processes[POSTGRES].start()
        self.processes[REDIS].start()
        await self.until(self.database_up, "PostgreSQL")
        await self.until(self.redis_up, "Valkey")
        await self.run("manage.py", "migrate", "-v", "0")
        with self.database() as cursor:
            audit.begin(cursor)
        for name in (*self.games, *NARRATORS, *self.webs):
            self.processes[name].start()
        self.watching = asyncio.create_task(self.watch())

    async def run(self, *arguments: str) -> str:
        """Run a Python program of the installation to its end. What it printed."""
        program = self.python("once", *arguments)
        done = await asyncio.create_subprocess_exec(
            *program.argv,
            env=program.environ,
            cwd=program.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await done.communicate()
        if done.returncode:
            raise RuntimeError(f"{arguments}: {err.decode()[-2000:]}")
        return out.decode()

    async def invite(self, players: int, *many: int) -> list[dict[str, str]]:
        """Players who have each begun an adventure: its id, and the cookie of their session.

        For each number in `many` there is one player more, who has begun so many.
        """
        counts = map(str, [players, *many])
        return list(json.loads(await self.run("-m", "tests.faults.guests", *counts)))

    async def watch(self) -> None:
        """Start again whoever died by himself, as a host's supervisor does."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            for process in self.processes.values():
                if process.wanted and not process.alive and not process.lock.locked():
                    self.by_itself[process.name] += 1
                    await self.restart(process.name)

    async def close(self) -> None:
        if self.watching is not None:
            self.watching.cancel()
        servers = (REDIS, POSTGRES)
        others = [each for name, each in self.processes.items() if name not in servers]
        for process in [*others, *(self.processes[name] for name in servers)]:
            process.wanted = False
        for process in others:
            for child in self.children(process):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            process.kill()
        for name in servers:
            process = self.processes[name]
            process.kill(signal.SIGQUIT if name == POSTGRES else signal.SIGKILL)
        for process in self.processes.values():
            await process.gone()
        with contextlib.suppress(redis.RedisError):
            self.redis.close()
        if self.own_disk:
            unmount(self.data)

    # Breaking it

    async def kill(self, name: str) -> None:
        """kill -9. The installation stays without it until `restart`."""
        process = self.processes[name]
        async with process.lock:
            process.wanted = False
            process.kill()
            await process.gone()

    async def restart(self, name: str, extra: dict[str, str] | None = None) -> None:
        """kill -9 and a new start, with more in its environment where one likes (from then on)."""
        process = self.processes[name]
        async with process.lock:
            process.wanted = False
            process.kill()
            await process.gone()
            if extra is not None:
                process.extra = extra
            process.start()
            process.wanted = True

    async def ready(self, name: str) -> None:
        """Wait until a worker that was started says that it takes messages."""
        process = self.processes[name]

        def said() -> bool:
            return READY in process.log.read_text(errors="replace").rpartition(STARTS)[2]

        await self.until(said, name)

    def kill_engine(self, name: str) -> bool:
        """kill -9 of the engine's own process. False when there is none just now."""
        return any([send(pid, signal.SIGKILL) for pid in self.engines(name)])

    def kill_beat(self, name: str) -> bool:
        """kill -9 of a game worker's beat, its only child. False when there is none just now."""
        return any(
            [send(child.pid, signal.SIGKILL) for child in self.children(self.processes[name])]
        )

    def hold_engines(self) -> list[int]:
        """Stop all engines in mid-step, as a long step would. Their process ids, for `let_go`."""
        held = [pid for name in NARRATORS for pid in self.engines(name)]
        return [pid for pid in held if send(pid, signal.SIGSTOP)]

    def let_go(self, engines: list[int]) -> None:
        for pid in engines:
            send(pid, signal.SIGCONT)
        engines.clear()

    def engines(self, name: str) -> list[int]:
        pids = []
        for child in self.children(self.processes[name]):
            with contextlib.suppress(psutil.NoSuchProcess):
                if ENGINE in child.cmdline():
                    pids.append(child.pid)
        return pids

    async def restart_postgres(self, away: float = 0.0) -> None:
        """pg_ctl restart -m immediate: what was committed is in the log, all else is gone."""
        process = self.processes[POSTGRES]
        async with process.lock:
            process.wanted = False
            process.kill(signal.SIGQUIT)
            await process.gone()
            await asyncio.sleep(away)
            process.start()
            await self.until(self.database_up, "PostgreSQL")
            process.wanted = True

    async def restart_redis(self, away: float = 0.0, emptied: bool = False) -> None:
        process = self.processes[REDIS]
        async with process.lock:
            process.wanted = False
            process.kill()
            await process.gone()
            if emptied:
                shutil.rmtree(self.data / "valkey" / "appendonlydir", ignore_errors=True)
            await asyncio.sleep(away)
            process.start()
            await self.until(self.redis_up, "Valkey")
            process.wanted = True

    def fill_disk(self) -> None:
        """Leave no room on the installation's own disk.

        Others write and remove files meanwhile, so the last bytes may come and go for minutes.
        """
        assert self.own_disk
        give_up = time.monotonic() + FILL_SECONDS
        with (self.data / "ballast").open("ab") as ballast:
            wanted = shutil.disk_usage(self.data).free
            while wanted and time.monotonic() < give_up:
                try:
                    os.posix_fallocate(ballast.fileno(), ballast.tell(), wanted)
                except OSError:  # somebody else took the room
                    wanted //= 2
                else:
                    ballast.seek(0, os.SEEK_END)
                    wanted = shutil.disk_usage(self.data).free

    def clear_disk(self) -> None:
        (self.data / "ballast").unlink(missing_ok=True)

    def children(self, process: Process) -> list[psutil.Process]:
        if not process.alive or process.running is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(process.running.pid).children(recursive=True)
        return []

    # How it is

    @contextlib.contextmanager
    def database(self) -> Any:
        """A cursor on the installation's database; committed at the end."""
        connection = psycopg2.connect(**self.database_place, connect_timeout=5)
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    @property
    def database_place(self) -> dict[str, str]:
        folder = str(services.socket_folder(self.data))
        return {"host": folder, "user": "grue", "dbname": "grue"}

    def database_up(self) -> bool:
        return backends.database_ready(self.database_url)

    def redis_up(self) -> bool:
        return not backends.redis_problem(self.redis_url)

    def web_up(self) -> bool:
        """Whether every web process answers."""
        with contextlib.suppress(OSError, HTTPException):
            return all(self.healthz(port) == 200 for port in self.ports.values())
        return False

    def healthz(self, port: int) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/healthz")
        return connection.getresponse().status

    def narrators_up(self) -> bool:
        """Whether each narrator that runs has said that it is ready."""
        pids = {
            str(each.running.pid) for name in NARRATORS if (each := self.processes[name]).running
        }
        with contextlib.suppress(redis.RedisError):
            names = self.redis.zrange(workers_key(self.told_by), 0, -1)
            host = platform.node()
            ready = {name.decode().removeprefix(f"{host}:").split(":")[0] for name in names}
            return pids <= ready
        return False

    async def whole(self) -> None:
        """Wait until every process answers."""
        for ready, what in (
            (self.database_up, "PostgreSQL"),
            (self.redis_up, "Valkey"),
            (self.web_up, "the web"),
            (self.narrators_up, "the narrators"),
        ):
            await self.until(ready, what)

    async def until(
        self, ready: Callable[[], bool], what: str, seconds: float = START_SECONDS
    ) -> None:
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(ready):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come up: see the logs in {self.folder}")
            await asyncio.sleep(0.1)

    def said(self, needle: str) -> list[str]:
        """The lines of all logs that hold `needle`."""
        lines = []
        for process in self.processes.values():
            if process.log.exists():
                text = process.log.read_text(errors="replace")
                lines += [f"{process.name}: {line}" for line in text.splitlines() if needle in line]
        return lines
