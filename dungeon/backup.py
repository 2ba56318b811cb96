"""A whole Grue in one file, and back: `scripts/backup` and `scripts/restore`.

    python -m dungeon.backup save [FILE]
    python -m dungeon.backup load FILE [--replace]

The file is a tar: what PostgreSQL dumps, the secret key, narrators.yaml, and a note of what it is.
Models are not in it, they can be fetched again; neither is Redis, which may be lost. The
database is DATABASE_URL's (with pg_dump and pg_restore from the PATH, no older than the server), or
the one of `make play`, which is started for the time where it does not run. With COMPOSE=1 it is
that of docker-compose.yml beside this; COMPOSE=docker-compose names another command for it.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2

from dungeon import backends, services

DUMP, SECRET, NARRATORS, NOTE = "database.dump", "secret_key", "narrators.yaml", "grue.json"
START_SECONDS = 60
KEPT = 5  # of those that are made before a migration


class BackupError(Exception):
    """Why it could not be saved or loaded, in one line."""


class Here:
    """The database, key and narrators that the environment names."""

    def __init__(self) -> None:
        # Read as late as this: a restore may be the first thing on a machine.
        from dungeon import settings  # noqa: PLC0415

        self.settings = settings
        self.own = not os.environ.get("DATABASE_URL")
        self.url: str = settings.DATABASE_URL

    def program(self, name: str) -> str:
        """pg_dump and the like: those of our own PostgreSQL, or of the PATH."""
        found = str(services.postgres_programs() / name) if self.own else shutil.which(name)
        if not found:
            raise BackupError(f"{name} is missing: install PostgreSQL's client programs")
        return found

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """With the database answering; our own is started where it does not run."""
        if not self.own or not backends.database_problem(self.url):
            yield
            return
        data_dir = self.settings.DATA_DIR
        with services.alone_in(data_dir, "a backup"):
            services.prepare_postgres(data_dir)
            program = services.postgres(data_dir)
            process = subprocess.Popen(
                program.command,
                env=program.environ,
                cwd=program.folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                give_up = time.monotonic() + START_SECONDS
                while not backends.database_ready(self.url):
                    if time.monotonic() > give_up or process.poll() is not None:
                        raise BackupError("our own PostgreSQL did not come up")
                    time.sleep(0.2)
                yield
            finally:
                process.send_signal(program.stop)
                process.wait(START_SECONDS)

    def dump(self, file: Path) -> None:
        arguments = [self.program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
        run([*arguments, f"--file={file}", f"--dbname={self.url}"])

    def load(self, file: Path, replace: bool) -> None:
        """Put a dump in, all of it or nothing. Raises BackupError where stories are there."""
        if self.tables() and not replace:
            raise BackupError(
                "the database holds something: --replace puts the backup in its place"
            )
        if replace:
            self.empty()
        arguments = [self.program("pg_restore"), "--exit-on-error", "--single-transaction"]
        run([*arguments, "--no-owner", "--no-privileges", f"--dbname={self.url}", str(file)])

    def tables(self) -> int:
        connection = psycopg2.connect(self.url)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            found = cursor.fetchone()
        return int(found[0]) if found else 0

    def empty(self) -> None:
        connection = psycopg2.connect(self.url)
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def secret(self) -> str:
        return str(self.settings.SECRET_KEY)

    def narrators(self) -> str:
        return str(self.settings.NARRATORS_FILE.read_text(encoding="utf-8"))

    def keep(self, secret: str, narrators: str) -> list[str]:
        """Put key and narrators back. Lines for the host about what could not go to its place."""
        lines = []
        if os.environ.get("SECRET_KEY"):
            if secret != self.secret():
                lines.append("SECRET_KEY is another than the backup's: everybody signs in again")
        else:
            file = self.settings.DATA_DIR / "secret_key"
            write_private(file, secret)
        if narrators != self.narrators():
            file = self.settings.DATA_DIR / "narrators.restored.yaml"
            file.write_text(narrators, encoding="utf-8")
            lines.append(
                f"the backup's narrators are in {file}: compare, and name it NARRATORS_FILE"
            )
        return lines


class Composed(Here):
    """The same of the containers of docker-compose.yml, which must be up."""

    def __init__(self, command: str) -> None:
        self.own = False
        self.url = ""
        self.compose = ["docker", "compose"] if command == "1" else command.split()
        self.compose += ["--project-directory", str(Path(__file__).resolve().parent.parent)]

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        yield

    def inside(self, service: str, *command: str, **streams: Any) -> bytes:
        return run([*self.compose, "exec", "-T", service, *command], **streams)

    def dump(self, file: Path) -> None:
        dumped = self.inside("postgres", "pg_dump", "-U", "grue", "-Fc", "--no-owner", "grue")
        file.write_bytes(dumped)

    def load(self, file: Path, replace: bool) -> None:
        count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        tables = int(self.inside("postgres", "psql", "-U", "grue", "-Atc", count, "grue"))
        if tables and not replace:
            raise BackupError(
                "the database holds something: --replace puts the backup in its place"
            )
        if tables:
            anew = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
            self.inside("postgres", "psql", "-U", "grue", "-qc", anew, "grue")
        restore = ["pg_restore", "-U", "grue", "--exit-on-error", "--single-transaction"]
        with file.open("rb") as dump:
            self.inside("postgres", *restore, "--no-owner", "-d", "grue", stdin=dump)

    def secret(self) -> str:
        return self.inside("web", "cat", "/run/grue-secrets/secret_key").decode().strip()

    def narrators(self) -> str:
        return self.inside("web", "cat", "narrators.yaml").decode()

    def keep(self, secret: str, narrators: str) -> list[str]:
        put = "umask 077; cat > /run/grue-secrets/secret_key"
        volumes = [*self.compose, "run", "--rm", "-T", "--no-deps", "secrets", "sh", "-c", put]
        run(volumes, input=secret.encode())
        lines = ["start the containers again: docker compose up -d --force-recreate"]
        if narrators != self.narrators():
            file = Path("narrators.restored.yaml")
            file.write_text(narrators, encoding="utf-8")
            lines.append(f"the backup's narrators are in {file}: compare them with narrators.yaml")
        return lines


def place() -> Here:
    command = os.environ.get("COMPOSE", "")
    return Composed(command) if command else Here()


def run(command: Sequence[str], **streams: Any) -> bytes:
    """Run a program; what it said last is the error. Raises BackupError."""
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            command, capture_output=True, **streams
        )
    except OSError as problem:
        raise BackupError(f"{command[0]}: {problem.strerror}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BackupError(said[-1] if said else f"{command[0]} failed")
    return done.stdout


def write_private(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    draft.rename(file)


def save(where: Here, file: Path) -> None:
    """Write a backup, readable by its owner only. The file appears once it is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part")
    with tempfile.TemporaryDirectory(prefix="grue-backup-") as folder, where.up():
        dump = Path(folder) / DUMP
        where.dump(dump)
        note = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "form": 1}
        draft.unlink(missing_ok=True)
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
            tar.add(dump, DUMP)
            for name, text in (
                (SECRET, where.secret()),
                (NARRATORS, where.narrators()),
                (NOTE, json.dumps(note)),
            ):
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
    draft.rename(file)


def load(where: Here, file: Path, replace: bool) -> list[str]:
    """Put a backup back. Lines that the host should read. Raises BackupError."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="grue-restore-") as folder,
            tarfile.open(file) as tar,
        ):
            dump = Path(folder) / DUMP
            dump.write_bytes(part(tar, DUMP))
            secret = part(tar, SECRET).decode().strip()
            narrators = part(tar, NARRATORS).decode()
            with where.up():
                where.load(dump, replace)
            return where.keep(secret, narrators)
    except (OSError, tarfile.TarError, UnicodeDecodeError) as problem:
        raise BackupError(f"{file} cannot be read as a backup: {problem}") from None


def part(tar: tarfile.TarFile, name: str) -> bytes:
    """One part of a backup. Nothing is unpacked by the names in it."""
    try:
        found = tar.extractfile(name)
    except KeyError:
        found = None
    if found is None:
        raise BackupError(f"{name} is missing: that is no backup of Grue")
    return found.read()


def named_by_date() -> str:
    return f"grue-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"


def before_migration(data_dir: Path) -> Path:
    """A backup beside the data, of which the newest few are kept."""
    folder = data_dir / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"before-migration-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    save(Here(), file)
    for old in sorted(folder.glob("before-migration-*.tar"))[:-KEPT]:
        old.unlink()
    return file


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="backup")
    todo = parser.add_subparsers(dest="todo", required=True)
    todo.add_parser("save").add_argument("file", nargs="?", type=Path)
    loading = todo.add_parser("load")
    loading.add_argument("file", type=Path)
    loading.add_argument("--replace", action="store_true", help="even where stories are there")
    asked = parser.parse_args(arguments)
    try:
        if asked.todo == "save":
            file = asked.file or Path(named_by_date())
            save(place(), file)
            print(f"grue: saved in {file} ({file.stat().st_size / 1e6:.1f} MB)")  # noqa: T201
        else:
            for line in load(place(), asked.file, asked.replace):
                print(f"grue: {line}")  # noqa: T201
            print(f"grue: {asked.file} is back")  # noqa: T201
    except (BackupError, services.ServiceError) as problem:
        print(f"grue: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
