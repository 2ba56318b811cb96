"""A whole Grue in one file, and back, with a PostgreSQL of our own."""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest

from dungeon import services
from dungeon.backup import archive, installation, restore
from dungeon.backup import save as saving
from dungeon.backup.errors import BackupError
from dungeon.backup.installation import Installation
from dungeon.backup.programs import Command
from dungeon.backup.restore import load
from dungeon.backup.save import save, save_before_migration

ROOT = Path(__file__).resolve().parents[2]


def installation_in(data_dir, narrators):
    """An installation as `make play` leaves it: data, no process."""
    where = Installation.__new__(Installation)
    where.bundled = True
    where.url = services.database_url(data_dir)
    key = data_dir / "secret_key"
    if not key.exists():
        key.write_text(f"the secret of {data_dir.name}")
        narrators.write_text(f"# {data_dir.name}\n")
    where.settings = SimpleNamespace(
        DATA_DIR=data_dir, SECRET_KEY=key.read_text(), NARRATORS_FILE=narrators
    )
    return where


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """An empty database folder, made once: each installation gets a copy."""
    data_dir = tmp_path_factory.mktemp("cluster")
    services.prepare_postgres(data_dir)
    return data_dir / "postgres"


def copied(cluster, data_dir):
    data_dir.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", cluster, data_dir / "postgres"], check=True)


@pytest.fixture
def new_installation(tmp_path, cluster):
    def build(name, folder=tmp_path):
        copied(cluster, folder / name)
        return installation_in(folder / name, tmp_path / f"{name}.yaml")

    return build


def do(where, statement):
    connection = psycopg2.connect(where.url)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def tell_stories(where, how_many=500):
    do(where, "CREATE TABLE story (id int PRIMARY KEY, words text)")
    do(where, f"INSERT INTO story SELECT n, 'word ☂ ' || n FROM generate_series(1, {how_many}) n")


@pytest.fixture(scope="module")
def saved(tmp_path_factory, cluster):
    folder = tmp_path_factory.mktemp("saved")
    copied(cluster, folder / "old")
    old = installation_in(folder / "old", folder / "old.yaml")
    with old.running_database():
        tell_stories(old)
        save(old, folder / "saved.tar")
    return folder / "saved.tar"


@pytest.fixture(scope="module")
def living_cluster(tmp_path_factory, cluster):
    folder = tmp_path_factory.mktemp("living")
    copied(cluster, folder / "living")
    where = installation_in(folder / "living", folder / "living.yaml")
    with where.running_database():
        do(where, "CREATE TABLE story (id int PRIMARY KEY, words text)")
        do(where, "INSERT INTO story VALUES (1, 'mine')")
        do(where, "CREATE TABLE diary (id int)")
    return where.settings.DATA_DIR / "postgres"


@pytest.fixture
def living(tmp_path, living_cluster, monkeypatch):
    """An installation with stories of its own, which no failed restore may touch."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    copied(living_cluster, tmp_path / "living")
    return installation_in(tmp_path / "living", tmp_path / "living.yaml")


def is_whole(where):
    """Whether the installation has its own stories and key, as before."""
    with where.running_database():
        stories = do(where, "SELECT words FROM story")
        tables = do(
            where,
            "SELECT count(*) FROM pg_tables WHERE schemaname NOT LIKE '%\\_schema' "
            "AND schemaname <> 'pg_catalog'",
        )
    key = (where.settings.DATA_DIR / "secret_key").read_text()
    left = list(where.settings.DATA_DIR.glob("*.new"))
    return (stories, tables, key, left) == ([("mine",)], [(2,)], "the secret of living", [])


def test_a_machine_that_was_lost_is_restored_on_another(new_installation, saved, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    new = new_installation("new")
    lines = load(new, saved, replace=False)
    with new.running_database():
        assert do(new, "SELECT count(*), max(words) FROM story") == [(500, "word ☂ 99")]
    assert (new.settings.DATA_DIR / "secret_key").read_text() == "the secret of old"
    kept = new.settings.DATA_DIR / "narrators.restored.yaml"
    assert kept.read_text() == "# old\n"
    assert str(kept) in lines[0]


def test_a_backup_is_for_its_owner_alone(saved):
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    with tarfile.open(saved) as tar:
        assert set(tar.getnames()) == {"database.dump", "secret_key", "narrators.yaml", "grue.json"}


def test_stories_that_are_there_are_not_overwritten_by_mistake(saved, living):
    with pytest.raises(BackupError, match="--replace"):
        load(living, saved, replace=False)
    assert is_whole(living)
    load(living, saved, replace=True)
    with living.running_database():
        assert do(living, "SELECT count(*) FROM story") == [(500,)]
        assert do(living, "SELECT to_regclass('diary'), to_regnamespace('grue_replaced')") == [
            (None, None)
        ]


def test_what_is_no_backup_is_refused_and_changes_nothing(new_installation, tmp_path):
    where = new_installation("here")
    wrong = tmp_path / "wrong.tar"
    wrong.write_bytes(b"not a tar")
    with pytest.raises(BackupError, match="cannot be read as a backup"):
        load(where, wrong, replace=True)
    with tarfile.open(wrong, "w") as tar:
        tar.add(tmp_path / "here.yaml", "narrators.yaml")
    with pytest.raises(BackupError, match=r"database.dump is missing"):
        load(where, wrong, replace=True)


def damaged_at(whole, offset):
    return whole[:offset] + bytes([whole[offset] ^ 0x40]) + whole[offset + 1 :]


def contents(file):
    with tarfile.open(file) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}


def test_a_backup_with_one_wrong_byte_anywhere_is_refused_and_changes_nothing(
    saved, living, tmp_path, monkeypatch
):
    whole = saved.read_bytes()
    damaged = tmp_path / "damaged.tar"
    chance = random.Random(19)
    with tarfile.open(saved) as tar:
        dump = tar.getmember("database.dump")
    places = [
        dump.offset_data + dump.size // 3,
        *(chance.randrange(len(whole)) for _ in range(200)),
    ]
    refused = 0
    for offset in places:
        damaged.write_bytes(damaged_at(whole, offset))
        # Between its parts a tar has filling that says nothing.
        with contextlib.suppress(tarfile.TarError, KeyError, UnicodeDecodeError):
            if contents(damaged) == contents(saved):
                continue
        with pytest.raises(BackupError):
            load(living, damaged, replace=True)
        refused += 1
    assert refused > 50
    assert is_whole(living)


def test_a_backup_that_was_cut_is_refused_and_changes_nothing(saved, living, tmp_path):
    whole = saved.read_bytes()
    with tarfile.open(saved) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + last.size
    cut = tmp_path / "cut.tar"
    for length in [0, 1, 511, 512, *range(0, end, end // 60), end - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupError):
            load(living, cut, replace=True)
    assert is_whole(living)


def without_digests(saved, file, change=lambda dump: dump):
    """A backup as Grue wrote it before it had a manifest."""
    parts = contents(saved)
    parts["database.dump"] = change(parts["database.dump"])
    parts["grue.json"] = json.dumps({"made": "2026-01-01T00:00:00+00:00", "form": 1}).encode()
    with tarfile.open(file, "w") as tar:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file


def test_an_older_backup_is_read_through_and_then_restored(saved, living, tmp_path):
    for place in (0.5, 0.7, 0.9):
        broken = without_digests(
            saved,
            tmp_path / "old.tar",
            lambda dump, at=place: damaged_at(dump, int(len(dump) * at)),
        )
        with contextlib.suppress(BackupError):  # what says nothing may be wrong
            load(living, broken, replace=True)
            pytest.fail("a dump with a wrong byte was loaded")
    assert is_whole(living)
    lines = load(living, without_digests(saved, tmp_path / "old.tar"), replace=True)
    assert "without digests" in lines[0]
    with living.running_database():
        assert do(living, "SELECT count(*) FROM story") == [(500,)]


def test_a_dump_that_fails_half_way_leaves_the_old_stories(saved, living, tmp_path, monkeypatch):
    """The dump is what was saved, and the server refuses it: an older one, say."""
    run = Installation.client
    wrong = "SELECT 1 / 0;\n"

    def client(self, name, *arguments, connect=True):
        command = run(self, name, *arguments, connect=connect)
        if name == "pg_restore" and "--file=-" in arguments:
            script = ["sh", "-c", '"$@"; echo "$0"', wrong, *command.argv]
            return Command(script, command.environ)
        return command

    monkeypatch.setattr(Installation, "client", client)
    with pytest.raises(BackupError, match="division by zero"):
        load(living, saved, replace=True)
    assert is_whole(living)


def test_nothing_is_restored_while_somebody_plays_from_it(saved, living, monkeypatch):
    with (
        services.alone_in(living.settings.DATA_DIR, "http://localhost:8000"),
        pytest.raises(services.ServiceError, match="localhost:8000"),
    ):
        load(living, saved, replace=True)
    # A server that DATABASE_URL names, which cannot be asked for a lock.
    outside = Installation.__new__(Installation)
    outside.bundled, outside.url, outside.settings = False, living.url, living.settings
    monkeypatch.setattr(restore, "WATCH_SECONDS", 1)
    with living.running_database():
        web = psycopg2.connect(living.url, application_name="web")
        with pytest.raises(BackupError, match=r"in use .*web.*nothing was changed"):
            load(outside, saved, replace=True)
        web.close()
        assert do(living, "SELECT words FROM story") == [("mine",)]
        load(outside, saved, replace=True)
        assert do(living, "SELECT count(*) FROM story") == [(500,)]


def test_an_account_that_only_owns_its_database_may_restore_it(
    new_installation, saved, monkeypatch
):
    """As on a server of others: no superuser, one database, a password that no list shows."""
    monkeypatch.setattr(restore, "WATCH_SECONDS", 0)
    where = new_installation("shared")
    with where.running_database():
        do(where, "CREATE ROLE writer LOGIN PASSWORD 'a secret'")
        connection = psycopg2.connect(where.url)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE writings OWNER writer")
        outside = Installation.__new__(Installation)
        outside.bundled, outside.settings = False, where.settings
        run_folder = services.socket_folder(where.settings.DATA_DIR)
        outside.url = f"postgres://writer:a secret@/writings?host={run_folder}"
        assert "a secret" not in " ".join(outside.client("psql").argv)
        for replace in (False, True):  # the second finds what the first left
            load(outside, saved, replace=replace)
            assert do(outside, "SELECT count(*) FROM story") == [(500,)]
        owner = "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'"
        assert do(outside, owner) == [("pg_database_owner",)]


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found in /proc")
def test_a_server_starts_again_although_work_of_the_killed_one_goes_on(living):
    """A busy backend outlives its postmaster, and a new one refuses to start beside it."""
    cluster = living.settings.DATA_DIR / "postgres"

    def work():
        with contextlib.suppress(psycopg2.Error):
            do(living, "INSERT INTO diary SELECT count(*) FROM generate_series(1, 2000000000) n")

    with contextlib.suppress(BackupError, psycopg2.Error), living.running_database():
        busy = threading.Thread(target=work)
        busy.start()
        look = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO diary%'"
        while do(living, look) != [(1,)]:
            time.sleep(0.05)
        os.kill(int((cluster / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    assert is_whole(living)
    busy.join(10)
    assert not busy.is_alive()


def test_a_restore_without_room_is_refused_before_it_begins(saved, living, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=10 << 20)
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(BackupError, match="make room; nothing was changed"):
        load(living, saved, replace=True)
    assert is_whole(living)


def test_a_backup_that_fails_leaves_no_half_file(new_installation, tmp_path, monkeypatch):
    where = new_installation("here")

    def no_room(where, out):
        out.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving, "dump_into", no_room)
    with pytest.raises(BackupError, match="No space left"):
        save(where, tmp_path / "x.tar")
    assert not list(tmp_path.glob("*x.tar*"))


def test_the_newest_backups_before_migrations_are_kept(new_installation, monkeypatch):
    where = new_installation("here")
    monkeypatch.setattr(saving, "Installation", lambda: where)
    monkeypatch.setattr(saving, "KEPT", 1)
    folder = where.settings.DATA_DIR / "backups"
    folder.mkdir()
    (folder / "before-migration-20000101-000000.tar").write_text("old")
    file = save_before_migration(where.settings.DATA_DIR)
    assert list(folder.glob("*.tar")) == [file]


# Restores that are killed, and disks that are full.


@pytest.fixture
def large(new_installation, tmp_path):
    """A backup that takes a while to load: some 60 MB of tables."""
    old = new_installation("old")
    with old.running_database():
        tell_stories(old, 300_000)
        do(
            old,
            "INSERT INTO story SELECT n + 1000000, repeat(md5(n::text), 5) "
            "FROM generate_series(1, 100000) n",
        )
        do(old, "CREATE INDEX ON story (words)")
        save(old, tmp_path / "large.tar")
    return tmp_path / "large.tar"


def restoring(where, file):
    """`scripts/restore FILE --replace`, as a host runs it."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "dungeon.backup", "load", str(file), "--replace"],
        env={**environ, "DATA_DIR": str(where.settings.DATA_DIR), "PYTHONFAULTHANDLER": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def descendants(pid):
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                child = int(status.parent.name)
                found += [child, *descendants(child)]
    return found


@pytest.mark.full
def test_a_restore_that_is_killed_at_any_moment_leaves_the_old_stories_or_the_new(living, large):
    began = time.monotonic()
    process = restoring(living, large)
    assert process.wait(120) == 0, process.stdout.read()
    lasts = time.monotonic() - began
    ends = []
    chance = random.Random(19)
    for number in range(40):
        with living.running_database():  # as it was
            do(living, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            do(living, "CREATE TABLE story (id int PRIMARY KEY, words text)")
            do(living, "INSERT INTO story VALUES (1, 'mine')")
        process = restoring(living, large)
        time.sleep(lasts * (number + chance.random()) / 40)
        if number % 4 == 3:  # PostgreSQL, psql or pg_restore instead
            for victim in chance.sample(
                children := descendants(process.pid), min(1, len(children))
            ):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
        else:
            process.send_signal(signal.SIGTERM if number % 4 == 2 else signal.SIGKILL)
        try:
            process.wait(100)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # where it hangs
            pytest.fail(f"number {number}: {process.communicate()[0].decode()}")
        with living.running_database():
            ends.append(do(living, "SELECT count(*) FROM story")[0][0])
            assert do(living, "SELECT to_regnamespace('grue_replaced')") == [(None,)]
    assert set(ends) <= {1, 400_000}
    assert ends.count(1) > 20


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=220m", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.full
def test_a_disk_that_fills_during_a_restore_leaves_the_old_stories(
    living_cluster, large, small_disk, tmp_path, monkeypatch
):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    copied(living_cluster, small_disk / "living")
    where = installation_in(small_disk / "living", tmp_path / "living.yaml")
    filling = small_disk / "filling"
    free = shutil.disk_usage(small_disk).free
    filling.write_bytes(bytes(free - (60 << 20)))
    with pytest.raises(BackupError, match="make room"):
        load(where, large, replace=True)  # told beforehand
    monkeypatch.setattr(archive.Archive, "database_bytes", 0)
    with pytest.raises(BackupError, match="make room"):
        load(where, large, replace=True)  # noticed on the way
    assert is_whole(where)
    monkeypatch.setattr(restore, "RESERVE", 0)
    for left in (60, 45, 30, 20, 10, 4, 1, 0):
        filling.unlink()
        free = shutil.disk_usage(small_disk).free
        filling.write_bytes(bytes(max(free - (left << 20), 0)))
        with pytest.raises((BackupError, services.ServiceError)):
            load(where, large, replace=True)  # and not noticed: PostgreSQL meets it
        filling.write_bytes(b"")
        assert is_whole(where), left
    with pytest.raises(BackupError, match="No space left"):
        filling.write_bytes(bytes(max(shutil.disk_usage(small_disk).free - (8 << 20), 0)))
        tell = "INSERT INTO story SELECT n, md5(n::text) FROM generate_series(10, 20000) n"
        with where.running_database():
            do(where, tell)
            full = shutil.disk_usage(small_disk).free
            (small_disk / "more").write_bytes(bytes(full - (64 << 10)))
            save(where, small_disk / "backup.tar")
    assert not list(small_disk.glob("*backup.tar*"))


def test_a_database_that_did_not_start_is_reported_with_its_own_words(tmp_path):
    said = (tmp_path / "said").open("w+b")
    said.write(b"LOG: starting\nFATAL: could not open directory: Permission denied\n")
    with said:
        assert installation.reason(said).endswith(
            "FATAL: could not open directory: Permission denied"
        )
