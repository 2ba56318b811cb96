"""A whole Grue in one file, and back, with a PostgreSQL of our own."""

import contextlib
import stat
import tarfile
from types import SimpleNamespace

import psycopg2
import pytest

from dungeon import backup, services
from dungeon.backup import BackupError, Here, load, save


@pytest.fixture
def house(tmp_path):
    """A house as `make play` leaves it: data, no process."""

    def build(name):
        data_dir = tmp_path / name
        narrators = tmp_path / f"{name}.yaml"
        narrators.write_text(f"# {name}\n")
        (data_dir).mkdir(mode=0o700)
        (data_dir / "secret_key").write_text(f"the secret of {name}")
        where = Here.__new__(Here)
        where.own = True
        where.url = services.database_url(data_dir)
        where.settings = SimpleNamespace(
            DATA_DIR=data_dir, SECRET_KEY=f"the secret of {name}", NARRATORS_FILE=narrators
        )
        return where

    return build


def do(where, statement):
    connection = psycopg2.connect(where.url)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def saved(house, tmp_path):
    old = house("old")
    with old.up():
        do(old, "CREATE TABLE story (id int PRIMARY KEY, words text)")
        do(old, "INSERT INTO story SELECT n, 'word ☂ ' || n FROM generate_series(1, 500) n")
    file = tmp_path / "saved.tar"
    save(old, file)
    return file


def test_a_house_that_burnt_down_stands_again(house, saved, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    new = house("new")
    lines = load(new, saved, replace=False)
    with new.up():
        assert do(new, "SELECT count(*), max(words) FROM story") == [(500, "word ☂ 99")]
    assert (new.settings.DATA_DIR / "secret_key").read_text() == "the secret of old"
    kept = new.settings.DATA_DIR / "narrators.restored.yaml"
    assert kept.read_text() == "# old\n"
    assert str(kept) in lines[0]


def test_a_backup_is_for_its_owner_alone(saved):
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    with tarfile.open(saved) as tar:
        assert set(tar.getnames()) == {"database.dump", "secret_key", "narrators.yaml", "grue.json"}


def test_stories_that_are_there_are_not_overwritten_by_mistake(house, saved):
    other = house("other")
    with other.up():
        do(other, "CREATE TABLE story (id int)")
        do(other, "CREATE TABLE diary (id int)")
    with pytest.raises(BackupError, match="--replace"):
        load(other, saved, replace=False)
    with other.up():
        assert do(other, "SELECT count(*) FROM story") == [(0,)]
    load(other, saved, replace=True)
    with other.up():
        assert do(other, "SELECT count(*) FROM story") == [(500,)]
        assert do(other, "SELECT to_regclass('diary')") == [(None,)]


def test_what_is_no_backup_is_refused_and_changes_nothing(house, tmp_path):
    where = house("here")
    wrong = tmp_path / "wrong.tar"
    wrong.write_bytes(b"not a tar")
    with pytest.raises(BackupError, match="cannot be read as a backup"):
        load(where, wrong, replace=True)
    with tarfile.open(wrong, "w") as tar:
        tar.add(tmp_path / "here.yaml", "narrators.yaml")
    with pytest.raises(BackupError, match=r"database.dump is missing"):
        load(where, wrong, replace=True)


def test_a_backup_that_fails_leaves_no_half_file(house, tmp_path, monkeypatch):
    where = house("here")
    monkeypatch.setattr(where, "dump", lambda file: (_ for _ in ()).throw(BackupError("no room")))
    with pytest.raises(BackupError, match="no room"):
        save(where, tmp_path / "x.tar")
    assert not list(tmp_path.glob("*x.tar*"))


def test_the_newest_backups_before_migrations_are_kept(house, monkeypatch):
    where = house("here")
    monkeypatch.setattr(backup, "Here", lambda: where)
    monkeypatch.setattr(backup, "KEPT", 1)
    folder = where.settings.DATA_DIR / "backups"
    folder.mkdir()
    (folder / "before-migration-20000101-000000.tar").write_text("old")
    file = backup.before_migration(where.settings.DATA_DIR)
    assert list(folder.glob("*.tar")) == [file]
