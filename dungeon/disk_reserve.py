"""Room on the disk that is kept for PostgreSQL and Valkey, for when it is full.

A file takes it up. When the disk is almost full the file is removed, so that both can go on while
`game.disk_space` refuses new writes; when there is room it is made again. Valkey, which may lose
data, writes nothing to the disk meanwhile: it would refuse every write instead.
"""

import os
import shutil
from pathlib import Path

import redis

from game.disk_space import LOW

SIZE = 64 << 20  # bytes; with it gone there is still less free than LOW
SCARCE = 16 << 20  # bytes left, below which the reserve is let go
PLENTY = LOW + SIZE + (32 << 20)  # bytes left, from which on it is made again


class Reserve:
    def __init__(self, data_dir: Path, valkey_url: str = "") -> None:
        """`valkey_url` is our own Valkey's; "" where the host runs one."""
        self.file = data_dir / "reserve"
        self.valkey_url = valkey_url
        self.writes = True  # whether Valkey writes to the disk
        self.was_full = False

    @property
    def free(self) -> int:
        return shutil.disk_usage(self.file.parent).free

    @property
    def problem(self) -> str:
        """Why nothing that died can be started just now; "" where it can."""
        free = self.free
        if free >= SCARCE:
            return ""
        return f"the disk under {self.file.parent} is full ({free >> 20} MiB left)"

    def check(self) -> str:
        """Let the reserve go, or make it again. A line for the host where something changed.

        Raises OSError and redis.RedisError.
        """
        free = self.free
        if free < SCARCE:
            self.file.unlink(missing_ok=True)
            self.have_valkey_write(False)
        elif free >= PLENTY:
            if not self.file.exists():
                self.take()
            self.have_valkey_write(True)
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

    def take(self) -> None:
        with self.file.open("wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            except (OSError, AttributeError):  # macOS has no such call, some disks cannot
                file.truncate(0)
                for _ in range(SIZE >> 20):
                    file.write(os.urandom(1 << 20))  # a disk that compresses must keep it whole

    def have_valkey_write(self, writes: bool) -> None:
        if not self.valkey_url or writes == self.writes:
            return
        with redis.from_url(self.valkey_url, socket_timeout=3, socket_connect_timeout=3) as client:
            client.config_set("appendonly", "yes" if writes else "no")
        self.writes = writes
