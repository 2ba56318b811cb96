"""Which narrators are installed, with a short-lived cache in this process."""

import logging
import math
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError
from pydantic import ValidationError

from game.models import InstalledNarrator
from inference.log_context import where
from inference.narrators import Narrator, Narrators, NarratorsError, load_narrators

logger = logging.getLogger(__name__)

State = InstalledNarrator.State
CACHE_SECONDS = 1.0  # how long rows are cached; other processes change them, too


@dataclass(frozen=True)
class Ready:
    """The installed narrators that can be used, oldest first."""

    narrators: tuple[Narrator, ...]
    defaults: tuple[str, ...]  # names of those that the operator made the default


class ReadyCache:
    """The last rows that this process read.

    They are used several times for each page, probe and turn. While the database is down the last
    ones are used however old they are, so that no narrator seems to be removed.
    """

    def __init__(self) -> None:
        # time.monotonic() before the query, and its result; None: no query has succeeded yet. One
        # value, since several threads set it.
        self.last: tuple[float, Ready | None] = (-math.inf, None)
        self.expired = -math.inf  # time.monotonic(); older results are not used

    def get(self) -> Ready | None:
        """The installed narrators; None if they could never be read."""
        now = time.monotonic()
        read, ready = self.last
        if read <= self.expired or now - read > CACHE_SECONDS:
            try:
                ready = read_ready()
            except (OperationalError, InterfaceError) as problem:
                logger.warning("installed narrators are unknown: %s", where(problem))
            self.last = now, ready
        return ready

    def expire(self) -> None:
        """Read them again the next time, unless the database is down."""
        self.expired = time.monotonic()


ready_cache = ReadyCache()
unreadable: set[tuple[str, int]] = set()  # names and attempts of rows that were logged


def read_ready() -> Ready:
    """Read the installed narrators from the database."""
    rows = list(InstalledNarrator.objects.filter(state=State.READY))
    found = [(row, narrator_of(row)) for row in rows]
    return Ready(
        narrators=tuple(narrator for _, narrator in found if narrator is not None),
        defaults=tuple(row.name for row, narrator in found if narrator and row.is_default),
    )


def is_loaded() -> bool:
    """Whether this process has ever read the installed narrators."""
    return ready_cache.get() is not None


def narrator_of(row: InstalledNarrator) -> Narrator | None:
    """A row's entry; None, logged once, if this version cannot read it."""
    try:
        return Narrator.model_validate(row.entry)
    except ValidationError as problem:
        if (row.name, row.attempt) not in unreadable:
            unreadable.add((row.name, row.attempt))
            logger.error("narrator %s cannot be read: %s", row.name, complaint(problem))
        return None


def merged(listed: Narrators) -> Narrators:
    """The narrators of the file, followed by the installed ones with other names.

    If the database has never answered in this process, only those of the file: probes and metrics
    report what is down by themselves. A caller that would treat a narrator as removed checks
    `is_loaded` first.
    """
    ready = ready_cache.get()
    if ready is None or not ready.narrators:
        return listed
    added = [each for each in ready.narrators if each.name not in listed]
    every = [*listed.narrators, *added]
    names = {each.name for each in every}
    chosen = tuple(name for name in ready.defaults if name in names)
    return Narrators(default=chosen or listed.default_names, narrators=every)


def names_of_file() -> tuple[str, ...]:
    """The names in the narrators file; none while it is invalid."""
    try:
        return load_narrators(settings.INFERENCE.narrators_file).names
    except NarratorsError:  # logged and shown to the operator elsewhere
        return ()


def complaint(problem: ValidationError) -> str:
    """The first error of an invalid entry, on one line."""
    first = problem.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{place}: {what}" if place else what
