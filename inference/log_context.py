"""What a log line is about: ids alone, never words of a story.

`about(turn=…)` names the subjects of all lines that are logged inside it, on the same thread or
task. A host's formatter finds them on each record.
"""

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from logging import Filter, LogRecord
from pathlib import Path
from types import MappingProxyType

SUBJECTS = ("request", "adventure", "turn", "attempt", "narrator")

_about: ContextVar[Mapping[str, object]] = ContextVar(
    "grue_log_subjects", default=MappingProxyType({})
)


@contextmanager
def about(**subjects: object) -> Iterator[None]:
    """Lines logged inside are about these, beside what they are about already."""
    unknown = set(subjects) - set(SUBJECTS)
    if unknown:
        raise ValueError(f"no subjects of a log line: {', '.join(sorted(unknown))}")
    token = _about.set({**_about.get(), **subjects})
    try:
        yield
    finally:
        _about.reset(token)


def subjects() -> Mapping[str, object]:
    """What lines logged here are about."""
    return _about.get()


class Subjects(Filter):
    """Puts the subjects on each record; what the line itself gave as `extra` comes first."""

    def filter(self, record: LogRecord) -> bool:
        """Add the subjects that the record does not have. Never drops a record."""
        for name, value in _about.get().items():
            if name not in record.__dict__:
                record.__dict__[name] = value
        return True


def where(problem: BaseException) -> str:
    """What an unexpected exception is and where it came from: "KeyError (turns.py:120, log.py:9)".

    Its own text stays out of the log: it may hold a player's words.
    """
    frames = traceback.extract_tb(problem.__traceback__)[-3:]
    places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(problem).__name__} ({places})" if places else type(problem).__name__
