"""Narrators that the operator installs from the page: adding, removing, and telling workers.

Postgres holds which there are. Workers have no way to it: what they should know is published to
Redis after each change and by every sweep (inference.queue.installs), and how a job ended comes
back as a task. A row's `attempt` rises with everything that is to be done anew, so what an older
job says of it is not heard.
"""

import logging
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

import redis
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from pydantic import ValidationError

from game.database import after_commit
from game.models import InstalledNarrator, Player
from game.moderation import audit
from inference.contract.sampling import SamplingParams
from inference.engines.servers import Server
from inference.installing.catalogue import Entry, catalogue
from inference.installing.jobs import Added, DesiredState, FoundFile, Job, JobResult, Progress
from inference.installing.sealing import seal, variable_of
from inference.log_context import where
from inference.models.sources import SCHEMES, hub_file
from inference.narrators import Narrator, Narrators, NarratorsError, load_narrators
from inference.queue.installs import Installs

logger = logging.getLogger(__name__)

State = InstalledNarrator.State
CACHE_SECONDS = 1.0  # for so long it counts what the database said; other processes change it, too
MOST = 30  # narrators that can be installed
LONGEST_NAME = 40
SAMPLING = SamplingParams(
    max_tokens=120, temperature=0.7, top_p=0.95, min_p=0.05, repetition_penalty=1.05
)
CONTEXT, SLOTS = 8192, 2  # of a narrator that nobody described; the context is its model's, if less
SERVER_SLOTS = 4


class CannotInstall(Exception):
    """Why not, in words for the operator."""


@cache
def installs() -> Installs:
    """This process' client."""
    return Installs(settings.INFERENCE.redis_url)


# What there is


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


def desired_state() -> DesiredState:
    """What workers should know."""
    narrators, jobs, kept, unread = [], [], [], set()
    listed = names_of_file()
    for row in InstalledNarrator.objects.all():
        narrator = narrator_of(row)
        if narrator is None:
            unread.add(row.name)
        if narrator is None or row.name in listed:
            continue
        if row.state == State.READY:
            narrators.append(Added(narrator=narrator, sealed=row.sealed_key, memory=row.memory))
        elif row.state in (State.INSTALLING, State.REMOVING):
            jobs.append(
                Job(
                    name=row.name,
                    attempt=row.attempt,
                    do="install" if row.state == State.INSTALLING else "remove",
                    narrator=narrator,
                    sealed=row.sealed_key,
                    adapt=row.adapt,
                )
            )
        elif row.state in (State.FAILED, State.TESTED):
            kept.append(narrator)
    return DesiredState(
        narrators=tuple(narrators), jobs=tuple(jobs), kept=tuple(kept), unread=frozenset(unread)
    )


def names_of_file() -> tuple[str, ...]:
    try:
        return load_narrators(settings.INFERENCE.narrators_file).names
    except NarratorsError:  # logged, and shown to the operator
        return ()


def publish() -> None:
    """Let workers know; the sweep calls this too, since Redis may have been emptied.

    Raises redis.RedisError.
    """
    installs().publish(desired_state())


def publish_on_commit() -> None:
    """Let this process and all workers know of a change, once it is committed."""

    def tell() -> None:
        ready_cache.expire()
        try:
            publish()
        except redis.RedisError as problem:  # the sweep says it again
            logger.warning("workers are not told what is installed: %s", problem)

    ready_cache.expire()  # what follows in the same transaction sees it, too
    after_commit(tell)


def progress_of(rows: Iterable[InstalledNarrator]) -> dict[str, Progress]:
    """How far the jobs under way are. Raises redis.RedisError."""
    under_way = {
        row.name: row.attempt for row in rows if row.state in (State.INSTALLING, State.REMOVING)
    }
    said = installs().progress(list(under_way))
    return {name: each for name, each in said.items() if each.attempt == under_way[name]}


# What the operator does


def install_entry(by: Player, name: str) -> InstalledNarrator:
    """Install one of the catalogue. Raises CannotInstall."""
    entry: Entry | None = catalogue().get(name)
    if entry is None:
        raise CannotInstall(_("There is no such narrator in the catalogue."))
    return add(by, entry.narrator, licence=entry.licence)


def install_source(by: Player, source: str, name: str = "") -> InstalledNarrator:
    """Install a model of the hub by its address. Raises CannotInstall."""
    source = source.strip()
    form, example = SCHEMES["hf"]
    if not source.startswith("hf:"):
        source = f"hf:{source}"
    if len(source) > 300 or not form.fullmatch(source):
        raise CannotInstall(_("Write the model as %(example)s.") % {"example": example})
    is_file = hub_file(source) is not None
    if source.lower().endswith(".gguf") and not is_file:
        raise CannotInstall(_("Write the model as %(example)s.") % {"example": example})
    called = PurePosixPath(source.partition("@")[0] if not is_file else source).name
    narrator = described(name or called, called, source, "llama" if is_file else "openvino")
    return add(by, narrator, adapt=True)


def install_file(by: Player, file: FoundFile, name: str = "") -> InstalledNarrator:
    """Install a GGUF that lies in the models folder. Raises CannotInstall."""
    if file.problem:
        raise CannotInstall(file.problem)
    narrator = described(name or file.file, file.file, file.file, "llama")
    return add(by, narrator, adapt=True)


def described(name: str, called: str, model: str, engine: str) -> Narrator:
    """A narrator of which nothing is known but where its model is. Raises CannotInstall."""
    stem = re.sub(r"\.gguf$", "", called, flags=re.IGNORECASE)
    stem = re.sub(r"[.\-_](?:I?Q\d\w*|B?F16|F32)$", "", stem, flags=re.IGNORECASE)
    try:
        return Narrator.model_validate(
            {
                "name": slug_of(re.sub(r"\.gguf$", "", name, flags=re.IGNORECASE)),
                "title": stem.replace("_", " ").replace("-", " ")[:40].strip(),
                "line": _("Installed by the host."),
                "engine": engine,
                "model": model,
                "format": "chat",
                "context": CONTEXT,
                "slots": SLOTS,
                "sampling": SAMPLING,
            }
        )
    except ValidationError as problem:
        raise CannotInstall(complaint(problem)) from None


def slug_of(name: str) -> str:
    """A narrator's name made of what somebody wrote: lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_NAME].strip("-")


def complaint(problem: ValidationError) -> str:
    """The first thing that is wrong with an entry, in one line."""
    first = problem.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{place}: {what}" if place else what


def connect(
    by: Player, *, name: str, title: str, address: str, model: str, key: str, chat: bool
) -> InstalledNarrator:
    """Have a worker try a server, which players are offered once it is saved.

    Raises CannotInstall.
    """
    slug = slug_of(name)
    try:
        narrator = Narrator(
            name=slug,
            title=title,
            line=_("Runs on a server of the host’s choice."),
            engine="openai",
            model=address,
            format="chat" if chat else "transcript",
            context=CONTEXT,
            slots=SERVER_SLOTS,
            sampling=SAMPLING,
            server=Server(model=model, key=variable_of(slug) if key else ""),
        )
    except ValidationError as problem:
        raise CannotInstall(complaint(problem)) from None
    return add(by, narrator, key=key, again=True)


def add(
    by: Player,
    narrator: Narrator,
    *,
    licence: str = "",
    adapt: bool = False,
    key: str = "",
    again: bool = False,
) -> InstalledNarrator:
    """A row, and with it a job for a worker. Raises CannotInstall where the name is taken.

    `again`: one of this name that is not offered to players is replaced.
    """
    if narrator.name in names_of_file():
        raise CannotInstall(
            _("The narrators file has a narrator “%(name)s” already: choose another name.")
            % {"name": narrator.name}
        )
    sealed = seal(key, settings.SECRET_KEY) if key else ""
    try:
        with transaction.atomic():
            if InstalledNarrator.objects.count() >= MOST:
                raise CannotInstall(_("There are too many narrators: remove one first."))
            before = 0
            if again:
                old = InstalledNarrator.objects.select_for_update().filter(
                    name=narrator.name, state__in=(State.FAILED, State.TESTED)
                )
                before = max(old.values_list("attempt", flat=True), default=0)
                old.delete()
            row = InstalledNarrator.objects.create(
                name=narrator.name,
                entry=narrator.model_dump(mode="json"),
                adapt=adapt,
                licence=licence,
                sealed_key=sealed,
                attempt=before + 1,
                by=by,
            )
            audit.record(
                "narrator_install", by, subject=row.name, details={"model": narrator.model}
            )
    except IntegrityError:
        raise CannotInstall(
            _("There is a narrator “%(name)s” already: choose another name, or remove it first.")
            % {"name": narrator.name}
        ) from None
    publish_on_commit()
    return row


def retry(by: Player, name: str) -> None:
    """Do once more what failed: install, where what was fetched is kept, or remove.

    Raises CannotInstall.
    """
    if InstalledNarrator.objects.filter(name=name, state=State.NOT_REMOVED).exists():
        remove(by, name)
        return
    change(name, {State.FAILED}, state=State.INSTALLING)
    audit.record("narrator_install", by, subject=name)


def save(by: Player, name: str) -> None:
    """Offer a server that was tested to players. Raises CannotInstall."""
    change(name, {State.TESTED}, state=State.READY)
    audit.record("narrator_save", by, subject=name)


def remove(by: Player, name: str) -> None:
    """Take a narrator away, and free its disk; also one that is being installed.

    One whose entry this version cannot read is forgotten at once: its files are not known.
    Raises CannotInstall.
    """
    row = InstalledNarrator.objects.filter(name=name).first()
    if row is not None and narrator_of(row) is None:
        row.delete()
        audit.record("narrator_remove", by, subject=name)
        publish_on_commit()
        return
    states = {State.INSTALLING, State.TESTED, State.READY, State.FAILED, State.NOT_REMOVED}
    change(name, states, state=State.REMOVING, is_default=False)
    audit.record("narrator_remove", by, subject=name)


def make_default(by: Player, name: str) -> None:
    """Have it tell the adventures that chose nobody; "" for whom the narrators file has.

    Raises CannotInstall.
    """
    with transaction.atomic():
        InstalledNarrator.objects.filter(is_default=True).update(is_default=False)
        if name and not InstalledNarrator.objects.filter(name=name, state=State.READY).update(
            is_default=True
        ):
            raise CannotInstall(_("It is not installed."))
        audit.record("narrator_default", by, subject=name)
    ready_cache.expire()
    after_commit(ready_cache.expire)


def change(name: str, states: set[State], **fields: object) -> None:
    """Change a row that is in one of these states, with a new attempt. Raises CannotInstall."""
    changed = InstalledNarrator.objects.filter(name=name, state__in=states).update(
        attempt=F("attempt") + 1, problem="", **fields
    )
    if not changed:
        raise CannotInstall(_("It has changed meanwhile: look again."))
    publish_on_commit()


# How jobs end


def record(result: JobResult) -> None:
    """Store how a job ended. One of an older attempt is not heard."""
    rows = InstalledNarrator.objects.filter(name=result.name, attempt=result.attempt)
    if result.outcome == "removed":
        rows.filter(state=State.REMOVING).delete()
    elif result.outcome == "failed":
        rows.filter(state=State.INSTALLING).update(state=State.FAILED, problem=result.problem)
        rows.filter(state=State.REMOVING).update(state=State.NOT_REMOVED, problem=result.problem)
    elif result.outcome == "pinned" and result.narrator is not None:
        rows.filter(state=State.INSTALLING).update(entry=result.narrator.model_dump(mode="json"))
    elif result.narrator is not None:
        serves = result.narrator.engine == "openai"
        rows.filter(state=State.INSTALLING).update(
            state=State.TESTED if serves else State.READY,
            entry=result.narrator.model_dump(mode="json"),
            adapt=False,
            what=result.what,
            speed=result.speed,
            memory=result.memory,
            problem="",
        )
    publish_on_commit()
