"""What this machine's processor can do, as far as libraries ask for it."""

import platform
from pathlib import Path

# What the wheel of llama.cpp was compiled for on x86-64: without these its first step ends the
# process (SIGILL). Other processors have builds of their own.
LLAMA_NEEDS = ("avx2", "fma", "f16c", "bmi2")
X86 = ("x86_64", "amd64")
LLAMA_RUNS_ON = (*X86, "aarch64", "arm64")  # what the wheel is built for


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
