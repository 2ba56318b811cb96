"""What this machine has of what llama.cpp's wheel takes for granted."""

import ctypes
import os
import platform
import sys
from pathlib import Path

# What the wheel of llama.cpp was compiled for on x86-64: without these its first step ends the
# process (SIGILL). Other processors have builds of their own.
LLAMA_NEEDS = ("avx2", "fma", "f16c", "bmi2")
X86 = ("x86_64", "amd64")
LLAMA_RUNS_ON = (*X86, "aarch64", "arm64")  # what the wheel is built for
OPENMP = "libgomp.so.1"  # on Linux the wheel links to it and does not bring it
INSTALL_OPENMP = (
    f"{OPENMP}, which this machine has not: install it (Debian, Ubuntu: apt install libgomp1; "
    "Fedora: dnf install libgomp)"
)


def lacks(needed: tuple[str, ...], cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Which of some x86 instruction sets this processor has not; () where nobody can say."""
    if platform.machine().lower() not in X86:
        return ()
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return ()
    flags = next((line.split() for line in lines if line.startswith("flags")), None)
    return tuple(each for each in needed if each not in flags) if flags else ()


def lacks_openmp() -> bool:
    """Whether the system's OpenMP library, which llama.cpp's wheel links to, is missing."""
    if sys.platform != "linux":
        return False
    # It reads this when it is loaded. OpenMP's threads wait for each other by spinning unless they
    # are told to sleep; on cores that anything else wants too, spinning is ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        ctypes.CDLL(OPENMP)
    except OSError:
        return True
    return False
