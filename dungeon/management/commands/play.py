"""Everything in one terminal: servers, web, narrators. `make play` runs this."""

import asyncio
import os
import sys
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any, NoReturn

import segno
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError
from tqdm import tqdm

from dungeon import backends, disk_reserve, environment, machine, network, services
from dungeon.backup.errors import BackupError
from dungeon.backup.save import save_before_migration
from dungeon.disk_reserve import Reserve
from dungeon.services import Program, ServiceError
from dungeon.supervisor import Died, Stopped, Supervisor
from game.accounts.operators import Invitation, invitation
from game.management.commands.worker import serving
from inference.contract.model_state import ModelState
from inference.models.resources import lack_of, lack_of_instructions
from inference.models.store import ModelError, ensure_model, first_default
from inference.narrators import Narrator, NarratorsError, narrators_of
from inference.queue.client import QueueClient
from inference.queue.keys import model_key, workers_key

SETTLED = 60.0  # seconds after which a worker that dies is started again
DISK_SECONDS = 1.0  # between looks at the disk
MODEL_SECONDS = 1.0  # between looks how far a model is fetched
STEP_PERCENT = 10  # of a model, between lines about it
MOST_WORKERS = 4  # for narrators, each alone in one; where there are more they share one
TELLER_GRACE = 7.0  # seconds that a worker has to go


class Command(BaseCommand):
    help = "Runs the whole game in this terminal, until Ctrl-C."
    requires_system_checks: list[str] = []  # they may ask the database, which is not up yet

    def handle(self, *args: Any, **options: Any) -> None:
        stop_where(machine.problem())
        host = LocalHost()
        try:
            with services.alone_in(settings.DATA_DIR, host.address):
                stop_where(network.listen_problem(settings.HOST, settings.PORT))
                host.check_servers()
                host.check_room()
                host.check_default()
                host.fetch_models()
                asyncio.run(host.play())
        except (ModelError, ServiceError, BackupError) as problem:
            stop(str(problem))
        except Died as death:
            stop(str(death), death.exit_code)
        except (Stopped, KeyboardInterrupt):
            say("stopped")


class LocalHost:
    """One `make play`: what it runs, from the settings."""

    def __init__(self) -> None:
        self.address = network.origin(
            network.in_url(network.shown_host(settings.HOST)), settings.PORT
        )
        # A host who names a server runs it; Grue then starts none of its own.
        self.own_database = not os.environ.get("DATABASE_URL")
        self.own_redis = not os.environ.get("REDIS_URL")
        # Whoever asks for a level gets everything of that level; others only what went wrong.
        self.loud = settings.LOG_LEVEL in ("DEBUG", "INFO") and bool(os.environ.get("LOG_LEVEL"))
        self.reserve = Reserve(settings.DATA_DIR, settings.REDIS_URL if self.own_redis else "")
        try:
            found = narrators_of(settings.INFERENCE)
        except NarratorsError as problem:
            if str(problem).startswith("NARRATOR "):
                stop(str(problem))
            environment.refuse("NARRATORS_FILE", f"wants a list of narrators: {problem}")
        # The default first: a worker of several loads it at once, the others when needed.
        self.defaults = list(found.defaults)
        self.others = [each for each in found.narrators if each not in self.defaults]
        self.narrators = [*self.defaults, *self.others]

    @property
    def casts(self) -> list[list[Narrator]]:
        """Who tells in one worker: each alone, or all together where there are many.

        Also where the host says what models may hold, since that is said of one worker. The
        defaults, which stand in for each other, are always together.
        """
        if len(self.narrators) > MOST_WORKERS or settings.MODEL_MEMORY_MB:
            return [self.narrators]
        return [self.defaults, *([narrator] for narrator in self.others)]

    def check_servers(self) -> None:
        if not self.own_database:
            stop_where(backends.database_problem(settings.DATABASE_URL))
        if not self.own_redis:
            stop_where(backends.redis_problem(settings.REDIS_URL))

    def check_room(self) -> None:
        """A full disk is found now, not in the middle of a story."""
        first_start = self.own_database and not (settings.DATA_DIR / "postgres").exists()
        wanted = 400 if first_start else 100
        if (settings.DATA_DIR / "reserve").exists():
            wanted -= disk_reserve.SIZE // 1_000_000
        stop_where(machine.room_problem(settings.DATA_DIR, wanted))

    def check_default(self) -> None:
        """One default alone is loaded whatever there is: somebody asked for it by its name."""
        default = self.defaults[0]
        if len(self.defaults) > 1:
            return
        if problem := lack_of_instructions(default):
            stop(f"{default.shown_name} cannot tell here: {problem}: choose another with NARRATOR")
        if problem := lack_of(default, settings.MODEL_MEMORY_MB):
            say(f"{default.shown_name} may be too large: {problem}")

    def fetch_models(self) -> None:
        """Fetch what must be here before anything is told. The worker fetches better defaults."""
        first = first_default(self.defaults, settings.INFERENCE)
        for narrator in [first, *self.others]:
            if narrator.model and narrator.engine != "openai":
                with Bars(f"fetching {narrator.shown_name}", "converting") as bar:
                    ensure_model(narrator, settings.MODELS_DIR, bar.show)

    async def play(self) -> None:
        async with Supervisor() as supervisor:
            await self.start_servers(supervisor)
            if self.own_database and await asyncio.to_thread(migration_pending):
                saved = await asyncio.to_thread(save_before_migration, settings.DATA_DIR)
                say(f"updating the database; a backup of it is in {saved}")
            say("preparing the database and the scenarios")
            for step in ("migrate", "loadscenarios"):
                await supervisor.run(self.python(step, "manage.py", step, quiet=True))
            told_by = [first_default(self.defaults, settings.INFERENCE), *self.others]
            say(f"starting the narrator: {', '.join(each.shown_name for each in told_by)}")
            if servers := [each for each in self.narrators if each.engine == "openai"]:
                # Their servers come and go as they like; their workers ask until they answer.
                say(f"starting without waiting for: {', '.join(map(told_at, servers))}")
            if self.own_redis:
                # Valkey keeps its state: a worker that was killed a moment ago still seems to live.
                await asyncio.to_thread(self.forget_workers)
            await supervisor.start(*self.workers())
            await supervisor.start(self.web())
            await supervisor.until(self.web_answers)
            await supervisor.until(self.narrators_answer)
            supervisor.up = True  # from now on, what dies is started again
            supervisor.obstacle = lambda: self.reserve.problem
            watching = [asyncio.create_task(self.watch_disk())]
            if len(self.defaults) > 1:
                watching.append(asyncio.create_task(self.watch_models()))
            self.invite(await asyncio.to_thread(operator_invitation))
            try:
                await asyncio.Event().wait()  # until Ctrl-C, or until something dies too often
            finally:
                for each in watching:
                    each.cancel()

    async def watch_disk(self) -> None:
        """Let the reserve go while the disk is full, and take it again when there is room."""
        while True:
            try:
                if line := await asyncio.to_thread(self.reserve.check):
                    say(line)
            except (OSError, RedisError) as problem:
                if self.loud:
                    say(f"the disk could not be looked at: {problem}")
            await asyncio.sleep(DISK_SECONDS)

    async def watch_models(self) -> None:
        """Say who tells, and what a better default waits for, whenever that changes."""
        log, news = QueueClient(settings.REDIS_URL), DefaultChanges(self.defaults)
        while True:
            try:
                for line in await asyncio.to_thread(news.take_lines, log):
                    say(line)
            except RedisError as problem:
                if self.loud:
                    say(f"who tells cannot be seen: {problem}")
            await asyncio.sleep(MODEL_SECONDS)

    async def start_servers(self, supervisor: Supervisor) -> None:
        # PostgreSQL first, so that it is the last to go.
        if self.own_database:
            say("starting PostgreSQL")
            for line in await asyncio.to_thread(services.prepare_postgres, settings.DATA_DIR):
                say(line)
            await supervisor.start(services.postgres(settings.DATA_DIR, self.loud))
            await supervisor.until(lambda: backends.database_ready(settings.DATABASE_URL))
        if self.own_redis:
            say("starting Valkey")
            await supervisor.start(services.valkey(settings.DATA_DIR, self.loud))
            await supervisor.until(lambda: not backends.redis_problem(settings.REDIS_URL))

    def workers(self) -> list[Program]:
        beat = settings.DATA_DIR / "beat"
        beat.mkdir(mode=0o700, exist_ok=True)
        schedule = str(beat / "schedule")
        casts = self.casts
        tellers = [
            self.celery(
                "narrator" if len(casts) == 1 else cast[0].name,
                # The default's also tells for what is installed from the operator's page.
                *serving(cast, installs=cast is casts[0]),
            )
            for cast in casts
        ]
        game = self.celery("game", "-c", "2", "-Q", "game", "-n", "game@%h", "-B", "-s", schedule)
        return [*tellers, game]

    def celery(self, name: str, *options: str) -> Program:
        quiet = [] if self.loud else ["--quiet"]
        # Nobody asks these workers about each other.
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        return self.python(
            name,
            *("-m", "celery", *quiet, "-A", "dungeon", "worker", "-P", "threads", *alone),
            *options,
            grace=TELLER_GRACE,
            settled=SETTLED,
        )

    def web(self) -> Program:
        return self.python(
            "web",
            *("-m", "dungeon.web", "-b", settings.HOST, "-p", str(settings.PORT), "-v", "0"),
            *("--application-close-timeout", "2", "dungeon.asgi:application"),
            grace=4,
        )

    def python(
        self,
        name: str,
        *arguments: str,
        grace: float = 5,
        quiet: bool = False,
        settled: float | None = None,
    ) -> Program:
        calm = {"LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"}
        return Program(
            name,
            [sys.executable, *arguments],
            grace=grace,
            quiet=quiet and not self.loud,
            settled=settled,
            environ={
                **({} if os.environ.get("LOG_LEVEL") else calm),
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "dungeon.settings",
                "DATA_DIR": str(settings.DATA_DIR),  # in full: they run in a folder of their own
                "MODELS_DIR": str(settings.MODELS_DIR),
                "NARRATORS_FILE": str(settings.NARRATORS_FILE),
                "DRAIN_SECONDS": str(min(settings.DRAIN_SECONDS, int(TELLER_GRACE) - 4)),
                "PYTHONUNBUFFERED": "1",
                # What an engine's own process imports by name must be found from anywhere.
                "PYTHONPATH": str(settings.BASE_DIR),
            },
            folder=str(settings.BASE_DIR),
        )

    def web_answers(self) -> bool:
        host = "127.0.0.1" if settings.HOST == "0.0.0.0" else settings.HOST  # noqa: S104
        host = "::1" if host == "::" else host
        with suppress(OSError, HTTPException):
            connection = HTTPConnection(host, settings.PORT, timeout=2)
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False

    def forget_workers(self) -> None:
        log = QueueClient(settings.REDIS_URL)
        for narrator in self.narrators:
            log.redis.delete(workers_key(narrator.name), model_key(narrator.name))

    def narrators_answer(self) -> bool:
        log = QueueClient(settings.REDIS_URL)
        if not any(log.narrator_alive(narrator.name) for narrator in self.defaults):
            return all(narrator.engine == "openai" for narrator in self.defaults)
        waited_for = [each for each in self.others if each.engine != "openai"]
        return all(log.narrator_alive(narrator.name) for narrator in waited_for)

    def invite(self, found: Invitation | None) -> None:
        address = settings.PUBLIC_URL or self.address
        print(f"\n  Play at        {address}/")
        if found is not None:
            how = f"code {found.code}" if found.code else "works once"
            origin = settings.PUBLIC_ORIGIN if settings.PUBLIC_URL else self.address
            print(f"  Operator link  {origin}{found.path}   ({how})")
        print("  Ctrl-C ends it.\n", flush=True)
        if not network.is_loopback(network.shown_host(settings.HOST)):
            with suppress(UnicodeEncodeError):  # a terminal without block characters
                segno.make(f"{address}/", error="l").terminal(sys.stdout, compact=True)
            sys.stdout.flush()


class DefaultChanges:
    """What changes about the host's defaults, in lines for the terminal."""

    def __init__(self, defaults: list[Narrator]) -> None:
        self.defaults = defaults
        self.teller = ""
        self.said: dict[str, tuple[str, int, str]] = {}  # by narrator: state, share, why

    def take_lines(self, log: QueueClient) -> list[str]:
        """The lines since the last look. Raises RedisError."""
        loaded = [each for each in self.defaults if log.narrator_ready(each.name)]
        teller = loaded[0] if loaded else None
        lines = []
        for narrator in self.defaults[: self.defaults.index(teller) if teller else 0]:
            state = log.model_state(narrator.name)
            if state is not None and self.is_news(narrator, state):
                lines.append(self.line(narrator, state, teller or self.defaults[-1]))
        if teller is not None and teller.name != self.teller:
            if self.teller:
                lines.append(f"{teller.shown_name} tells from now on")
            self.teller = teller.name
        return lines

    def is_news(self, narrator: Narrator, state: ModelState) -> bool:
        now = (state.kind, state.percent // STEP_PERCENT, state.why)
        if state.kind == "lacking":
            now = (state.kind, 0, "")  # how much memory is free changes all the time
        before = self.said.get(narrator.name)
        self.said[narrator.name] = now
        return now != before

    @staticmethod
    def line(narrator: Narrator, state: ModelState, teller: Narrator) -> str:
        name, other = narrator.shown_name, teller.shown_name
        if state.kind == "lacking":
            return f"{other} tells, not {name}: {state.why}"
        if state.kind == "failed":
            return f"{other} tells, and {name} is tried again: {state.why}"
        if state.kind == "loading":
            return f"{name} is being loaded"
        size = f" of {state.total / 1e9:.1f} GB" if state.total else ""
        return f"{name} is being fetched: {state.percent} %{size}. {other} tells until then"


def migration_pending() -> bool:
    """Whether a database that is in use is about to change its form."""
    try:
        executor = MigrationExecutor(connection)
        applied = executor.loader.applied_migrations
        return bool(applied) and bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    finally:
        connections.close_all()


def operator_invitation() -> Invitation | None:
    try:
        return invitation()
    finally:
        connections.close_all()


def told_at(narrator: Narrator) -> str:
    return f"{narrator.shown_name}, which runs at {narrator.words_go_to or narrator.model}"


class Bars:
    """A progress bar for each step, shown with its first bytes: nothing to do, nothing to see."""

    def __init__(self, *titles: str) -> None:
        self.titles = list(titles)
        self.bar: tqdm[Any] | None = None

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, done: int, total: int) -> None:
        if self.bar is None or self.bar.total != total:
            if self.bar is not None:
                self.bar.close()
            title = self.titles.pop(0) if len(self.titles) > 1 else self.titles[0]
            self.bar = tqdm(total=total, desc=f"grue: {title}", unit="B", unit_scale=True)
        self.bar.update(done - self.bar.n)


def stop_where(problem: str) -> None:
    if problem:
        stop(problem)


def stop(problem: str, exit_code: int = 1) -> NoReturn:
    sys.stderr.write(f"grue: {problem}\n")
    sys.exit(exit_code)


def say(line: str) -> None:
    print(f"grue: {line}", flush=True)
