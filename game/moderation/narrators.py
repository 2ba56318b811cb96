"""Data of the operator's page of narrators."""

from dataclasses import dataclass
from typing import Any

import redis
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from game.installed import publishing, registry
from game.installed.installation import CannotInstall
from game.installed.registry import State
from game.models import Adventure, InstalledNarrator
from game.moderation import operation
from game.moderation.statistics import speeds
from game.play import narration
from game.play.events import queue_client
from inference.installing.catalogue import Entry, catalogue
from inference.installing.estimates import WORDS_PER_TOKEN, Estimate, estimate, gb
from inference.installing.jobs import FoundFile, MachineReport, Progress
from inference.narrators import NarratorsError

STEPS = {
    "looking": gettext_lazy("Checking"),
    "fetching": gettext_lazy("Downloading"),
    "making": gettext_lazy("Converting"),
    "trying": gettext_lazy("Loading and testing"),
}


@dataclass(frozen=True)
class Row:
    """An installed narrator with its progress."""

    installed: InstalledNarrator
    title: str
    model: str
    server: bool
    progress: Progress | None
    waits: bool  # no worker has begun its job

    @property
    def state(self) -> str:
        """The value of its state, for templates."""
        return str(self.installed.state)

    @property
    def percent(self) -> int | None:
        """Progress of the current step, 0 to 100; None if unknown."""
        if self.progress is None or not self.progress.total:
            return None
        return min(100, self.progress.done * 100 // self.progress.total)

    @property
    def step(self) -> str:
        """The current step in words; "" if there is none."""
        if self.state == State.REMOVING:
            return _("Removing")
        if self.state != State.INSTALLING:
            return ""
        if self.waits or self.progress is None:
            return _("Waiting for a worker")
        step = str(STEPS[self.progress.step])
        if self.server and self.progress.step == "looking":
            step = _("Connecting")
        if not self.progress.total:
            return step
        done, total = self.progress.done, self.progress.total
        return f"{step}: {gb(done)} / {gb(total)}"

    @property
    def words_per_second(self) -> float:
        """Its speed while installing, estimated from tokens per second."""
        return self.installed.speed * WORDS_PER_TOKEN

    @property
    def memory(self) -> str:
        """Its memory as text; "" if unknown."""
        return gb(self.installed.memory) if self.installed.memory else ""

    def as_json(self) -> dict[str, Any]:
        """What the page's script polls."""
        return {
            "name": self.installed.name,
            "state": self.state,
            "step": self.step,
            "percent": self.percent,
        }


def installed_rows() -> list[Row]:
    """The narrators that were installed from the page, with the progress of their jobs."""
    every = list(InstalledNarrator.objects.all())
    try:
        progress = publishing.progress_of(every)
    except redis.RedisError:
        progress = {}
    return [
        Row(
            installed=row,
            title=row.entry.get("title") or row.name,
            model=row.entry.get("model", ""),
            server=row.entry.get("engine") == "openai",
            progress=progress.get(row.name),
            waits=row.name not in progress,
        )
        for row in every
    ]


@dataclass(frozen=True)
class OfferedNarrator:
    """A narrator that players are offered, of the file or installed."""

    name: str
    title: str
    line: str
    default: bool
    on: bool
    state: str
    memory: str
    words_per_second: float | None  # of turns within the last hour, or while installing
    adventures: int  # that chose it
    row: Row | None  # None for narrators of the file


def offered_narrators(
    found: list[Row], machines: dict[str, MachineReport]
) -> list[OfferedNarrator]:
    """All narrators of the file and the installed ones. Raises NarratorsError."""
    every, off = narration.narrators(), operation.state().narrators_off
    recent = speeds()
    chosen = dict(
        Adventure.objects.exclude(narrator="")
        .values_list("narrator")
        .annotate(times=Count("pk"))
        .values_list("narrator", "times")
    )
    by_name = {row.installed.name: row for row in found if row.state == State.READY}
    loaded: dict[str, int] = {}  # bytes by narrator
    for report in machines.values():
        loaded.update(report.loaded)
    offered = []
    for each in every.narrators:
        row = by_name.get(each.name)
        speed = recent.get(each.name, (0, None))[1] or (row.installed.speed if row else 0)
        memory = loaded.get(each.name) or (row.installed.memory if row else 0)
        offered.append(
            OfferedNarrator(
                name=each.name,
                title=each.shown_name,
                line=each.line,
                default=each == every.default,
                on=each.name not in off,
                state=state_of(each.name),
                memory=gb(memory) if memory > 50_000_000 else "",
                words_per_second=speed * WORDS_PER_TOKEN if speed else None,
                adventures=chosen.get(each.name, 0),
                row=row,
            )
        )
    return offered


def state_of(name: str) -> str:
    """Whether a narrator is loaded, in words."""
    try:
        stats = queue_client().narrator_stats(name)
    except redis.RedisError:
        return _("unknown: Redis does not answer")
    if stats.loaded:
        return _("loaded")
    if stats.workers:
        return _("loads with the next turn")
    return _("no worker")


@dataclass(frozen=True)
class Offer:
    """An entry of the catalogue, with an estimate of what it needs."""

    entry: Entry
    needs: Estimate | None  # None: no worker has reported its machine yet
    there: bool  # installed, or in the narrators file

    @property
    def size(self) -> str:
        """Size of the download as text."""
        return gb(self.entry.size)

    @property
    def memory(self) -> str:
        """Estimated memory as text; "" if unknown."""
        return gb(self.needs.memory) if self.needs else ""


def page_context() -> dict[str, Any]:
    """The context of the page's template."""
    found = installed_rows()
    registry.ready_cache.expire()  # another process may have just changed it
    try:
        machines = publishing.installs().machines()
    except redis.RedisError:
        machines = {}
    try:
        offered, problem = offered_narrators(found, machines), narration.problem()
    except NarratorsError as wrong:
        offered, problem = [], str(wrong)
    report = next(iter(machines.values()), None)
    names = {each.name for each in offered} | {row.installed.name for row in found}
    listed = registry.names_of_file()
    return {
        "offered": offered,
        "under_way": [row for row in found if row.state != State.READY],
        "shadowed": [row for row in found if row.installed.name in listed],
        "narrators_problem": problem,
        "offers": [
            Offer(
                each,
                estimate(each, report.machine) if report else None,
                each.narrator.name in names,
            )
            for each in catalogue().entries
        ],
        "machine": report.machine if report else None,
        "machine_memory": gb(report.machine.memory) if report else "",
        "machine_free": gb(report.machine.memory_free) if report else "",
        "machine_disk": gb(report.machine.disk_free) if report else "",
        "cards": [f"{card.name} ({gb(card.memory)})" for card in report.machine.cards]
        if report
        else [],
        "files": [(file, gb(file.size)) for file in (report.files if report else ())],
    }


def found_file(name: str) -> FoundFile:
    """A file that a worker found in the models folder. Raises CannotInstall."""
    try:
        machines = publishing.installs().machines()
    except redis.RedisError:
        machines = {}
    for report in machines.values():
        for file in report.files:
            if file.file == name:
                return file
    raise CannotInstall(_("There is no such file in the models folder any more."))


def server_fields(row: InstalledNarrator) -> dict[str, Any]:
    """The form's data of a server that was connected before, without its key."""
    entry = row.entry
    return {
        "title": entry.get("title") or row.name,
        "address": entry.get("model", ""),
        "model": entry.get("server", {}).get("model", ""),
        "kind": entry.get("format", "chat"),
    }
