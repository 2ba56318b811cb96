"""What the operator's page of narrators shows."""

from dataclasses import dataclass
from typing import Any

import redis
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from game import installed_narrators
from game.installed_narrators import CannotInstall, State
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
    """An installed narrator, and how far it is."""

    installed: InstalledNarrator
    title: str
    model: str
    server: bool
    progress: Progress | None
    waits: bool  # no worker has begun with it

    @property
    def state(self) -> str:
        return str(self.installed.state)

    @property
    def percent(self) -> int | None:
        if self.progress is None or not self.progress.total:
            return None
        return min(100, self.progress.done * 100 // self.progress.total)

    @property
    def step(self) -> str:
        """What happens to it now, for people; "" where nothing does."""
        if self.state == State.REMOVING:
            return _("Removing")
        if self.state != State.INSTALLING:
            return ""
        if self.waits or self.progress is None:
            return _("Waiting for a worker")
        said = str(STEPS[self.progress.step])
        if self.server and self.progress.step == "looking":
            said = _("Connecting")
        if not self.progress.total:
            return said
        done, total = self.progress.done, self.progress.total
        return f"{said}: {gb(done)} / {gb(total)}"

    @property
    def words_per_second(self) -> float:
        return self.installed.speed * WORDS_PER_TOKEN

    @property
    def memory(self) -> str:
        return gb(self.installed.memory) if self.installed.memory else ""

    def for_script(self) -> dict[str, Any]:
        return {
            "name": self.installed.name,
            "state": self.state,
            "step": self.step,
            "percent": self.percent,
        }


def rows() -> list[Row]:
    every = list(InstalledNarrator.objects.all())
    try:
        progress = installed_narrators.progress_of(every)
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
    """A narrator that players are offered."""

    name: str
    title: str
    line: str
    default: bool
    on: bool
    state: str
    memory: str
    words_per_second: float | None  # of turns within the last hour, or when it was tried
    adventures: int  # that chose it
    row: Row | None  # where it was installed from the page


def offered_narrators(
    found: list[Row], machines: dict[str, MachineReport]
) -> list[OfferedNarrator]:
    """Everybody of the narrators file, and the installed ones. Raises NarratorsError."""
    every, off = narration.narrators(), operation.state().narrators_off
    lately = speeds()
    chosen = dict(
        Adventure.objects.exclude(narrator="")
        .values_list("narrator")
        .annotate(times=Count("pk"))
        .values_list("narrator", "times")
    )
    by_name = {row.installed.name: row for row in found if row.state == State.READY}
    held: dict[str, int] = {}
    for report in machines.values():
        held.update(report.loaded)
    shown = []
    for each in every.narrators:
        row = by_name.get(each.name)
        speed = lately.get(each.name, (0, None))[1] or (row.installed.speed if row else 0)
        memory = held.get(each.name) or (row.installed.memory if row else 0)
        shown.append(
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
    return shown


def state_of(name: str) -> str:
    """Whether a narrator tells, for people."""
    try:
        pace = queue_client().narrator_stats(name)
    except redis.RedisError:
        return _("unknown: Redis does not answer")
    if pace.loaded:
        return _("loaded")
    if pace.workers:
        return _("loads with the next turn")
    return _("no worker")


@dataclass(frozen=True)
class Offer:
    """An entry of the catalogue, and what it would need."""

    entry: Entry
    needs: Estimate | None  # None: no worker has said what its machine has
    there: bool  # installed, or in the narrators file

    @property
    def size(self) -> str:
        return gb(self.entry.size)

    @property
    def memory(self) -> str:
        return gb(self.needs.memory) if self.needs else ""


def page_context() -> dict[str, Any]:
    """What the operator's page of narrators shows."""
    found = rows()
    installed_narrators.ready_cache.expire()  # another process may have changed it just now
    try:
        machines = installed_narrators.installs().machines()
    except redis.RedisError:
        machines = {}
    try:
        told, problem = offered_narrators(found, machines), narration.problem()
    except NarratorsError as wrong:
        told, problem = [], str(wrong)
    report = next(iter(machines.values()), None)
    names = {each.name for each in told} | {row.installed.name for row in found}
    listed = installed_narrators.names_of_file()
    return {
        "telling": told,
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
    """A file of the models folder, as a worker has found it. Raises CannotInstall."""
    try:
        machines = installed_narrators.installs().machines()
    except redis.RedisError:
        machines = {}
    for report in machines.values():
        for file in report.files:
            if file.file == name:
                return file
    raise CannotInstall(_("There is no such file in the models folder any more."))


def server_of(row: InstalledNarrator) -> dict[str, Any]:
    """What was entered about a server; never its key."""
    entry = row.entry
    return {
        "title": entry.get("title") or row.name,
        "address": entry.get("model", ""),
        "model": entry.get("server", {}).get("model", ""),
        "kind": entry.get("format", "chat"),
    }
