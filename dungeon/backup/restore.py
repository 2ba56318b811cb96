"""Puts a backup in the place of the installation's data, in one transaction."""

import contextlib
import subprocess
import threading
from pathlib import Path

from dungeon.backup.archive import CHUNK, DUMP, Archive
from dungeon.backup.check import check_archive, open_archive
from dungeon.backup.errors import UNTOUCHED, BackupError
from dungeon.backup.installation import Installation
from dungeon.backup.programs import StderrTail, feed, kill

WATCH_SECONDS = 3  # how long a server of others is watched for connections of somebody else
LOOKS_PER_SECOND = 4  # as the pause in PROLOGUE
RESERVE = 32 << 20  # bytes of disk that a restore leaves free, for PostgreSQL itself to go on

# All of a restore is one transaction. The old tables wait in a schema of another name, where nobody
# can change them, and are dropped once the new ones are complete.
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


def load(installation: Installation, file: Path, replace: bool) -> list[str]:
    """Restore a backup; `replace` allows it where the database has tables.

    Returns lines for the host. Raises BackupError, ServiceError.
    """
    with open_archive(file) as archive:
        lines = check_archive(installation, archive)
        with installation.running_database(restoring=True):
            if problem := installation.disk_problem(archive.database_bytes + RESERVE):
                raise BackupError(problem)
            with installation.stage_files(archive.secret, archive.narrators) as move_into_place:
                swap(installation, archive, replace)
                return lines + move_into_place()


def swap(installation: Installation, archive: Archive, replace: bool) -> None:
    """Load the dump and put it in the place of the existing tables, both or nothing.

    psql reads the script from this process: if that dies, psql never reads COMMIT, and PostgreSQL
    rolls back. Raises BackupError.
    """
    # Servers before 17 do not have this setting, which newer dumps begin with.
    drops_timeout = installation.server_version() < 17
    script = installation.client(
        "pg_restore", "--no-owner", "--no-privileges", "--file=-", connect=False
    )
    psql = installation.client("psql", "-Xq", "--set=ON_ERROR_STOP=1", "--file=-")
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as cleanup:
        database = cleanup.enter_context(
            psql.start(stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe)
        )
        cleanup.callback(kill, database)
        reader = cleanup.enter_context(script.start(stdin=pipe, stdout=pipe, stderr=pipe))
        cleanup.callback(kill, reader)
        assert database.stdin is not None
        assert reader.stdout is not None
        database_stderr, reader_stderr = StderrTail(database), StderrTail(reader)
        feeder = Feeder(archive, reader)
        try:
            database.stdin.write(prologue(installation, replace).encode())
            first = True
            while chunk := reader.stdout.read(CHUNK):
                if first and drops_timeout:
                    chunk = chunk.replace(b"\nSET transaction_timeout = 0;\n", b"\n", 1)
                first = False
                database.stdin.write(chunk)
                if problem := installation.disk_problem(RESERVE):
                    raise BackupError(problem)
            feeder.finish()
            if reader.wait():
                problem = reader_stderr.problem("pg_restore")
                raise BackupError(f"{DUMP}: {problem}; {UNTOUCHED}")
            database.stdin.write(EPILOGUE.encode())
            database.stdin.close()
        except BrokenPipeError:
            pass  # psql ended at an error, which is raised below
        if database.wait():
            raise BackupError(database_stderr.problem("psql"))


def prologue(installation: Installation, replace: bool) -> str:
    """The SQL before the dump. A bundled server is locked by DATA_DIR and looked at once; one of
    others for WATCH_SECONDS, as its clients may connect again at any moment."""
    looks = 0 if installation.bundled else WATCH_SECONDS * LOOKS_PER_SECOND
    return PROLOGUE.format(replace=replace, looks=looks, untouched=UNTOUCHED)


class Feeder:
    """Gives pg_restore the dump from a thread, and raises in `finish` what went wrong there."""

    def __init__(self, archive: Archive, process: subprocess.Popen[bytes]) -> None:
        self.problem: BaseException | None = None
        self.thread = threading.Thread(target=self.run, args=(archive, process), daemon=True)
        self.thread.start()

    def run(self, archive: Archive, process: subprocess.Popen[bytes]) -> None:
        """The thread's target: an error of the archive ends the process, so that nobody waits."""
        try:
            feed(archive.chunks(DUMP), process)
        except BaseException as problem:
            self.problem = problem
            process.kill()

    def finish(self) -> None:
        """Wait for the thread. Raises what it met, BackupError where the archive is damaged."""
        self.thread.join()
        if self.problem is not None:
            raise self.problem
