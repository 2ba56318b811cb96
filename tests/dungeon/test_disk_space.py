"""A full disk: what is there can be read, what is new is refused with the reason."""

import shutil
import subprocess
import time
import uuid
from contextlib import suppress

import psycopg2.errors
import pytest
from django.db import OperationalError

from dungeon import disk_reserve
from game import disk_space
from game.play import endings, turns
from game.play.protocol import Refused, parse_command
from tests.dungeon.test_play import playing, port  # noqa: F401
from tests.stranger import Stranger

FULL = "disk is full"


@pytest.fixture
def disk(monkeypatch):
    """How much is left on the disk, as the test says."""
    monkeypatch.setattr(disk_space, "disk", disk_space.Disk())
    monkeypatch.setattr(disk_space, "LOOK_SECONDS", 0)

    def left(megabytes):
        usage = shutil.disk_usage("/")._replace(free=megabytes << 20)
        monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda folder: usage)

    return left


def act(adventure, player, key=None):
    text = f'{{"type": "take_action", "key": "{key or uuid.uuid4()}", "kind": "do", "text": "go"}}'
    return turns.carry_out(adventure.pk, player, parse_command(text))


@pytest.mark.usefixtures("narrator_awake")
def test_actions_are_refused_while_the_disk_is_full_and_taken_again(adventure, alice, disk, caplog):
    disk(10_000)
    key = uuid.uuid4()
    taken = act(adventure, alice, key)
    disk(5)
    assert act(adventure, alice, key) == taken  # it was carried out, and is not refused now
    endings.stop_turn_under_way(adventure)
    for _ in range(3):
        with pytest.raises(Refused, match=FULL) as refused:
            act(adventure, alice)
        assert (refused.value.code, refused.value.retry_after) == ("full", 30)
    assert [record.levelname for record in caplog.records if "disk full" in record.message] == [
        "ERROR"
    ]
    disk(10_000)
    assert act(adventure, alice).turn
    assert not disk_space.disk.full()


def test_forms_are_refused_with_the_reason_and_pages_are_read(
    adventure, alice, as_player, scenario, disk
):
    disk(5)
    browser = as_player(alice)
    for path in ("/", f"/adventures/{adventure.pk}/", f"/scenarios/{scenario.slug}/"):
        assert browser.get(path).status_code == 200
    answer = browser.post(f"/scenarios/{scenario.slug}/begin/", {"name": "Wren"})
    assert answer.status_code == 507
    assert answer["Retry-After"] == "30"
    assert FULL in answer.content.decode()
    asked = {"headers": {"Accept": "application/json"}}
    answer = browser.post(f"/scenarios/{scenario.slug}/begin/", {"name": "Wren"}, **asked)
    assert FULL in answer.json()["message"]
    browser.logout()
    assert browser.post("/accounts/login/").status_code == 200  # who comes to make room


def test_a_database_elsewhere_that_is_full_is_told_as_such(adventure, alice, disk, monkeypatch):
    disk(10_000)

    def full(*_):
        try:
            raise psycopg2.errors.DiskFull("could not extend file")
        except psycopg2.Error as cause:
            raise OperationalError(str(cause)) from cause

    with pytest.raises(OperationalError) as problem:
        full()
    assert not disk_space.disk.note(OperationalError("the server is gone"))
    # psycopg2 sets the code from the server's answer; made by hand it has none.
    problem.value.__cause__ = type("Answered", (Exception,), {"pgcode": "53100"})()
    assert disk_space.disk.note(problem.value)
    with pytest.raises(Refused, match=FULL):
        act(adventure, alice)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700m,mode=0755", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    for parent in tmp_path.parents:  # PostgreSQL is another account where we are root
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o1:
            parent.chmod(parent.stat().st_mode | 0o1)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Take all room on a disk, also what is freed meanwhile. Gives the file that does."""
    with (folder / "filling").open("ab") as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
            file.flush()
    return folder / "filling"


@pytest.mark.full
@pytest.mark.timeout(400)
def test_a_full_disk_ends_nothing_and_when_there_is_room_play_goes_on(small_disk, port):  # noqa: F811
    with playing(small_disk / "data", port) as installation:
        installation.read_until("Ctrl-C")
        player = Stranger(port)
        assert player.begin()[0] == 302
        assert player.act("look around")["type"] == "turn.told"
        before = player.turns()
        assert (small_disk / "data" / "reserve").stat().st_size == disk_reserve.SIZE
        for again in range(3):
            fill(small_disk)
            installation.read_until("is full: stories can be read, new actions are refused")
            until = time.monotonic() + 25
            assert player.turns() == before
            while time.monotonic() < until:
                assert player.ask("GET", "/")[0] == 200
                assert player.ask("GET", player.adventure)[0] == 200
                refused = player.act("go on")
                assert (refused["type"], refused["code"]) == ("error", "full"), refused
                assert FULL in refused["message"]
                status, page = Stranger(port).begin()
                assert status == 507
                assert FULL in page
                time.sleep(1)
                if again:  # whoever fills it takes what is freed as well
                    fill(small_disk)
            (small_disk / "filling").unlink()
            installation.read_until("there is room again")
            assert installation.process.poll() is None
            told = player.act("go on")
            assert told["type"] == "turn.told", told
            before = player.turns()
        assert len(before) == 5
