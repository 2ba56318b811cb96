"""Estimates what a narrator of the engine `llama` needs of a machine, and its speed there."""

from dataclasses import dataclass

from inference.installing.catalogue import Entry
from inference.installing.machine import Machine

# Measured with Quill's file on two cores of an EPYC with AVX-512: the file is mapped, and over half
# of it is kept once more in the order in which the processor reads it.
WEIGHTS = 1.55
CACHE_VALUE = 2  # bytes
PROCESS = 250e6  # bytes: libraries, tokenizer, buffers
# The share of the memory's read speed that generation reaches: 28 tokens a second of a file of
# 1.12 GB, where `measure_read_speed` finds 54 GB a second.
USED_READ_SPEED = 0.57
WORDS_PER_TOKEN = 0.75  # of English
SPARE_DISK = 500_000_000  # bytes that stay free beside a model: stories are on the same disk
READING = 4.0  # words a second at which most people read


@dataclass(frozen=True)
class Estimate:
    """What one narrator needs here. Sizes in bytes."""

    memory: float
    disk: int
    tokens_per_second: float  # of one story alone; 0 where the machine was not measured
    problem: str = ""  # why it cannot be installed here, in one sentence; "" where it can

    @property
    def words_per_second(self) -> float:
        """English words a second of one story alone; 0 where that is not estimated."""
        return self.tokens_per_second * WORDS_PER_TOKEN

    @property
    def speed(self) -> str:
        """The speed in words, for people."""
        if not self.tokens_per_second:
            return "speed not estimated"
        slow = " (slower than most people read)" if self.words_per_second < READING else ""
        words = f"{self.words_per_second:.0f}"
        return f"about {words} word{'s' if words != '1' else ''} a second{slow}"


def estimate(entry: Entry, machine: Machine) -> Estimate:
    """What an entry of the catalogue needs, and whether this machine has it."""
    narrator = entry.narrator
    cached = entry.cache_values * CACHE_VALUE * narrator.context * narrator.slots
    memory = memory_needed(entry.size, cached)
    speed = USED_READ_SPEED * machine.read_speed / entry.size
    disk = entry.size + SPARE_DISK
    problem = memory_problem(memory, machine) or disk_problem(disk, machine)
    return Estimate(memory, disk, speed, problem)


def memory_needed(size: float, cached: float) -> float:
    """Bytes of memory for a file of `size` bytes, with so many bytes of cache."""
    return size * WEIGHTS + cached + PROCESS


def memory_problem(wanted: float, machine: Machine) -> str:
    """Why a model that needs so many bytes of memory cannot be loaded; "" where it can."""
    if wanted > machine.memory:
        return f"it needs {gb(wanted)} of memory, and this machine has {gb(machine.memory)}"
    if wanted > machine.memory_free:
        return (
            f"it needs {gb(wanted)} of memory, and {gb(machine.memory_free)} of "
            f"{gb(machine.memory)} are free"
        )
    return ""


def disk_problem(wanted: float, machine: Machine) -> str:
    """Why so many bytes cannot be put on the disk of the models; "" where they can."""
    if wanted > machine.disk_free:
        return (
            f"it needs {gb(wanted)} of disk, and the models folder has {gb(machine.disk_free)} left"
        )
    return ""


def gb(size: float) -> str:
    """Bytes for people, in GB or MB."""
    return f"{size / 1e9:.1f} GB" if size >= 0.95e9 else f"{size / 1e6:.0f} MB"
