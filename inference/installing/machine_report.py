"""The report of a worker's machine for the operator's page: memory, disk, speed, files found."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from inference.config import InferenceConfig
from inference.installing import machine
from inference.installing.install_process import PROJECT
from inference.installing.jobs import FoundFile, MachineReport
from inference.models.gguf import read_header
from inference.models.removal import unused_ggufs
from inference.narrators import Narrator, NarratorsError, load_narrators

logger = logging.getLogger(__name__)

REPORT_EVERY = 10.0  # seconds
# How often the speed of memory is measured. The best is taken: other processes may have been busy.
MEASURES = 4
MEASURE_EVERY = 60.0  # seconds


class MachineReporter:
    """Makes the reports of one worker."""

    def __init__(self, config: InferenceConfig) -> None:
        self.config = config
        self.reported = 0.0  # time.monotonic()
        self.read_speed = 0.0  # bytes a second
        self.measures = 0
        self.measured = 0.0  # time.monotonic()
        self.files: dict[Path, tuple[tuple[int, int], FoundFile]] = {}

    @property
    def due(self) -> bool:
        """Whether REPORT_EVERY is over since the last report."""
        return time.monotonic() - self.reported >= REPORT_EVERY

    def report(self, installed: Iterable[Narrator], loaded: dict[str, int]) -> MachineReport:
        """Look at the machine. `loaded` are narrators with the bytes that they hold.

        Files of `installed` narrators, and of those of the narrators file, are not among those
        found.
        """
        self.measure()
        self.reported = time.monotonic()
        listed = [*installed]
        with suppress(NarratorsError):
            listed += load_narrators(self.config.narrators_file).narrators
        files = tuple(self.describe(path) for path in unused_ggufs(listed, self.config.models_dir))
        return MachineReport(
            machine=machine.look(self.config.models_dir, self.read_speed),
            files=files,
            loaded=loaded,
        )

    def measure(self) -> None:
        """Measure how fast memory is read, unless that was measured MEASURES times."""
        due = time.monotonic() - self.measured >= MEASURE_EVERY
        if self.measures < MEASURES and (due or not self.measures):
            self.read_speed = max(self.read_speed, measured_read_speed())
            self.measures += 1
            self.measured = time.monotonic()

    def describe(self, path: Path) -> FoundFile:
        """A file that was put into MODELS_DIR. It is read again only where it changed."""
        stat = path.stat()
        seen = (stat.st_size, stat.st_mtime_ns)
        if path not in self.files or self.files[path][0] != seen:
            self.files[path] = (seen, found_file(path))
        return self.files[path][1]


def measured_read_speed() -> float:
    """Bytes a second that memory is read with; 0 where it cannot be measured.

    It is measured in a process of its own, which gives back its memory.
    """
    program = (
        "from inference.installing.machine import measure_read_speed; print(measure_read_speed())"
    )
    try:
        output = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "OPENBLAS_NUM_THREADS": "1"},
        ).stdout
        return float(output)
    except (OSError, subprocess.SubprocessError, ValueError) as problem:
        logger.warning("how fast memory is read is not known: %s", type(problem).__name__)
        return 0.0


def found_file(path: Path) -> FoundFile:
    """A GGUF that was put into MODELS_DIR, as its header describes it."""
    size = path.stat().st_size
    try:
        header = read_header(path)
    except (ValueError, OSError) as problem:
        return FoundFile(file=path.name, size=size, problem=str(problem)[:200])
    return FoundFile(
        file=path.name,
        size=size,
        family=header.family[:40],
        parameters=header.parameters,
        context=header.context,
        chat=header.chat,
    )
