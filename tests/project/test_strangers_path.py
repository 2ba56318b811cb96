"""A stranger's way with nothing installed: clone, play, back up, break it, restore, upgrade.

Nothing is taken over from this folder but its last commit: the environment and the model are made
anew in the clone, which takes minutes and needs a package index.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dungeon.test_play import port  # noqa: F401
from tests.stranger import Stranger

ROOT = Path(__file__).resolve().parents[2]
FIRST_START = 1500  # seconds: libraries and a model are fetched, on a machine with other work
START = 300
TURN = 240
TURNS = 10
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "PYTHON")


def environ(**variables):
    """A stranger's: nothing of this test's own, but how to reach a package index."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT
        or name.startswith("PIP_")
        or name.lower().endswith("_proxy")
        or name.endswith(("CA_BUNDLE", "CERT_FILE"))
    }
    path = [each for each in passed["PATH"].split(os.pathsep) if ".venv" not in each]
    return {**passed, "PATH": os.pathsep.join(path), **{k: str(v) for k, v in variables.items()}}


def run(folder, *command, code=0, **variables):
    done = subprocess.run(
        command, cwd=folder, env=environ(**variables), capture_output=True, text=True
    )
    assert done.returncode == code, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


class MakePlay:
    """`make play` in a folder, and what it says."""

    def __init__(self, folder, port, **variables):  # noqa: F811
        self.lines = []
        self.said = threading.Condition()
        self.process = subprocess.Popen(
            ["make", "play", f"PORT={port}"],
            cwd=folder,
            env=environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.said:
                self.lines.append(line.rstrip("\n"))
                self.said.notify_all()

    @property
    def text(self):
        return "\n".join(self.lines)

    def until(self, words, seconds):
        deadline = time.monotonic() + seconds
        with self.said:
            while words not in self.text:
                left = deadline - time.monotonic()
                if left < 0 or self.process.poll() is not None:
                    pytest.fail(f"{words!r} was not said:\n{self.text}")
                self.said.wait(min(left, 1))

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)  # as a terminal's Ctrl-C does
            self.process.wait(60)
        self.reader.join(5)


@contextmanager
def make_play(folder, port, seconds=START, **variables):  # noqa: F811
    house = MakePlay(folder, port, **variables)
    try:
        house.until("Ctrl-C ends it", seconds)
        yield house
    finally:
        house.stop()


def versions_before():
    """Commits from which one upgrades: their migrations are in order, and fewer than now."""
    now = migrations("HEAD")
    for commit in run(
        ROOT, "git", "log", "--format=%H", "-n", "40", "--", "game/migrations"
    ).split():
        parent = f"{commit}^"
        found = migrations(parent)
        if found and found < now and len({name[:4] for name in found}) == len(found):
            yield run(ROOT, "git", "rev-parse", parent).strip()


def migrations(commit):
    listed = subprocess.run(
        ["git", "ls-tree", "--name-only", commit, "game/migrations/"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    return {Path(name).name for name in listed.split() if Path(name).name[:4].isdecimal()}


@pytest.fixture
def clone():
    """A clean clone, at a path that PostgreSQL's account may pass through."""
    with tempfile.TemporaryDirectory(prefix="grue-stranger-") as folder:
        run("/", "git", "clone", "-q", "--no-hardlinks", ROOT, Path(folder) / "grue")
        yield Path(folder) / "grue"


def become_operator(player, house):
    """Open the link that `make play` printed, and choose a name and a password there."""
    link = re.search(r"Operator link +http://[^/]+(/operator/\S+)", house.text)
    assert link is not None, house.text
    password = "lamps-and-cellars-7"
    status, page, _ = player.fill_in(
        link[1], username="keeper", password1=password, password2=password, password=password
    )
    assert status == 302, page
    assert player.ask("GET", "/admin/game/operation/")[0] == 200


def damage(file, into):
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0x40
    into.write_bytes(content)
    return into


@pytest.mark.full
@pytest.mark.model
@pytest.mark.timeout(2 * FIRST_START)
def test_a_strangers_way_from_a_clone_to_an_upgrade(clone, port):  # noqa: F811
    player = Stranger(port)
    backup = clone / "first.tar"
    with make_play(clone, port, FIRST_START) as house:
        become_operator(Stranger(port), house)
        assert player.begin()[0] == 302
        for number in range(TURNS):
            told = player.act(f"look at the thing number {number}", TURN)
            assert told["type"] == "turn.told", told
            assert told["turn"]["reply"].strip()
        story = player.turns()
        assert len(story) == TURNS + 1
        assert "saved in" in run(clone, "scripts/backup", backup)
        assert "another Grue plays" in run(clone, "scripts/restore", backup, "--replace", code=1)
        assert player.act("go on", TURN)["type"] == "turn.told"
        longer = player.turns()

    # A backup that is damaged changes nothing.
    damaged = damage(backup, clone / "damaged.tar")
    assert "nothing was changed" in run(clone, "scripts/restore", damaged, "--replace", code=1)
    assert "holds something" in run(clone, "scripts/restore", backup, code=1)
    with make_play(clone, port):
        assert player.turns() == longer

    # The machine's disk dies: what is left is the backup and a clone.
    for folder in ("postgres", "valkey"):
        shutil.rmtree(clone / "var" / folder)
    (clone / "var" / "secret_key").unlink()
    assert "is back" in run(clone, "scripts/restore", backup)
    with make_play(clone, port):
        assert player.turns() == story  # in the same browser, whose session is still good
        assert player.act("go on", TURN)["type"] == "turn.told"

    # An upgrade, in the data of an older version.
    older = next(versions_before(), None)
    if older is None:
        pytest.skip("all but the upgrade passed: this clone has no history to upgrade from")
    newest = run(clone, "git", "rev-parse", "HEAD").strip()
    data = {"DATA_DIR": clone / "older", "MODELS_DIR": clone / "var" / "models"}
    run(clone, "git", "checkout", "-q", older)
    player = Stranger(port)
    with make_play(clone, port, FIRST_START, **data):
        assert player.begin()[0] == 302
        assert player.act("look around", TURN)["type"] == "turn.told"
        before = player.turns()
    run(clone, "git", "checkout", "-q", newest)
    with make_play(clone, port, FIRST_START, **data) as house:
        kept = re.search(r"\S+/before-migration-\S+\.tar", house.text)
        assert kept is not None, house.text
        assert words(player.turns()) == words(before)
        assert player.act("go on", TURN)["type"] == "turn.told"

    # And back.
    run(clone, "git", "checkout", "-q", older)
    run(clone, "scripts/restore", kept[0], "--replace", **data)
    with make_play(clone, port, FIRST_START, **data):
        assert player.turns() == before


def words(story):
    """What is in every version's export."""
    return [(turn["action"], turn["reply"]) for turn in story]
