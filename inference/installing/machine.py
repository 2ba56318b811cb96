"""What this machine has for models: memory, cores, a card, disk, and how fast its memory reads.

Limits of a container count as the machine's own.
"""

import os
import shutil
import subprocess
import threading
import time
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from inference.models import resources

CGROUP = Path("/sys/fs/cgroup")  # version 2; inside a container it is the container's own
PROBE_BYTES = 64 << 20  # for each core: more than caches hold
PROBE_SECONDS = 0.3
CARD_SECONDS = 5.0  # that the driver's program may take


class Card(BaseModel):
    """A graphics card, as its driver describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    memory: int  # bytes


class Machine(BaseModel):
    """The resources of a machine for models. Sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: int
    memory_free: int  # what could be had without swapping
    cores: int
    disk_free: int  # under MODELS_DIR
    cards: tuple[Card, ...] = ()
    read_speed: float = 0.0  # bytes a second that all cores read from memory; 0: not measured


def look(models_dir: Path, read_speed: float = 0.0) -> Machine:
    """The resources of this machine, and how much of them is free now."""
    total, free = memory()
    return Machine(
        memory=total,
        memory_free=free,
        cores=cores(),
        disk_free=disk_free(models_dir),
        cards=cards(),
        read_speed=read_speed,
    )


def memory() -> tuple[int, int]:
    """Bytes of memory in all, and free; of the container where it is limited."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = resources.memory_limit()
    if limit is not None:
        total = min(total, limit)
    free = resources.free_memory()  # None where this is no Linux
    return total, total if free is None else min(total, free)


def cores() -> int:
    """Cores that this process may use, a container's share rounded up."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = (CGROUP / "cpu.max").read_text().split()
        share = -(-int(quota) // int(period))
    except (OSError, ValueError):  # not limited
        return usable or 1
    return max(1, min(usable or 1, share))


def disk_free(folder: Path) -> int:
    """Bytes free where `folder` is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


@cache
def cards() -> tuple[Card, ...]:
    """NVIDIA cards, as nvidia-smi lists them; none where it is not installed or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(
            command, capture_output=True, text=True, timeout=CARD_SECONDS, check=True
        ).stdout
        found = [line.rsplit(",", 1) for line in output.splitlines() if line.strip()]
        return tuple(Card(name=name.strip(), memory=int(mib) << 20) for name, mib in found)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def measure_read_speed(seconds: float = PROBE_SECONDS) -> float:
    """Bytes a second that all cores together read from memory, the best of several rounds.

    Each token reads all weights once, so this limits the speed of a model. Takes about `seconds`,
    and `PROBE_BYTES` of memory for each core.
    """
    import numpy as np  # noqa: PLC0415  the web has none

    count = cores()
    parts = [np.ones(PROBE_BYTES // 4, np.float32) for _ in range(count)]
    best, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        threads = [threading.Thread(target=np.dot, args=(part, part)) for part in parts]
        began = time.perf_counter()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        best = max(best, count * PROBE_BYTES / (time.perf_counter() - began))
    return best
