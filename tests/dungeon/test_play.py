"""`manage.py play`: the real thing on a fresh folder, from the first line to the last process."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NARRATORS = ROOT / "tests" / "narrators.yaml"
PATIENCE = 90  # seconds: two cores, shared with others


@pytest.fixture(scope="module")
def data_dir():
    """One folder for the tests of this file, so that later starts find what earlier ones left.

    Not pytest's: that one is closed to others again by each run of pytest that starts meanwhile,
    and as root PostgreSQL is another.
    """
    with tempfile.TemporaryDirectory(prefix="grue-play-") as folder:
        yield Path(folder) / "data"


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Installation:
    """A `manage.py play` that runs."""

    def __init__(self, data_dir, port, **variables):
        ours = {"DATABASE_URL", "REDIS_URL", "MODELS_DIR", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE"}
        self.data_dir = data_dir
        self.port = port
        self.lines = []
        self.environ = {
            **{name: value for name, value in os.environ.items() if name not in ours},
            "DATA_DIR": str(data_dir),
            "PORT": str(port),
            "NARRATORS_FILE": str(NARRATORS),
            **variables,
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "play"],
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read_until(self, words):
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if words in line:
                return
        pytest.fail("it ended:\n" + "\n".join(self.lines))

    def last_words(self, timeout=PATIENCE):
        out, _ = self.process.communicate(timeout=timeout)
        self.lines += out.splitlines()
        return self.process.returncode, "\n".join(self.lines)

    def processes(self):
        """Every process but the first that has to do with our folder, by pid."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                marks = command + (folder / "environ").read_bytes()
                if str(self.data_dir).encode() in marks and int(folder.name) != self.process.pid:
                    found[int(folder.name)] = command.replace(b"\0", b" ").decode()
        return found

    def nobody_left(self, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left == {} or left


@contextmanager
def playing(data_dir, port, **variables):
    installation = Installation(data_dir, port, **variables)
    try:
        yield installation
    finally:
        if installation.process.poll() is None:
            installation.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                installation.process.wait(PATIENCE)
        installation.process.kill()
        installation.process.wait()


def get(port, path, host="127.0.0.1"):
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=10) as answer:
        return answer.status


@pytest.mark.timeout(2 * PATIENCE)
def test_one_command_brings_everything_up_and_ctrl_c_takes_it_down(data_dir, port):
    with playing(data_dir, port) as installation:
        installation.read_until("Ctrl-C")
        said = "\n".join(installation.lines)
        assert f"Play at        http://127.0.0.1:{port}/" in said
        assert len(installation.lines) <= 12, said
        assert get(port, "/healthz") == 200
        assert get(port, "/") == 200

        # The link of the first operator, kept for the next start as long as nobody used it.
        token = re.search(rf"http://127.0.0.1:{port}/operator/([\w-]+)/", said)
        assert token is not None

        # Secrets and sockets are nobody else's.
        assert stat.S_IMODE((data_dir / "secret_key").stat().st_mode) == 0o600
        for folder in ("run", "postgres", "valkey"):
            assert stat.S_IMODE((data_dir / folder).stat().st_mode) == 0o700

        # A second one on the same folder, and another on the same port.
        with playing(data_dir, port + 1) as second:
            code, words = second.last_words()
            assert code == 1
            assert words.startswith(f"grue: another Grue plays from {data_dir} already, at http://")
            assert words.count("\n") == 0
        with playing(data_dir.parent / "other", port) as third:
            code, words = third.last_words()
            assert code == 1
            assert words.startswith(f"grue: PORT {port} is in use")
            assert words.count("\n") == 0

        installation.process.send_signal(signal.SIGINT)
        code, words = installation.last_words()
        assert code == 0, words
        assert words.endswith("grue: stopped")
        assert not (data_dir / "postgres" / "postmaster.pid").exists(), "PostgreSQL was killed"
        assert installation.nobody_left() is True


def ready(port, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError):
            if get(port, "/readyz") == 200:
                return True
        time.sleep(0.1)
    return False


def the_one(installation, mark):
    """Of the processes with this on their command line, the one that was there first."""
    return min(pid for pid, command in installation.processes().items() if mark in command)


@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.full)]
)
def test_whatever_dies_once_is_started_again_and_play_goes_on(data_dir, port, how):
    with playing(data_dir, port) as installation:
        installation.read_until("Ctrl-C")
        for name, mark in {
            "web": "dungeon.web",
            "valkey": "valkey-server",
            "postgres": "postgres -D",
            "narrator": "-Q narrator.",
            "game": "-Q game",
        }.items():
            # SIGTERM has PostgreSQL wait for its clients to leave, which ours do not.
            ends = signal.SIGINT if (name, how) == ("postgres", signal.SIGTERM) else how
            os.kill(victim := the_one(installation, mark), ends)
            installation.read_until(f"{name:<9}| {name} ended (")
            assert ready(port), name
            assert victim not in installation.processes()
        installation.process.send_signal(signal.SIGINT)
        code, words = installation.last_words()
        assert code == 0, words
        assert installation.nobody_left() is True


@pytest.mark.full
@pytest.mark.timeout(3 * PATIENCE)
def test_what_dies_again_and_again_is_named_and_ends_the_whole(data_dir, port):
    with playing(data_dir, port) as installation:
        installation.read_until("Ctrl-C")
        for _ in range(5):
            os.kill(the_one(installation, "dungeon.web"), signal.SIGKILL)
            installation.read_until("it is started again")
            assert ready(port)
        os.kill(the_one(installation, "dungeon.web"), signal.SIGKILL)
        code, words = installation.last_words()
        assert code == 137
        assert re.search(r"grue: web ended \(SIGKILL\), for the 6th time in \d+ s", words)
        assert installation.nobody_left() is True


@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("others", [1, 5])
def test_a_narrator_whose_server_is_away_keeps_nobody_from_playing(
    data_dir, port, tmp_path, others
):
    file = tmp_path / "narrators.yaml"
    far = "{name: far, line: Far., engine: openai, model: 'http://127.0.0.1:9/v1'}"
    near = [f"{{name: n{i}, line: Near., engine: scripted}}" for i in range(others)]
    file.write_text(f"default: n0\nnarrators: [{', '.join([far, *near])}]")
    chosen = {} if others == 1 else {"NARRATOR": "n3"}
    with playing(data_dir, port, NARRATORS_FILE=str(file), **chosen) as installation:
        installation.read_until("Ctrl-C")
        said = "\n".join(installation.lines)
        assert "starting without waiting for: far, which runs at http://127.0.0.1:9/v1" in said
        assert get(port, "/readyz") == 200
        workers = [each for each in installation.processes().values() if "-Q narrator." in each]
        # A worker for each, unless there are many.
        assert len(workers) == (2 if others == 1 else 1)
        # The default's first: the file's, or the one that NARRATOR names.
        default = chosen.get("NARRATOR", "n0")
        assert any(f"-Q narrator.{default}" in each for each in workers), workers


@pytest.mark.timeout(2 * PATIENCE)
def test_a_narrator_that_cannot_start_is_named_with_its_last_words(data_dir, port, tmp_path):
    broken = tmp_path / "narrators.yaml"
    broken.write_text(NARRATORS.read_text() + "    options: {pace: brisk}\n")
    with playing(data_dir, port, NARRATORS_FILE=str(broken)) as installation:
        code, words = installation.last_words(PATIENCE)
        assert code == 1
        assert "grue: narrator ended (exit code 1), its last lines:" in words
        assert "pace" in words
        assert installation.nobody_left() is True


def test_a_wrong_name_of_a_narrator_is_answered_with_the_right_ones(data_dir, port):
    with playing(data_dir, port, NARRATOR="parot") as installation:
        code, words = installation.last_words()
    assert code == 1
    assert words == "grue: NARRATOR wants one of parrot (it is 'parot')"


@pytest.mark.skipif(sys.platform != "linux", reason="the request is Linux's")
@pytest.mark.timeout(3 * PATIENCE)
def test_a_killed_house_leaves_nobody_and_rises_again(data_dir, port):
    with playing(data_dir, port) as installation:
        installation.read_until("Ctrl-C")
        assert len(installation.processes()) >= 6
        installation.process.kill()
        installation.process.wait()
        # At once, while the old servers may still be on their way out.
        with playing(data_dir, port, HOST="0.0.0.0") as next_house:
            next_house.read_until("Ctrl-C")
            assert get(port, "/healthz") == 200
            said = "\n".join(next_house.lines)
            address = re.search(r"Play at +http://([^/]+):\d+/", said)
            assert address is not None
            assert get(port, "/", host=address[1]) == 200
            next_house.process.send_signal(signal.SIGTERM)
            code, words = next_house.last_words()
            assert code == 0, words
            assert next_house.nobody_left() is True
