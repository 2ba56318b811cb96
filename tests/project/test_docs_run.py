"""Runs what README.md and docs/ tell people to type: `make test-docs`.

tests/docs_commands.yaml says how.

Everything happens in a copy of the working tree: first what needs no Grue that runs, then, while
`make play` runs in it, what wants one, then what wants it to have ended. It takes some minutes.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

from tests.cluster import kubectl
from tests.documented import ROOT, commands, methods
from tests.serving import free_port, until

PATIENCE = 900  # seconds for one command; most take some
LIVES = 12  # seconds that what is started must stay up
# What would have the copy use the tests' own servers, or this run's settings.
OURS = {
    "DATABASE_URL",
    "REDIS_URL",
    "DATA_DIR",
    "NARRATORS_FILE",
    "DJANGO_SETTINGS_MODULE",
    "LOG_LEVEL",
}
ONLY = os.environ.get("COMMANDS", "")  # COMMANDS='capacity|invite' make test-docs
pytestmark = [pytest.mark.full, pytest.mark.model, pytest.mark.timeout(3600)]


def wanted(when):
    """What is run at that time: an entry of docs_commands.yaml and a line of shell, in order."""
    found = {}
    for entry in methods():
        if entry.get("when", "before") == when:
            for command in commands():
                if command.method is entry and (line := entry.get("run", entry.get("starts"))):
                    line = command.text if line is True else line
                    if re.search(ONLY, line):
                        found.setdefault(line, entry)
    return [(entry, line) for line, entry in found.items()]


class Copy:
    """A copy of the working tree with this .venv and these models, and a shell in it."""

    def __init__(self, folder):
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, target = ROOT / name, folder / name
            if source.exists() or source.is_symlink():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        models = os.environ["MODELS_DIR"]
        bin_folder = folder / "bin"  # kubectl and manage.py as the pages name them
        bin_folder.mkdir()
        (bin_folder / "kubectl").symlink_to(kubectl())
        manage = bin_folder / "manage.py"
        manage.write_text(
            f'#!/bin/sh\nexec "{folder}/.venv/bin/python" "{folder}/manage.py" "$@"\n'
        )
        manage.chmod(0o755)
        path = f"{bin_folder}:{folder}/.venv/bin:{os.environ['PATH']}"
        self.port = free_port()
        self.environ = {name: text for name, text in os.environ.items() if name not in OURS}
        self.environ |= {"PATH": path, "MODELS_DIR": models, "PORT": str(self.port)}
        self.failed = []

    def run(self, entry, line):
        began = time.monotonic()
        try:
            done = subprocess.run(
                line, shell=True, cwd=self.folder, env=self.environ, text=True, timeout=PATIENCE,
                input=entry.get("input", ""), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as problem:
            code, output = "did not end", str(problem.output)
        said = re.search(entry.get("says", ""), output) is not None
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
        if code != 0 or not said:
            why = f"ended with {code}" if code != 0 else f"does not say {entry['says']!r}"
            self.failed.append(f"{line}\n    {why}\n{output[-2000:]}")

    def start(self, entry, line):
        log = self.folder / "started.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                line, shell=True, cwd=self.folder, env=self.environ, stdout=out,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            try:
                code = process.wait(LIVES)
            except subprocess.TimeoutExpired:
                code = None
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    code = "did not end when asked"
                    os.killpg(process.pid, signal.SIGKILL)
        print(f"  {LIVES:4} s  {line}", flush=True)
        if code is not None:
            self.failed.append(f"{line}\n    {code}\n{log.read_text()[-2000:]}")

    def all_of(self, when):
        for entry, line in wanted(when):
            (self.start if "starts" in entry else self.run)(entry, line)

    def processes(self):
        """What still runs in the copy or its data."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if Path(process.cwd()).is_relative_to(self.folder):
                    found.append(process)
        return found

    def answers(self):
        try:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


@pytest.fixture(scope="module")
def copy():
    if not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("the pages' commands use .venv: make test-docs makes it")
    # Not pytest's own folder: its runs close that to the account that PostgreSQL gets under root.
    folder = Path(tempfile.mkdtemp(prefix="grue-docs-"))
    folder.chmod(0o755)
    yield Copy(folder / "grue")
    shutil.rmtree(folder, ignore_errors=True)


def test_what_pages_say_to_type_runs(copy):
    copy.all_of("before")
    prompts = [{"id": str(number), "prompt": "You stand in a kitchen."} for number in range(2)]
    (copy.folder / "prompts.jsonl").write_text("".join(json.dumps(each) + "\n" for each in prompts))
    with (copy.folder / "play.log").open("w") as log:
        play = subprocess.Popen(
            ["make", "play"], cwd=copy.folder, env=copy.environ, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            until(lambda: copy.answers() or play.poll() is not None, 300)
            assert play.poll() is None, (copy.folder / "play.log").read_text()[-3000:]
            sign_up(copy, "reader")
            copy.all_of("house")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(play.pid, signal.SIGINT)
            play.wait(60)
    until(lambda: not copy.processes(), 60)  # a restore refuses while anything is connected
    copy.all_of("after")
    assert not copy.failed, "\n\n".join(copy.failed)


def sign_up(copy, name):
    """A player for commands that want one."""
    script = f"from game.models import Player; Player.objects.create_user({name!r})"
    subprocess.run(
        ["manage.py", "shell", "-c", script], cwd=copy.folder, env=copy.environ, check=True
    )
