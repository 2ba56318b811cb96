"""Runs an installation on one machine, with the database, Valkey, web and workers that it needs."""

import asyncio
import os
import sys
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

from django.conf import settings
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from dungeon import backends, disk_reserve, environment, machine, network, services
from dungeon.backup.save import save_before_migration
from dungeon.default_changes import DefaultChanges
from dungeon.disk_reserve import Reserve
from dungeon.services import Program
from dungeon.supervisor import Supervisor
from dungeon.terminal import ProgressBars, print_addresses, say, stop, stop_on_problem
from game.accounts.operators import Invitation, invitation
from game.management.commands.worker import serving
from inference.models.resources import lack_of, lack_of_instructions
from inference.models.store import ensure_model, first_default
from inference.narrators import Narrator, NarratorsError, narrators_of
from inference.queue.client import QueueClient
from inference.queue.keys import model_key, workers_key

SETTLED = 60.0  # seconds after which a worker that dies is restarted
DISK_SECONDS = 1.0  # between checks of the disk
MODEL_SECONDS = 1.0  # between checks of the default narrators
MAX_WORKERS = 4  # of one narrator each; where there are more narrators, one worker serves all
NARRATOR_GRACE = 7.0  # seconds that a narrator's worker has to stop
DATABASE_ROOM_MB = 400  # free disk space, for a first start
ROOM_MB = 100  # for others


class LocalHost:
    """One `make play`: what it runs, from the settings."""

    def __init__(self) -> None:
        self.address = network.origin(
            network.in_url(network.shown_host(settings.HOST)), settings.PORT
        )
        # A server that the host names is run by the host; Grue then starts none.
        self.bundled_database = not os.environ.get("DATABASE_URL")
        self.bundled_valkey = not os.environ.get("REDIS_URL")
        # Where LOG_LEVEL is set, all output of that level is shown; otherwise only errors.
        self.verbose = settings.LOG_LEVEL in ("DEBUG", "INFO") and bool(os.environ.get("LOG_LEVEL"))
        self.reserve = Reserve(settings.DATA_DIR, settings.REDIS_URL if self.bundled_valkey else "")
        try:
            found = narrators_of(settings.INFERENCE)
        except NarratorsError as problem:
            if str(problem).startswith("NARRATOR "):
                stop(str(problem))
            environment.refuse("NARRATORS_FILE", f"wants a list of narrators: {problem}")
        # The default first: a worker of several loads it at its start, the others when needed.
        self.defaults = list(found.defaults)
        self.others = [each for each in found.narrators if each not in self.defaults]
        self.narrators = [*self.defaults, *self.others]

    @property
    def worker_groups(self) -> list[list[Narrator]]:
        """The narrators of each worker: one each, or all in one worker where there are many.

        Also all in one where MODEL_MEMORY_MB is set, as it limits one worker. The defaults, which
        replace each other, are always in one worker.
        """
        if len(self.narrators) > MAX_WORKERS or settings.MODEL_MEMORY_MB:
            return [self.narrators]
        return [self.defaults, *([narrator] for narrator in self.others)]

    def check_servers(self) -> None:
        """Stop where the host's own PostgreSQL or Redis cannot be used."""
        if not self.bundled_database:
            stop_on_problem(backends.database_problem(settings.DATABASE_URL))
        if not self.bundled_valkey:
            stop_on_problem(backends.redis_problem(settings.REDIS_URL))

    def check_disk(self) -> None:
        """Stop where the disk is nearly full, which would otherwise end a running story."""
        first_start = self.bundled_database and not (settings.DATA_DIR / "postgres").exists()
        wanted = DATABASE_ROOM_MB if first_start else ROOM_MB
        if (settings.DATA_DIR / "reserve").exists():
            wanted -= disk_reserve.SIZE // 1_000_000
        stop_on_problem(machine.room_problem(settings.DATA_DIR, wanted))

    def check_default(self) -> None:
        """Warn where a single default, which is loaded in any case, may not fit into memory."""
        default = self.defaults[0]
        if len(self.defaults) > 1:
            return
        if problem := lack_of_instructions(default):
            stop(f"{default.shown_name} cannot tell here: {problem}: choose another with NARRATOR")
        if problem := lack_of(default, settings.MODEL_MEMORY_MB):
            say(f"{default.shown_name} may be too large: {problem}")

    def fetch_models(self) -> None:
        """Download the models for the start. The worker downloads better defaults later.

        Raises ModelError.
        """
        first = first_default(self.defaults, settings.INFERENCE)
        for narrator in [first, *self.others]:
            if narrator.model and narrator.engine != "openai":
                with ProgressBars(f"fetching {narrator.shown_name}", "converting") as bar:
                    ensure_model(narrator, settings.MODELS_DIR, bar.show)

    async def play(self) -> None:
        """Start everything, print the address, and run until Ctrl-C. Raises Died, Stopped,
        BackupError."""
        async with Supervisor() as supervisor:
            await self.start_servers(supervisor)
            if self.bundled_database and await asyncio.to_thread(migration_pending):
                saved = await asyncio.to_thread(save_before_migration, settings.DATA_DIR)
                say(f"updating the database; a backup of it is in {saved}")
            say("preparing the database and the scenarios")
            for step in ("migrate", "loadscenarios"):
                await supervisor.run(self.python(step, "manage.py", step, quiet=True))
            starting = [first_default(self.defaults, settings.INFERENCE), *self.others]
            say(f"starting the narrator: {', '.join(each.shown_name for each in starting)}")
            if servers := [each for each in self.narrators if each.engine == "openai"]:
                # Their servers may start later; their workers ask until they answer.
                say(f"starting without waiting for: {', '.join(map(server_description, servers))}")
            if self.bundled_valkey:
                # Valkey keeps its state: heartbeats of workers that were killed are still there.
                await asyncio.to_thread(self.delete_heartbeats)
            await supervisor.start(*self.workers())
            await supervisor.start(self.web())
            await supervisor.wait_until(self.web_answers)
            await supervisor.wait_until(self.narrators_answer)
            supervisor.up = True  # from now on, what dies is restarted
            supervisor.restart_problem = lambda: self.reserve.problem
            watching = [asyncio.create_task(self.watch_disk())]
            if len(self.defaults) > 1:
                watching.append(asyncio.create_task(self.watch_models()))
            self.print_addresses(await asyncio.to_thread(operator_invitation))
            try:
                await asyncio.Event().wait()  # until Ctrl-C, or until something dies too often
            finally:
                for each in watching:
                    each.cancel()

    async def watch_disk(self) -> None:
        """Release the disk reserve while the disk is full, and create it again afterwards."""
        while True:
            try:
                if line := await asyncio.to_thread(self.reserve.check):
                    say(line)
            except (OSError, RedisError) as problem:
                if self.verbose:
                    say(f"the disk could not be checked: {problem}")
            await asyncio.sleep(DISK_SECONDS)

    async def watch_models(self) -> None:
        """Print which default is served, and what a better one waits for, after each change."""
        client, changes = QueueClient(settings.REDIS_URL), DefaultChanges(self.defaults)
        while True:
            try:
                for line in await asyncio.to_thread(changes.take_lines, client):
                    say(line)
            except RedisError as problem:
                if self.verbose:
                    say(f"the default narrators could not be checked: {problem}")
            await asyncio.sleep(MODEL_SECONDS)

    async def start_servers(self, supervisor: Supervisor) -> None:
        """Start PostgreSQL and Valkey, each unless the host runs one, and wait for them."""
        # PostgreSQL first, so that it is stopped last.
        if self.bundled_database:
            say("starting PostgreSQL")
            for line in await asyncio.to_thread(services.prepare_postgres, settings.DATA_DIR):
                say(line)
            await supervisor.start(services.postgres(settings.DATA_DIR, self.verbose))
            await supervisor.wait_until(lambda: backends.database_ready(settings.DATABASE_URL))
        if self.bundled_valkey:
            say("starting Valkey")
            await supervisor.start(services.valkey(settings.DATA_DIR, self.verbose))
            await supervisor.wait_until(lambda: not backends.redis_problem(settings.REDIS_URL))

    def workers(self) -> list[Program]:
        """Celery workers: those of the narrators, then `game`, which also runs beat."""
        beat = settings.DATA_DIR / "beat"
        beat.mkdir(mode=0o700, exist_ok=True)
        schedule = str(beat / "schedule")
        worker_groups = self.worker_groups
        narrator_workers = [
            self.celery(
                "narrator" if len(worker_groups) == 1 else cast[0].name,
                # The default's worker also serves narrators installed from the operator's page.
                *serving(cast, installs=cast is worker_groups[0]),
            )
            for cast in worker_groups
        ]
        game = self.celery("game", "-c", "2", "-Q", "game", "-n", "game@%h", "-B", "-s", schedule)
        return [*narrator_workers, game]

    def celery(self, name: str, *options: str) -> Program:
        """A Celery worker with threads, called `name` in the terminal."""
        quiet = [] if self.verbose else ["--quiet"]
        # Nothing here asks the workers about each other.
        solitary = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        return self.python(
            name,
            *("-m", "celery", *quiet, "-A", "dungeon", "worker", "-P", "threads", *solitary),
            *options,
            grace=NARRATOR_GRACE,
            settled=SETTLED,
        )

    def web(self) -> Program:
        """The web server on HOST and PORT."""
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
        """One of Grue's own processes, with these settings in its environment.

        `quiet` hides its output unless LOG_LEVEL is set; `grace` and `settled` as in Program.
        """
        quiet_logs = {"LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"}
        return Program(
            name,
            [sys.executable, *arguments],
            grace=grace,
            quiet=quiet and not self.verbose,
            settled=settled,
            environ={
                **({} if os.environ.get("LOG_LEVEL") else quiet_logs),
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "dungeon.settings",
                "DATA_DIR": str(settings.DATA_DIR),  # absolute: they run in another folder
                "MODELS_DIR": str(settings.MODELS_DIR),
                "NARRATORS_FILE": str(settings.NARRATORS_FILE),
                "DRAIN_SECONDS": str(min(settings.DRAIN_SECONDS, int(NARRATOR_GRACE) - 4)),
                "PYTHONUNBUFFERED": "1",
                # An engine's process must find Grue's modules from any folder.
                "PYTHONPATH": str(settings.BASE_DIR),
            },
            folder=str(settings.BASE_DIR),
        )

    def web_answers(self) -> bool:
        """Whether the web server answers a health check."""
        host = "127.0.0.1" if settings.HOST == "0.0.0.0" else settings.HOST  # noqa: S104
        host = "::1" if host == "::" else host
        with suppress(OSError, HTTPException):
            connection = HTTPConnection(host, settings.PORT, timeout=2)
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False

    def delete_heartbeats(self) -> None:
        """Remove heartbeats and model states of earlier workers. Raises RedisError."""
        client = QueueClient(settings.REDIS_URL)
        for narrator in self.narrators:
            client.redis.delete(workers_key(narrator.name), model_key(narrator.name))

    def narrators_answer(self) -> bool:
        """Whether a default has a worker, and every other narrator that is no server's."""
        client = QueueClient(settings.REDIS_URL)
        if not any(client.narrator_alive(narrator.name) for narrator in self.defaults):
            return all(narrator.engine == "openai" for narrator in self.defaults)
        waited_for = [each for each in self.others if each.engine != "openai"]
        return all(client.narrator_alive(narrator.name) for narrator in waited_for)

    def print_addresses(self, found: Invitation | None) -> None:
        """Print where to play, and the operator link where there is no operator yet."""
        link = ""
        if found is not None:
            how = f"code {found.code}" if found.code else "works once"
            origin = settings.PUBLIC_ORIGIN if settings.PUBLIC_URL else self.address
            link = f"{origin}{found.path}   ({how})"
        reachable = not network.is_loopback(network.shown_host(settings.HOST))
        print_addresses(settings.PUBLIC_URL or self.address, link, with_code=reachable)


def migration_pending() -> bool:
    """Whether the database has tables and migrations that are not applied to it."""
    try:
        executor = MigrationExecutor(connection)
        applied = executor.loader.applied_migrations
        return bool(applied) and bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    finally:
        connections.close_all()


def operator_invitation() -> Invitation | None:
    """How to become the operator; None where there is one. Closes its database connections."""
    try:
        return invitation()
    finally:
        connections.close_all()


def server_description(narrator: Narrator) -> str:
    """A narrator of an OpenAI-compatible server, and where that server runs."""
    return f"{narrator.shown_name}, which runs at {narrator.words_go_to or narrator.model}"
