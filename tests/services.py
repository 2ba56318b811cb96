"""PostgreSQL and Redis for the tests: the ones named, the ones at hand, or our own.

tests/settings.py asks for them before Django reads its settings, so `pytest` alone is enough.

- DATABASE_URL and REDIS_URL, where they are set, are used as they are.
- Otherwise a PostgreSQL on 5432 that lets us in without a password, and a Redis on 6379.
- Otherwise our own from the wheels, in a folder that goes when the tests end.

Several runs may share the servers: each claims a Redis database that is empty, and names its
PostgreSQL database after it. Nobody else's data is ever flushed. The processes of one run
(pytest-xdist) share its servers, and claim a Redis database each.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import psycopg2
import redis

from dungeon import backends, services

SERVER = "GRUE_TESTS_REDIS"  # the Redis that the first process of a run found, for its others
LAST = 15  # Redis has databases 0 to 15; people use the first ones
ROOT = Path(__file__).resolve().parent.parent

running: list[tuple[services.Program, subprocess.Popen[bytes]]] = []


def bring_up() -> None:
    """Make DATABASE_URL, REDIS_URL and DATA_DIR name what the tests may use."""
    os.environ.setdefault("MODELS_DIR", str(ROOT / "var" / "models"))  # fetched once for all
    os.environ.setdefault("NARRATORS_FILE", str(ROOT / "tests" / "narrators.yaml"))
    # A short path: sockets will lie in it.
    data_dir = Path(tempfile.mkdtemp(prefix="grue-tests-"))
    os.environ["DATA_DIR"] = str(data_dir)
    atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
    atexit.register(stop)
    number = bring_redis(data_dir)
    bring_database(data_dir, f"grue_{number}")


def bring_redis(data_dir: Path) -> int:
    """Name a Redis database that is ours alone; its number."""
    server = os.environ.get(SERVER)
    if server is None and (url := os.environ.get("REDIS_URL")):
        if "PYTEST_XDIST_WORKER" in os.environ:
            sys.exit("grue: REDIS_URL names one database: leave it away, or run pytest with -n 0")
        if not take(url):
            sys.exit("grue: REDIS_URL wants an empty database for the tests: this one is in use")
        return int(redis.from_url(url).connection_pool.connection_kwargs.get("db") or 0)
    if server is None:
        server = "redis://127.0.0.1:6379/{}"
        if backends.redis_problem(server.format(0)):
            start(with_options(services.valkey(data_dir), "--appendonly", "no"))
            server = services.redis_url(data_dir).replace("db=0", "db={}")
            wait(lambda: not backends.redis_problem(server.format(0)), "Valkey")
        os.environ[SERVER] = server
    for number in range(LAST, 0, -1):
        if take(server.format(number)):
            os.environ["REDIS_URL"] = server.format(number)
            return number
    sys.exit(f"grue: no database from 1 to {LAST} of the Redis on 6379 is empty: set REDIS_URL")


def take(url: str) -> bool:
    """Make a Redis database ours. False when somebody else's data is in it, or another run's.

    A file tells runs apart, and holds a word while the database may hold leavings of tests: what a
    run that was killed left may be flushed, what a stranger wrote may not.
    """
    folder = services.private_folder(Path(tempfile.gettempdir()) / f"grue-tests-{os.getuid()}")
    claim = (folder / hashlib.sha256(url.encode()).hexdigest()[:16]).open("a+")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        return False
    client = redis.from_url(url)
    claim.seek(0)
    if claim.read():
        client.flushdb()
    if client.dbsize():
        claim.close()
        return False
    claim.write("in use")
    claim.flush()
    atexit.register(leave, client, claim)
    return True


def leave(client: "redis.Redis", claim: TextIO) -> None:
    with contextlib.suppress(redis.RedisError):
        client.flushdb()
        claim.truncate(0)
    claim.close()


def bring_database(data_dir: Path, name: str) -> None:
    """Name a PostgreSQL that lets us make databases. pytest-django makes `test_<name>` there."""
    if os.environ.get("DATABASE_URL"):
        return
    for user in dict.fromkeys(["postgres", pwd.getpwuid(os.getuid()).pw_name]):
        url = f"postgres://{user}@127.0.0.1:5432/"
        if may_create(f"{url}postgres"):
            os.environ["DATABASE_URL"] = url + name
            return
    services.prepare_postgres(data_dir)
    # Nothing of it outlives the tests: no commit waits for the disk.
    start(with_options(services.postgres(data_dir), "-c", "fsync=off"))
    url = services.database_url(data_dir)
    wait(lambda: backends.database_ready(url), "PostgreSQL")
    os.environ["DATABASE_URL"] = url


def may_create(url: str) -> bool:
    try:
        connection = psycopg2.connect(url, connect_timeout=3)
    except psycopg2.Error:
        return False
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(
            "SELECT (rolcreatedb OR rolsuper) AND current_setting('server_version_num')::int >= %s "
            "FROM pg_roles WHERE rolname = current_user",
            [backends.OLDEST_POSTGRES * 10_000],
        )
        found = cursor.fetchone()
    return bool(found and found[0])


def with_options(program: services.Program, *options: str) -> services.Program:
    return replace(program, argv=[*program.argv, *options])


def start(program: services.Program) -> None:
    process = subprocess.Popen(
        program.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=program.environ,
        cwd=program.folder,
        start_new_session=True,
    )
    running.append((program, process))


def stop() -> None:
    for program, process in reversed(running):
        process.send_signal(program.stop)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)


def wait(ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline or any(process.poll() is not None for _, process in running):
            sys.exit(f"grue: {what} from the wheels did not come up for the tests")
        time.sleep(0.1)
