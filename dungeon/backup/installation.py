"""What a backup is of: the database, the secret key and the narrators of this installation."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from dungeon import backends, services
from dungeon.backup import programs
from dungeon.backup.errors import UNTOUCHED, BackupError
from dungeon.backup.files import sync_folder, write_draft
from dungeon.backup.programs import Command

START_SECONDS = 60
STOP_SECONDS = 30  # for each way of stopping the bundled PostgreSQL
CONTAINER_SECRET = Path("/run/grue-secrets/secret_key")


class Installation:
    """The database, key and narrators that the environment names.

    `bundled` is true where the database is the one of `make play`, which nobody else administers.
    """

    def __init__(self) -> None:
        # Imported late: a restore may be the first command that is run on a machine.
        from dungeon import settings  # noqa: PLC0415

        self.settings = settings
        self.bundled = not os.environ.get("DATABASE_URL")
        self.url: str = settings.DATABASE_URL

    def client(self, name: str, *arguments: str, connect: bool = True) -> Command:
        """A command of PostgreSQL's program `name`, for this database where `connect` is true.

        Raises BackupError where the program is missing.
        """
        parts = parse_dsn(self.url)
        password = parts.pop("password", None)  # not an argument: every user can list those
        environ = {**os.environ, **({"PGPASSWORD": password} if password else {})}
        database = [f"--dbname={make_dsn(**parts)}"] if connect else []
        return Command([str(self.program(name)), *arguments, *database], environ)

    def program(self, name: str) -> Path:
        """Where PostgreSQL's program `name` is. Raises BackupError, for the bundled ServiceError,
        where it is missing or older than the server."""
        if self.bundled:
            return services.postgres_programs() / name
        return programs.client_program(name, self.server_version())

    def server_version(self) -> int:
        """The server's major version. Raises BackupError where it does not answer."""
        try:
            with contextlib.closing(psycopg2.connect(self.url)) as connection:
                return int(connection.server_version) // 10_000
        except psycopg2.Error as problem:
            raise BackupError(f"the database does not answer: {str(problem).strip()}") from None

    @contextlib.contextmanager
    def running_database(self, restoring: bool = False) -> Iterator[None]:
        """With the database answering; the bundled one is started where it does not run.

        To restore into it, nothing else may play from DATA_DIR. Raises ServiceError.
        """
        if not self.bundled or (not restoring and not backends.database_problem(self.url)):
            yield
            return
        data_dir = self.settings.DATA_DIR
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                services.alone_in(data_dir, "a restore" if restoring else "a backup")
            )
            services.prepare_postgres(data_dir)
            program = services.postgres(data_dir)
            if restoring:
                # With these, tables that are created in one transaction are not written to the
                # log as well: half the disk space, and a full disk is an error of the statement
                # instead of the end of the server.
                minimal = ["-c", "wal_level=minimal", "-c", "max_wal_senders=0"]
                program = replace(program, argv=[*program.argv, *minimal])
            stderr = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                program.command,
                env=program.environ,
                cwd=program.folder,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
            try:
                give_up = time.monotonic() + START_SECONDS
                while not backends.database_ready(self.url):
                    if time.monotonic() > give_up or process.poll() is not None:
                        raise BackupError(f"the bundled PostgreSQL did not start{reason(stderr)}")
                    time.sleep(0.1)
                yield
            finally:
                shut_down(process, program)

    def query_value(self, query: str) -> str:
        """The one value that a query returns. Raises BackupError."""
        return programs.run(self.client("psql", "-XAt", "-c", query)).decode().strip()

    def disk_problem(self, needed: int) -> str:
        """Why the database's disk cannot take `needed` more bytes; "" where it can, or where the
        disk is not on this machine."""
        if not self.bundled:
            return ""
        free = shutil.disk_usage(self.settings.DATA_DIR).free
        if free >= needed:
            return ""
        return (
            f"the disk under {self.settings.DATA_DIR} has {free // 1_000_000} MB left, and "
            f"{needed // 1_000_000 + 1} are wanted while old and new data lie side by side: "
            f"make room; {UNTOUCHED}"
        )

    def secret(self) -> str:
        """SECRET_KEY, which signs sessions."""
        return str(self.settings.SECRET_KEY)

    def narrators(self) -> str:
        """The content of NARRATORS_FILE. Raises OSError where it cannot be read."""
        return str(self.settings.NARRATORS_FILE.read_text(encoding="utf-8"))

    def secret_file(self) -> Path | None:
        """Where the secret key is stored; None where only the environment has it."""
        if not (given := os.environ.get("SECRET_KEY")):
            return Path(self.settings.DATA_DIR / "secret_key")
        with contextlib.suppress(OSError):
            stored_there = CONTAINER_SECRET.read_text().strip() == given
            if stored_there and os.access(CONTAINER_SECRET.parent, os.W_OK):
                return CONTAINER_SECRET
        return None

    @contextlib.contextmanager
    def stage_files(self, secret: str, narrators: str) -> Iterator[Callable[[], list[str]]]:
        """Write key and narrators beside their final paths, so that a full disk is noticed before
        the database changes. Yields the function that moves them into place and returns lines for
        the host. Drafts that were not moved are removed.
        """
        moves: list[tuple[Path, Path]] = []
        lines: list[str] = []

        def move_into_place() -> list[str]:
            for draft, file in moves:
                draft.replace(file)
                sync_folder(file.parent)
            return lines

        try:
            if (file := self.secret_file()) is not None:
                moves.append((write_draft(file, secret), file))
            elif secret != self.secret():
                lines.append("SECRET_KEY differs from the backup's: everybody has to log in again")
            if narrators != self.narrators():
                file = self.settings.DATA_DIR / "narrators.restored.yaml"
                moves.append((write_draft(file, narrators, mode=0o644), file))
                lines.append(
                    f"the backup's narrators are in {file}: compare, and name it NARRATORS_FILE"
                )
            yield move_into_place
        finally:
            for draft, _ in moves:
                draft.unlink(missing_ok=True)


def shut_down(process: subprocess.Popen[bytes], program: services.Program) -> None:
    """Stop the bundled PostgreSQL; by force where it hangs: what was committed is on disk."""
    for stop_signal in (program.stop, program.force, signal.SIGKILL):
        process.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


def reason(stderr: IO[bytes]) -> str:
    """The last lines on the stderr of a server that ended, as the end of a sentence."""
    stderr.seek(0)
    lines = stderr.read()[-4000:].decode(errors="replace").strip().splitlines()
    return f": {' / '.join(lines[-5:])}" if lines else ""
