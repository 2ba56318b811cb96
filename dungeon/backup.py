"""A whole Grue in one file, and back: `scripts/backup` and `scripts/restore`.

    python -m dungeon.backup save [FILE]
    python -m dungeon.backup check FILE
    python -m dungeon.backup load FILE [--replace]

The file is a tar: what PostgreSQL dumps, the secret key, narrators.yaml, and a manifest with the
size and SHA-256 of each. Models are not in it, they can be fetched again; neither is Redis, which
may be lost.

A restore checks the manifest before it touches anything, loads the dump beside the living tables
and replaces them when the one transaction around all of it commits: whatever fails, or is killed,
before that leaves the old data as they were. It refuses while anything else is connected.

The database is DATABASE_URL's, or the one of `make play`, which is started for the time where it
does not run. PostgreSQL's client programs (psql, pg_dump, pg_restore) are, of these, the first that
are as new as the server: those of the PATH, those in /usr/lib/postgresql/*/bin, those of the wheel
that `make play` installs. The web's image has them in /usr/lib/postgresql: scripts/backup and
scripts/restore run this in a container of it, for those who have Docker alone.
The secret key goes back to DATA_DIR/secret_key, or to /run/grue-secrets/secret_key where that is
where SECRET_KEY comes from and it may be written.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from dungeon import backends, services

DUMP, SECRET, NARRATORS, MANIFEST = "database.dump", "secret_key", "narrators.yaml", "grue.json"
LARGEST = {SECRET: 1 << 16, NARRATORS: 1 << 24, MANIFEST: 1 << 16}  # bytes
FORM = 2  # 1 had no digests
START_SECONDS = 60
STOP_SECONDS = 30  # for each way of stopping our own PostgreSQL
KEPT = 5  # of those that are made before a migration
CHUNK = 1 << 20
WATCH_SECONDS = 3  # a server of others is looked at so long for somebody who uses the database
RESERVE = 32 << 20  # bytes of disk that a restore leaves free, for PostgreSQL itself to go on
UNPACKS_TO = 8  # a database beside its compressed dump, at most, where the manifest does not say
CONTAINER_SECRET = Path("/run/grue-secrets/secret_key")
UNTOUCHED = "nothing was changed"


class BackupError(Exception):
    """Why it could not be saved or loaded, in one line."""


class Here:
    """The database, key and narrators that the environment names."""

    watch_seconds = WATCH_SECONDS

    def __init__(self) -> None:
        # Read as late as this: a restore may be the first thing on a machine.
        from dungeon import settings  # noqa: PLC0415

        self.settings = settings
        self.own = not os.environ.get("DATABASE_URL")
        self.url: str = settings.DATABASE_URL

    def client(self, name: str, *arguments: str, connect: bool = True) -> "Command":
        """A program of PostgreSQL's, for this database. Raises BackupError where there is none."""
        parts = parse_dsn(self.url)
        password = parts.pop("password", None)  # not an argument: anybody may list those
        environ = {**os.environ, **({"PGPASSWORD": password} if password else {})}
        database = [f"--dbname={make_dsn(**parts)}"] if connect else []
        return Command([str(self.program(name)), *arguments, *database], environ)

    def program(self, name: str) -> Path:
        if self.own:
            return services.postgres_programs() / name
        server = self.server_version()
        found = [program for folder in client_folders() if (program := folder / name).exists()]
        for program in found:
            if program_version(program) >= server:
                return program
        tried = f" ({', '.join(map(str, found))} is too old)" if found else ""
        raise BackupError(
            f"{name} is missing: install PostgreSQL's client programs, version {server} or newer"
            + tried
        )

    def server_version(self) -> int:
        try:
            with contextlib.closing(psycopg2.connect(self.url)) as connection:
                return int(connection.server_version) // 10_000
        except psycopg2.Error as problem:
            raise BackupError(f"the database does not answer: {str(problem).strip()}") from None

    @contextlib.contextmanager
    def up(self, restoring: bool = False) -> Iterator[None]:
        """With the database answering; our own is started where it does not run.

        To restore into it, nothing else may play from DATA_DIR. Raises ServiceError.
        """
        if not self.own or (not restoring and not backends.database_problem(self.url)):
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
                # Tables that are made in one transaction are then not written to the log as well:
                # half the disk, and where it is full, an error instead of the server's end.
                minimal = ["-c", "wal_level=minimal", "-c", "max_wal_senders=0"]
                program = replace(program, argv=[*program.argv, *minimal])
            said = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                program.command,
                env=program.environ,
                cwd=program.folder,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            try:
                give_up = time.monotonic() + START_SECONDS
                while not backends.database_ready(self.url):
                    if time.monotonic() > give_up or process.poll() is not None:
                        raise BackupError(f"the bundled PostgreSQL did not start{why(said)}")
                    time.sleep(0.1)
                yield
            finally:
                shut_down(process, program)

    def ask(self, question: str) -> str:
        """The one value that a query gives."""
        return run(self.client("psql", "-XAt", "-c", question)).decode().strip()

    def room_problem(self, wanted: int) -> str:
        """Why the database's disk cannot take `wanted` more bytes; "" where it can, or is not ours
        to look at."""
        if not self.own:
            return ""
        free = shutil.disk_usage(self.settings.DATA_DIR).free
        if free >= wanted:
            return ""
        return (
            f"the disk under {self.settings.DATA_DIR} has {free // 1_000_000} MB left, and "
            f"{wanted // 1_000_000 + 1} are wanted while old and new data lie side by side: "
            f"make room; {UNTOUCHED}"
        )

    def secret(self) -> str:
        return str(self.settings.SECRET_KEY)

    def narrators(self) -> str:
        return str(self.settings.NARRATORS_FILE.read_text(encoding="utf-8"))

    def secret_file(self) -> Path | None:
        """Where the secret key is kept; None where only the environment has it."""
        if not (given := os.environ.get("SECRET_KEY")):
            return Path(self.settings.DATA_DIR / "secret_key")
        with contextlib.suppress(OSError):
            kept_there = CONTAINER_SECRET.read_text().strip() == given
            if kept_there and os.access(CONTAINER_SECRET.parent, os.W_OK):
                return CONTAINER_SECRET
        return None

    @contextlib.contextmanager
    def stage(self, secret: str, narrators: str) -> Iterator[Callable[[], list[str]]]:
        """Write key and narrators beside their places, so that a full disk is noticed before the
        database changes. The function that this gives moves them there; its lines are for the host.
        """
        moves: list[tuple[Path, Path]] = []
        lines: list[str] = []

        def settle() -> list[str]:
            for draft, place in moves:
                draft.replace(place)
                sync_folder(place.parent)
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
            yield settle
        finally:
            for draft, _ in moves:
                draft.unlink(missing_ok=True)


def shut_down(process: subprocess.Popen[bytes], program: services.Program) -> None:
    """Stop our own PostgreSQL; by force where it hangs: what was committed is on disk."""
    for how in (program.stop, program.force, signal.SIGKILL):
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


def why(said: IO[bytes]) -> str:
    """The last lines that a server that ended has said, as the end of a sentence."""
    said.seek(0)
    lines = said.read()[-4000:].decode(errors="replace").strip().splitlines()
    return f": {' / '.join(lines[-5:])}" if lines else ""


# Programs and files.


@dataclass(frozen=True)
class Command:
    argv: list[str]
    environ: Mapping[str, str]

    def start(self, **streams: Any) -> subprocess.Popen[bytes]:
        """Raises BackupError where it cannot be run."""
        try:
            return subprocess.Popen(self.argv, env=self.environ, **streams)
        except OSError as problem:
            raise BackupError(f"{self.argv[0]}: {problem.strerror}") from None


def client_folders() -> list[Path]:
    """Where PostgreSQL's client programs may lie, in the order in which they are tried."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    with_version = Path("/usr/lib/postgresql").glob("*/bin")  # Debian keeps several there
    folders += sorted(with_version, key=lambda folder: folder.parent.name, reverse=True)
    with contextlib.suppress(services.ServiceError):
        folders.append(services.postgres_programs())
    return folders


def program_version(program: Path) -> int:
    """The major version of a PostgreSQL program; 0 where it cannot be run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return 0
    found = re.search(r"\d+", said)
    return int(found[0]) if found else 0


class LastLines:
    """What a program says on stderr, of which the last lines are kept."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        self.pipe = process.stderr
        self.lines: deque[str] = deque(maxlen=20)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        for line in self.pipe:
            self.lines.append(line.decode(errors="replace").strip())

    def problem(self, name: str) -> str:
        """The line that says what went wrong."""
        self.reader.join(5)
        errors = [line.partition("ERROR:")[2].strip() for line in self.lines if "ERROR:" in line]
        said = [line for line in self.lines if line]
        return (errors or said or [f"{name} failed"])[-1]


def run(command: Command, **streams: Any) -> bytes:
    """Run a program; what it said last is the error. Raises BackupError."""
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            command.argv, capture_output=True, env=command.environ, **streams
        )
    except OSError as problem:
        raise BackupError(f"{command.argv[0]}: {problem.strerror}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BackupError(said[-1] if said else f"{command.argv[0]} failed")
    return done.stdout


def write_draft(file: Path, text: str, mode: int = 0o600) -> Path:
    """Write what shall become `file` beside it, with its owner and mode where it is there."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        out.flush()
        if file.exists():
            before = file.stat()
            mode = stat.S_IMODE(before.st_mode)
            if os.geteuid() == 0:
                os.fchown(out.fileno(), before.st_uid, before.st_gid)
        os.fchmod(out.fileno(), mode)
        os.fsync(out.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Have a rename in `folder` outlive a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


# Saving.


def save(where: Here, file: Path) -> None:
    """Write a backup, readable by its owner only. The file appears once it is whole."""
    draft = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with where.up():
            draft.unlink(missing_ok=True)
            opened = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w+b") as out:
                write_backup(where, out)
                out.flush()
                os.fsync(out.fileno())
        draft.rename(file)
        sync_folder(file.parent)
    except OSError as problem:
        raise BackupError(f"{file} cannot be written: {problem.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def write_backup(where: Here, out: IO[bytes]) -> None:
    # The dump goes into the tar as it comes, so it needs no room elsewhere; its header is
    # written when its size is known.
    header = tarfile.TarInfo(DUMP)
    header.mode = 0o600
    out.write(bytes(tarfile.BLOCKSIZE))
    header.size, digest = dump_into(where, out)
    out.write(bytes(-header.size % tarfile.BLOCKSIZE))
    end = out.tell()
    out.seek(0)
    out.write(header.tobuf(tarfile.GNU_FORMAT))
    out.seek(end)
    files = {DUMP: {"bytes": header.size, "sha256": digest}}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, text in ((SECRET, where.secret()), (NARRATORS, where.narrators())):
            files[name] = {"bytes": len(text.encode()), "sha256": sha256(text.encode())}
            add_text(tar, name, text)
        manifest = {
            "form": FORM,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "database_bytes": int(where.ask("SELECT pg_database_size(current_database())")),
            "files": files,
        }
        add_text(tar, MANIFEST, json.dumps({**manifest, "sha256": own_digest(manifest)}))


def dump_into(where: Here, out: IO[bytes]) -> tuple[int, str]:
    """Write the database's dump to `out`. Gives its size and SHA-256."""
    # Large objects, of which Grue has none, would bring transactions of their own into a restore.
    options = ["--format=custom", "--no-owner", "--no-privileges", "--no-blobs"]
    command = where.client("pg_dump", *options)
    with command.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        said = LastLines(process)
        assert process.stdout is not None
        try:
            digest, size = hashlib.sha256(), 0
            while chunk := process.stdout.read(CHUNK):
                out.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        except BaseException:
            process.kill()
            raise
        if process.wait():
            raise BackupError(said.problem("pg_dump"))
    return size, digest.hexdigest()


def add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text.encode())
    entry.mode = 0o600
    tar.addfile(entry, io.BytesIO(text.encode()))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def own_digest(manifest: Mapping[str, Any]) -> str:
    """The digest of the manifest itself, without its own line."""
    rest = {name: value for name, value in manifest.items() if name != "sha256"}
    return sha256(json.dumps(rest, sort_keys=True).encode())


# Reading and checking.


class Archive:
    """A backup that is read. Nothing is unpacked by the names in it."""

    def __init__(self, file: Path) -> None:
        """Reads all but the dump. Raises BackupError, OSError, TarError, ValueError."""
        self.file = file
        self.tar = tarfile.open(file)  # noqa: SIM115 (closed by __exit__)
        try:
            for name in (DUMP, SECRET, NARRATORS, MANIFEST):
                self.entry(name)
            self.manifest = parse_manifest(self.text(MANIFEST))
            self.secret = self.text(SECRET).strip()
            self.narrators = self.text(NARRATORS)
        except BaseException:
            self.tar.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.tar.close()

    @property
    def has_digests(self) -> bool:
        return "files" in self.manifest

    @property
    def database_bytes(self) -> int:
        """How large the database will be, roughly."""
        dumped = self.entry(DUMP).size * UNPACKS_TO
        return int(self.manifest.get("database_bytes", dumped))

    def entry(self, name: str) -> tarfile.TarInfo:
        try:
            found = self.tar.getmember(name)
        except KeyError:
            found = None
        if found is None or not found.isfile():
            raise BackupError(f"{name} is missing: that is no backup of Grue, or not all of one")
        if found.size > LARGEST.get(name, found.size):
            raise BackupError(f"{name} is too large to be of a backup of Grue")
        return found

    def text(self, name: str) -> str:
        return b"".join(self.chunks(name)).decode()

    def chunks(self, name: str) -> Iterator[bytes]:
        """One part, checked against the manifest's digest at its end. Raises BackupError."""
        part = self.tar.extractfile(self.entry(name))
        assert part is not None
        digest, size = hashlib.sha256(), 0
        while chunk := part.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        if size != self.entry(name).size:
            raise BackupError(f"{self.file} ends too early: it was not copied whole; {UNTOUCHED}")
        if name == MANIFEST or not self.has_digests:
            return
        expected = self.manifest["files"].get(name, {})
        if {"bytes": size, "sha256": digest.hexdigest()} != expected:
            raise BackupError(
                f"{name} in {self.file} is damaged (its digest is not the manifest's): "
                f"take another copy or an older backup; {UNTOUCHED}"
            )

    def check(self, where: Here) -> list[str]:
        """Read all of it, before anything is touched. Lines for the host. Raises BackupError."""
        for name in (SECRET, NARRATORS, DUMP):
            for _ in self.chunks(name):
                pass
        # Its table of contents; without digests all of its data, whose compression has checksums.
        options = ["--list"] if self.has_digests else ["--file=-"]
        command = where.client("pg_restore", *options, connect=False)
        with command.start(
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            said = LastLines(process)
            try:
                feed(self.chunks(DUMP), process)
            except BaseException:
                process.kill()
                raise
            if process.wait():
                problem = said.problem("pg_restore")
                raise BackupError(f"{DUMP} cannot be read ({problem}); {UNTOUCHED}")
        if self.has_digests:
            return []
        return [
            "this backup was made by an older Grue, without digests: its dump was read to the end, "
            "and more cannot be checked"
        ]


def parse_manifest(text: str) -> dict[str, Any]:
    """The manifest, or of an older backup the note in its place. Raises BackupError, ValueError."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(form := found.get("form"), int):
        raise BackupError(f"{MANIFEST} is damaged; {UNTOUCHED}")
    if form > FORM:
        raise BackupError(
            f"this backup was made by a newer Grue (form {form}): restore it with that one; "
            + UNTOUCHED
        )
    # Nothing but the note that older ones had passes without digests: a damaged manifest does not.
    whole = (
        set(found) == {"form", "made"} if form == 1 else found.get("sha256") == own_digest(found)
    )
    if not whole:
        raise BackupError(f"{MANIFEST} is damaged; {UNTOUCHED}")
    return found


def feed(chunks: Iterator[bytes], process: subprocess.Popen[bytes]) -> None:
    """Give a program what it reads, to the end of either."""
    assert process.stdin is not None
    for chunk in chunks:
        try:
            process.stdin.write(chunk)
        except BrokenPipeError:  # it has read what it wanted, or its exit code says why not
            break
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


# Restoring.

# All of a restore is one transaction. The old tables wait in a schema of another name, where nobody
# can change them, and go when the new ones are whole.
PROLOGUE = """
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '5s';
DO $grue$
DECLARE
    others record;
    each record;
    owner name;
    looks int := 0;
BEGIN
    IF NOT {replace} AND EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public') THEN
        RAISE EXCEPTION 'the database holds something: --replace puts the backup in its place';
    END IF;
    LOOP
        SELECT count(*) AS sessions,
            string_agg(DISTINCT coalesce(nullif(application_name, ''), usename::text)
                || coalesce(' at ' || host(client_addr), ''), ', ') AS names
        INTO others FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
            AND coalesce(backend_type, 'client backend') = 'client backend';
        IF others.sessions > 0 THEN
            RAISE EXCEPTION 'the database is in use (% connections: %): stop everything that '
                'plays from it, then restore; {untouched}', others.sessions, others.names;
        END IF;
        EXIT WHEN looks >= {looks};
        looks := looks + 1;
        PERFORM pg_sleep(0.25);
        PERFORM pg_stat_clear_snapshot();
    END LOOP;
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public'
            AND NOT pg_has_role(nspowner, 'USAGE'))
        OR NOT has_database_privilege(current_database(), 'CREATE')
    THEN
        RAISE EXCEPTION 'the account % may not replace the schema public: make it the owner of '
            'the database and of that schema; {untouched}', current_user;
    END IF;
    FOR each IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('LOCK TABLE public.%I IN EXCLUSIVE MODE', each.tablename);
    END LOOP;
    SELECT nspowner::regrole::name INTO owner FROM pg_namespace WHERE nspname = 'public';
    IF owner IS NOT NULL THEN
        ALTER SCHEMA public RENAME TO grue_replaced;
    END IF;
    CREATE SCHEMA public;
    IF owner IS NOT NULL AND owner <> current_user THEN
        EXECUTE format('ALTER SCHEMA public OWNER TO %I', owner);
    END IF;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
    FOR each IN SELECT extname FROM pg_extension
            JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE nspname = 'grue_replaced'
    LOOP
        EXECUTE format('ALTER EXTENSION %I SET SCHEMA public', each.extname);
    END LOOP;
END
$grue$;
"""
EPILOGUE = """
SET LOCAL lock_timeout = '30s';
DROP SCHEMA IF EXISTS grue_replaced CASCADE;
COMMIT;
"""


def load(where: Here, file: Path, replace: bool) -> list[str]:
    """Put a backup back. Lines that the host should read. Raises BackupError, ServiceError."""
    with readable(file) as archive:
        lines = archive.check(where)
        with where.up(restoring=True):
            if problem := where.room_problem(archive.database_bytes + RESERVE):
                raise BackupError(problem)
            with where.stage(archive.secret, archive.narrators) as settle:
                swap(where, archive, replace)
                return lines + settle()


def check(where: Here, file: Path) -> list[str]:
    """Whether a backup can be restored, as far as can be said without doing it."""
    with readable(file) as archive:
        return archive.check(where)


@contextlib.contextmanager
def readable(file: Path) -> Iterator[Archive]:
    """An opened backup; whatever makes it unreadable is one BackupError."""
    try:
        with Archive(file) as archive:
            yield archive
    except (OSError, EOFError, tarfile.TarError, ValueError, zlib.error) as problem:
        if isinstance(problem, OSError) and problem.filename not in (None, str(file), file):
            raise BackupError(f"{problem.filename}: {problem.strerror}; {UNTOUCHED}") from None
        raise BackupError(f"{file} cannot be read as a backup: {problem}; {UNTOUCHED}") from None


def swap(where: Here, archive: Archive, replace: bool) -> None:
    """Load the dump and put it in the place of what is there, both or nothing.

    psql reads the script from us: where we die, it never reads COMMIT, and PostgreSQL rolls back.
    """
    drops_timeout = where.server_version() < 17  # which does not know a setting of newer dumps
    script = where.client("pg_restore", "--no-owner", "--no-privileges", "--file=-", connect=False)
    psql = where.client("psql", "-Xq", "--set=ON_ERROR_STOP=1", "--file=-")
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as ends:
        database = ends.enter_context(
            psql.start(stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe)
        )
        ends.callback(end, database)
        reader = ends.enter_context(script.start(stdin=pipe, stdout=pipe, stderr=pipe))
        ends.callback(end, reader)
        assert database.stdin is not None
        assert reader.stdout is not None
        answers, said = LastLines(database), LastLines(reader)
        feeder = Feeder(archive, reader)
        looks = 0 if where.own else where.watch_seconds * 4
        prologue = PROLOGUE.format(replace=replace, looks=looks, untouched=UNTOUCHED)
        try:
            database.stdin.write(prologue.encode())
            first = True
            while chunk := reader.stdout.read(CHUNK):
                if first and drops_timeout:
                    chunk = chunk.replace(b"\nSET transaction_timeout = 0;\n", b"\n", 1)
                first = False
                database.stdin.write(chunk)
                if problem := where.room_problem(RESERVE):
                    raise BackupError(problem)
            feeder.finish()
            if reader.wait():
                raise BackupError(f"{DUMP}: {said.problem('pg_restore')}; {UNTOUCHED}")
            database.stdin.write(EPILOGUE.encode())
            database.stdin.close()
        except BrokenPipeError:
            pass  # psql ended at an error: below
        if database.wait():
            raise BackupError(answers.problem("psql"))


class Feeder:
    """Gives pg_restore the dump from a thread, and what went wrong there to whoever asks."""

    def __init__(self, archive: Archive, process: subprocess.Popen[bytes]) -> None:
        self.problem: BaseException | None = None
        self.thread = threading.Thread(target=self.run, args=(archive, process), daemon=True)
        self.thread.start()

    def run(self, archive: Archive, process: subprocess.Popen[bytes]) -> None:
        try:
            feed(archive.chunks(DUMP), process)
        except BaseException as problem:
            self.problem = problem
            process.kill()

    def finish(self) -> None:
        self.thread.join()
        if self.problem is not None:
            raise self.problem


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program that is still there, before what it reads is closed."""
    if process.poll() is None:
        process.kill()
        process.wait()


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
    todo.add_parser("check").add_argument("file", type=Path)
    loading = todo.add_parser("load")
    loading.add_argument("file", type=Path)
    loading.add_argument("--replace", action="store_true", help="even where stories are there")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was begun is tidied up
    try:
        if asked.todo == "save":
            file = asked.file or Path(named_by_date())
            save(Here(), file)
            say(f"saved in {file} ({file.stat().st_size / 1e6:.1f} MB)")
        elif asked.todo == "check":
            for line in check(Here(), asked.file):
                say(line)
            say(f"{asked.file} is whole")
        else:
            for line in load(Here(), asked.file, asked.replace):
                say(line)
            say(f"{asked.file} is back")
    except (BackupError, services.ServiceError) as problem:
        print(f"grue: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("grue: stopped", file=sys.stderr)  # noqa: T201
        return 130
    return 0


def say(line: str) -> None:
    print(f"grue: {line}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
