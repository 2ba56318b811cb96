"""What this machine has for a model: free memory, the processor's instructions, room on the disk.

In a container the limit of its control group counts, whatever the machine has.
"""

import platform
import shutil
import sys
from pathlib import Path

from inference.models.processor import (
    INSTALL_OPENMP,
    LLAMA_NEEDS,
    LLAMA_RUNS_ON,
    lacks,
    lacks_openmp,
)
from inference.narrators import Narrator

MB = 1_000_000
CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# Memory that a control group counts and the kernel takes back when somebody needs it.
RECLAIMABLE = ("inactive_file", "active_file", "total_inactive_file", "total_active_file")


def lack_of(narrator: Narrator, memory_limit_mb: int = 0) -> str:
    """What this machine lacks to tell with `narrator`, as the end of a sentence; "" for nothing.

    `memory_limit_mb` is what the host lets models hold, in MiB; 0 is all there is.
    """
    if problem := lack_of_instructions(narrator) or lack_of_libraries(narrator):
        return problem
    if narrator.memory_mb:
        limit = memory_limit_mb * 1024 * 1024 // MB
        if limit and limit < narrator.memory_mb:
            return (
                f"it wants {narrator.memory_mb} MB of memory, and MODEL_MEMORY_MB allows {limit} MB"
            )
        free = free_memory_mb()
        if free is not None and free < narrator.memory_mb:
            return f"it wants {narrator.memory_mb} MB of free memory, and {free} MB are free"
    return ""


def lack_of_instructions(narrator: Narrator) -> str:
    """What the processor cannot do that the narrator's engine wants; "" for nothing."""
    if narrator.engine != "llama":
        return ""
    if (kind := platform.machine().lower()) not in LLAMA_RUNS_ON:
        return f"its engine wants a processor with AVX2 or an ARM one, and this is {kind}"
    if missing := lacks(LLAMA_NEEDS, PROC / "cpuinfo"):
        names = ", ".join(each.upper() for each in missing)
        return f"its engine wants a processor with AVX2, and this one has no {names}"
    return ""


def lack_of_libraries(narrator: Narrator) -> str:
    """The system's library that the narrator's engine wants and does not find; "" for none."""
    if narrator.engine == "llama" and lacks_openmp():
        return f"its engine wants {INSTALL_OPENMP}"
    return ""


def lack_of_room(narrator: Narrator, models_dir: Path, begun: int = 0) -> str:
    """Why the disk cannot take the narrator's model, of which `begun` bytes are there."""
    there = models_dir.absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if narrator.bytes - begun <= free:
        return ""
    return (
        f"its model is {narrator.bytes / 1e9:.1f} GB, and the disk under {models_dir} has "
        f"{free / 1e9:.1f} GB left: make room, or set MODELS_DIR"
    )


def free_memory_mb() -> int | None:
    """MB that can be had without swapping, within the container's limit; None where unknown."""
    free = free_memory()
    return None if free is None else free // MB


def free_memory() -> int | None:
    """The same in bytes."""
    free_in_groups = [max(0, limit - used) for limit, used in group_memory()]
    found = [each for each in (machine_free(), *free_in_groups) if each is not None]
    return min(found, default=None)


def memory_limit() -> int | None:
    """Bytes that the container may take in all; None where it is not limited."""
    return min((limit for limit, _ in group_memory()), default=None)


def machine_free() -> int | None:
    """Bytes that the machine can give; None where it does not say."""
    if sys.platform != "linux":
        return None
    try:
        for line in (PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def group_memory() -> list[tuple[int, int]]:
    """Of each limited control group of this process: its limit, and what it cannot give back.

    In bytes.
    """
    found = []
    for folder, limit_name, used_name in groups():
        try:
            limit = (folder / limit_name).read_text().strip()
            if limit == "max":
                continue
            used = int((folder / used_name).read_text())
            stat = (folder / "memory.stat").read_text()
            numbers = dict(line.split() for line in stat.splitlines())
            # Version 1 counts those below it in names of their own, which say more.
            total = [f"total_{name}" in numbers for name in RECLAIMABLE[:2]]
            names = RECLAIMABLE[2:] if all(total) else RECLAIMABLE[:2]
            kept = sum(int(numbers.get(name, 0)) for name in names)
            found.append((int(limit), used - kept))
        except (OSError, ValueError):  # no memory controller here, or another kind of file
            continue
    return found


def groups() -> list[tuple[Path, str, str]]:
    """The folders of this process' control groups up to the root, with their files' names."""
    try:
        said = (PROC / "self" / "cgroup").read_text()
    except OSError:
        return []
    found = []
    for line in said.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            base, names = CGROUPS, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            base = CGROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        # In a container the path may be one of the machine outside: then the root is ours.
        below = path.strip("/")
        place = base / below
        while True:
            found.append((place, *names))
            if place == base:
                break
            place = place.parent
    return found
