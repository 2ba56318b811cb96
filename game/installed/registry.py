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
    """The installed narrators that can tell, oldest first."""

    narrators: tuple[Narrator, ...]
    defaults: tuple[str, ...]  # whom the operator made the default


class ReadyCache:
    """What the database said of them last, in this process.

    They are asked for several times for each page, probe and turn. While the database is away the
    last answer counts, however old: a narrator must not seem gone because of that.
    """

    def __init__(self) -> None:
        # time.monotonic() before the database was asked, and its answer. One value, since several
        # threads ask. None: it has never answered here.
        self.last: tuple[float, Ready | None] = (-math.inf, None)
        self.expired = -math.inf  # time.monotonic(); what was read before does not count

    def get(self) -> Ready | None:
        now = time.monotonic()
        read, ready = self.last
        if read <= self.expired or now - read > CACHE_SECONDS:
            try:
                ready = read_ready()
            except (OperationalError, InterfaceError) as problem:
                logger.warning("which narrators are installed is not known: %s", where(problem))
            self.last = now, ready
        return ready

    def expire(self) -> None:
        """What was read before now counts no more, but while the database is away."""
        self.expired = time.monotonic()


ready_cache = ReadyCache()
unreadable: set[tuple[str, int]] = set()  # names and attempts of rows that were logged


def read_ready() -> Ready:
    rows = list(InstalledNarrator.objects.filter(state=State.READY))
    found = [(row, narrator_of(row)) for row in rows]
    return Ready(
        narrators=tuple(narrator for _, narrator in found if narrator is not None),
        defaults=tuple(row.name for row, narrator in found if narrator and row.is_default),
    )


def is_known() -> bool:
    """Whether the database has ever said in this process which narrators are installed."""
    return ready_cache.get() is not None


def narrator_of(row: InstalledNarrator) -> Narrator | None:
    """The row's entry; None, and once a line in the log, where this version cannot read it."""
    try:
        return Narrator.model_validate(row.entry)
    except ValidationError as problem:
        if (row.name, row.attempt) not in unreadable:
            unreadable.add((row.name, row.attempt))
            logger.error("narrator %s cannot be read: %s", row.name, complaint(problem))
        return None


def merged(listed: Narrators) -> Narrators:
    """The narrators of the file with those that are installed after them.

    A name that the file has is the file's. Where the database has never answered in this process
    they are those of the file alone: probes and metrics ask, too, and say themselves what is away.
    Whoever would take a narrator for gone asks `is_known` as well.
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
    try:
        return load_narrators(settings.INFERENCE.narrators_file).names
    except NarratorsError:  # logged, and shown to the operator
        return ()


def complaint(problem: ValidationError) -> str:
    """The first thing that is wrong with an entry, in one line."""
    first = problem.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{place}: {what}" if place else what
