"""Disk space that is reserved for PostgreSQL and Valkey, for when the disk is full.

A file occupies it. When the disk is almost full the file is removed, so that both servers can go on
while `game.disk_space` refuses new writes; when there is space again, the file is created again.
Meanwhile Valkey, which may lose data, does not write to the disk: otherwise it would refuse every
write.
"""

import os
import shutil
from pathlib import Path

import redis

from game.disk_space import LOW

SIZE = 64 << 20  # bytes; with it gone there is still less free than LOW
SCARCE = 16 << 20  # free bytes below which the reserve is released
PLENTY = LOW + SIZE + (32 << 20)  # free bytes from which on it is created again


class Reserve:
    """The reserve file in DATA_DIR, and whether Valkey persists its data."""

    def __init__(self, data_dir: Path, valkey_url: str = "") -> None:
        """`valkey_url` is the bundled Valkey's; "" where the host runs a Redis."""
        self.file = data_dir / "reserve"
        self.valkey_url = valkey_url
        self.writes = True  # whether Valkey writes to the disk
        self.was_full = False

    @property
    def free(self) -> int:
        """Free bytes of the disk that DATA_DIR is on."""
        return shutil.disk_usage(self.file.parent).free

    @property
    def problem(self) -> str:
        """Why no program can be restarted now, for people; "" where it can."""
        free = self.free
        if free >= SCARCE:
            return ""
        return f"the disk under {self.file.parent} is full ({free >> 20} MiB left)"

    def check(self) -> str:
        """Release the reserve or create it again, by the free space.

        Returns a line for the host after a change, else "". Raises OSError, redis.RedisError.
        """
        free = self.free
        if free < SCARCE:
            self.file.unlink(missing_ok=True)
            self.set_valkey_persistence(False)
        elif free >= PLENTY:
            if not self.file.exists():
                self.allocate()
            self.set_valkey_persistence(True)
        full = free < SCARCE or (self.was_full and free < LOW)
        if full == self.was_full:
            return ""
        self.was_full = full
        if full:
            return (
                f"the disk under {self.file.parent} is full: stories can be read, new actions are "
                "refused; make room and they are taken again"
            )
        return f"there is room again under {self.file.parent} ({free >> 20} MiB)"

    def allocate(self) -> None:
        """Create the file with SIZE bytes of real disk space. Raises OSError."""
        with self.file.open("wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            except (OSError, AttributeError):  # macOS has no such call, some disks cannot
                file.truncate(0)
                for _ in range(SIZE >> 20):
                    file.write(
                        os.urandom(1 << 20)
                    )  # a file system that compresses must not shrink it

    def set_valkey_persistence(self, writes: bool) -> None:
        """Turn the bundled Valkey's append-only file on or off. Raises redis.RedisError."""
        if not self.valkey_url or writes == self.writes:
            return
        with redis.from_url(self.valkey_url, socket_timeout=3, socket_connect_timeout=3) as client:
            client.config_set("appendonly", "yes" if writes else "no")
        self.writes = writes
