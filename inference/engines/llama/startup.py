"""Starts llama.cpp's server within limits of time and memory, and finds out why it failed."""

import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xllamacpp

from inference.models.gguf import read_header

# How long a model may take to load, and the memory for it, beyond what its size explains.
LOAD_SECONDS = 30
MIN_DISK_SPEED = 20e6  # bytes per second
LOAD_MEMORY = 2e9  # bytes: buffers, and the tokenizer
REPACKING_FACTOR = 1.5  # of the file's size, for weights that are laid out again
LESS_MEMORY = "give it a shorter `context`, or fewer `slots`"

STDERR = 2  # the file descriptor that the library writes to
MAX_OUTPUT_BYTES = 100_000  # of the library's messages that are read
MESSAGE_CHARS = 300
# The library's messages are complete after so many seconds without a new one; wait no longer than
# the second number in all.
QUIET_SECONDS, MAX_QUIET_SECONDS = 0.2, 3.0


def start_server(params: Any) -> Any:
    """Start the library's server and load the model. Raises RuntimeError with the cause.

    The library runs the file's chat template while it loads, which may never end or take all memory
    there is, and holds the interpreter's lock meanwhile: so the kernel has to enforce the limits.
    Too much memory is an error like others; too much time ends the process.
    """
    path = Path(params.model.path)
    size = path.stat().st_size
    cache = read_header(path).cache_values * int(params.n_ctx) * 2  # as 16 bits
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size + cache > available:
        raise RuntimeError(
            f"it needs {(size + cache) / 1e9:.1f} GB of memory, and this machine has "
            f"{available / 1e9:.1f} GB: {LESS_MEMORY}"
        )
    seconds = LOAD_SECONDS + size / MIN_DISK_SPEED
    with limits(seconds, size * REPACKING_FACTOR + cache + LOAD_MEMORY):
        try:
            return xllamacpp.Server(params)
        except Exception as error:
            raise RuntimeError(find_failure_cause(params, error)) from error


@contextmanager
def limits(seconds: float, memory: float) -> Iterator[None]:
    """Limit the process to `memory` more bytes, and end it with SIGALRM after `seconds`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    used = data_memory()
    limit = int(used + memory)
    if used and (soft == resource.RLIM_INFINITY or limit < soft):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    before, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, before)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def data_memory() -> int:
    """Bytes of this process that RLIMIT_DATA counts; 0 where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmData:")]
    return int(lines[0][1]) * 1024 if lines else 0


def find_failure_cause(params: Any, error: Exception) -> str:
    """Why a model could not be loaded: loads it again with the library's messages switched on.

    They are off otherwise, since messages printed during play may hold words of stories.
    """
    params.verbosity = 1
    params.hostnames = [str(Path(params.hostnames[0]).with_name("again.sock"))]
    with tempfile.TemporaryFile() as output:
        sys.stderr.flush()
        stderr = os.dup(STDERR)
        os.dup2(output.fileno(), STDERR)
        try:
            with contextlib.suppress(Exception):
                xllamacpp.Server(params)
            wait_until_still(output.fileno())
        finally:
            os.dup2(stderr, STDERR)
            os.close(stderr)
        output.seek(0)
        lines = output.read(MAX_OUTPUT_BYTES).decode(errors="replace").splitlines()
    return cause_in_messages([line for line in lines if line.strip()]) or " ".join(
        str(error).split()
    )


def wait_until_still(file: int) -> None:
    """Wait until a file that the library writes to has not grown for QUIET_SECONDS.

    The library logs on a thread of its own, which may still write after the error was raised.
    """
    end = time.monotonic() + MAX_QUIET_SECONDS
    size, still_since = 0, time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.02)
        if (now := os.fstat(file).st_size) != size:
            size, still_since = now, time.monotonic()
        if time.monotonic() - still_since > (QUIET_SECONDS if size else MAX_QUIET_SECONDS):
            return


def cause_in_messages(lines: list[str]) -> str:
    """The cause of a failed load in the library's messages; "" where they name none."""
    messages = [line.split(" E ", 1)[-1].partition(": ")[2].strip() or line for line in lines]
    if any("chat template" in line for line in lines):
        errors = [line for line in lines if line.startswith("Error: ")]
        errors += [line.partition("error: ")[2] for line in messages if line.startswith("error: ")]
        why = f" ({errors[0].removeprefix('Error: ')[:100]})" if errors else ""
        return f"its chat template is broken{why}: take another file, or `format: transcript`"
    if any("allocate" in line for line in lines):
        return f"there is not enough memory for it: {LESS_MEMORY}"
    for line in messages:
        if line.startswith("error loading model: "):
            return line[:MESSAGE_CHARS]
    return messages[0][:MESSAGE_CHARS] if messages else ""
