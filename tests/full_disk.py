"""A disk that fills while something is written, for tests of what is fetched."""

import errno
import io
from pathlib import Path


class Filling(io.FileIO):
    """A file of which so many bytes fit on the disk."""

    def __init__(self, path, mode, room):
        super().__init__(path, mode)
        self.room = room

    def write(self, data):
        data = bytes(data)
        if not data:
            return 0
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(data[: self.room])
        self.room -= taken
        return taken


def fill_disk(monkeypatch, name, room):
    """Let a file called `name` grow by `room` bytes each time it is opened, and no further.

    As the system does: what fits is written, and the next write fails.
    """
    real = Path.open

    def open_(path, mode="r", *args, **kwargs):
        if path.name != name or not set(mode) & set("wa+"):
            return real(path, mode, *args, **kwargs)
        return io.BufferedWriter(Filling(path, mode.replace("b", ""), room))

    monkeypatch.setattr(Path, "open", open_)
