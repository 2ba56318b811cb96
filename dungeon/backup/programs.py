"""PostgreSQL's client programs: where they are found, how they are run, what their errors say."""

import contextlib
import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dungeon import services
from dungeon.backup.errors import BackupError


@dataclass(frozen=True)
class Command:
    """A program's command line and environment, not started yet."""

    argv: list[str]
    environ: Mapping[str, str]

    def start(self, **streams: Any) -> subprocess.Popen[bytes]:
        """Raises BackupError where it cannot be run."""
        try:
            return subprocess.Popen(self.argv, env=self.environ, **streams)
        except OSError as problem:
            raise BackupError(f"{self.argv[0]}: {problem.strerror}") from None


def client_program(name: str, server: int) -> Path:
    """The first program `name` whose major version is at least the server's.

    Raises BackupError where there is none.
    """
    found = [program for folder in client_folders() if (program := folder / name).exists()]
    for program in found:
        if program_version(program) >= server:
            return program
    tried = f" ({', '.join(map(str, found))} is too old)" if found else ""
    raise BackupError(
        f"{name} is missing: install PostgreSQL's client programs, version {server} or newer{tried}"
    )


def client_folders() -> list[Path]:
    """Where PostgreSQL's client programs may be, in the order in which they are tried."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    with_version = Path("/usr/lib/postgresql").glob("*/bin")  # Debian keeps several there
    folders += sorted(with_version, key=lambda folder: folder.parent.name, reverse=True)
    with contextlib.suppress(services.ServiceError):
        folders.append(services.postgres_programs())
    return folders


def program_version(program: Path) -> int:
    """The major version of a PostgreSQL program; 0 where it cannot be run."""
    try:
        output = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return 0
    found = re.search(r"\d+", output)
    return int(found[0]) if found else 0


class StderrTail:
    """Reads a program's stderr on a thread and keeps its last lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        self.pipe = process.stderr
        self.lines: deque[str] = deque(maxlen=20)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        """Read to the end of the pipe; the reader thread's target."""
        for line in self.pipe:
            self.lines.append(line.decode(errors="replace").strip())

    def problem(self, name: str) -> str:
        """The line that says what went wrong: the last with ERROR, else the last of all."""
        self.reader.join(5)
        errors = [line.partition("ERROR:")[2].strip() for line in self.lines if "ERROR:" in line]
        output = [line for line in self.lines if line]
        return (errors or output or [f"{name} failed"])[-1]


def run(command: Command, **streams: Any) -> bytes:
    """Run a program and return its stdout; the last line of its stderr is the error.

    Raises BackupError.
    """
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            command.argv, capture_output=True, env=command.environ, **streams
        )
    except OSError as problem:
        raise BackupError(f"{command.argv[0]}: {problem.strerror}") from None
    if done.returncode:
        stderr = done.stderr.decode(errors="replace").strip().splitlines()
        raise BackupError(stderr[-1] if stderr else f"{command.argv[0]} failed")
    return done.stdout


def feed(chunks: Iterator[bytes], process: subprocess.Popen[bytes]) -> None:
    """Write chunks to a program's stdin, until they or the program end."""
    assert process.stdin is not None
    for chunk in chunks:
        try:
            process.stdin.write(chunk)
        except BrokenPipeError:  # it has read what it needs, or its exit code says why not
            break
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that still runs, before the pipe that it reads is closed."""
    if process.poll() is None:
        process.kill()
        process.wait()
