"""Files that a host edits while Grue runs: what they said last, while what they say is wrong."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Kept(Generic[T]):
    """What a file said last. `state` tells one version of it from the next."""

    state: tuple[int, int, int] | str
    good: T | None = None
    problem: Exception | None = None  # with the file as it is now


class ConfigFile(Generic[T]):
    """Reads files again when they change; one that is wrong changes nothing, and is logged once."""

    def __init__(self, parse: Callable[[str, str], T], wrong: type[Exception], called: str) -> None:
        """`parse` takes a file's text and what to call it in errors, which are of type `wrong`.

        `called` is what the file is about, in log lines.
        """
        self.parse, self.wrong, self.called = parse, wrong, called
        self.kept: dict[Path, Kept[T]] = {}
        self.lock = threading.Lock()

    def read(self, file: Path) -> T:
        """What the file says, or said when it was last right. Raises `wrong` where it never was."""
        kept = self.look(file)
        if kept.good is None:
            raise self.wrong(*kept.problem.args) if kept.problem else self.wrong(str(file))
        return kept.good

    def problem(self, file: Path) -> str:
        """What is wrong with the file as it is now, with its line; "" where it is right."""
        return str(self.look(file).problem or "")

    def look(self, file: Path) -> Kept[T]:
        """The last valid content of `file` and its present error, read again after a change."""
        try:
            found = file.stat()
            state: tuple[int, int, int] | str = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError as error:
            state = str(error.strerror)
        kept = self.kept.get(file)
        if kept is not None and kept.state == state:
            return kept
        with self.lock:
            before = self.kept.get(file)
            if before is not None and before.state == state:
                return before
            kept = self.kept[file] = self.read_anew(file, state, before)
        return kept

    def read_anew(
        self, file: Path, state: tuple[int, int, int] | str, before: Kept[T] | None
    ) -> Kept[T]:
        """Read and parse the file, or keep the last valid content and the error."""
        try:
            if isinstance(state, str):
                raise self.wrong(f"{file} cannot be read: {state}")
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise self.wrong(f"{file} cannot be read: {error}") from error
            found = Kept(state, self.parse(text, str(file)))
        except self.wrong as problem:
            good = before.good if before else None
            # Said once for each way of being wrong, also by an editor that saves again and again.
            if before is None or str(before.problem or "") != str(problem):
                if good is None:
                    logger.error("%s cannot be used: %s", self.called, problem)
                else:
                    logger.error("%s stay as they were: %s", self.called, problem)
            return Kept(state, good, problem)
        if before is not None and before.problem is not None:
            logger.warning("%s are right again: %s is used", self.called, file)
        return found
