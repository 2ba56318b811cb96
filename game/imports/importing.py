"""Takes files of players, imports them in the background, and reports how it went.

A file is imported in one transaction, which also ends its row: when a worker dies, nothing is
stored, the row still waits, and the next worker begins again. One file at a time is imported on a
host, so that the other threads of the queue "game" stay free for play.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _

from game.cards.cards import MOST_CARDS
from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports import bundles, choices, keeping, player_settings, previews
from game.imports.documents import FileDocument
from game.imports.formats.grue import FORMAT
from game.imports.notes import Notes
from game.imports.reading import read_file, read_preview
from game.imports.scenario_storing import link_scenario, store_scenario
from game.imports.storing import Stored, add_cards, store_adventure
from game.library import limits as library_limits
from game.library.limits import LimitMet
from game.models import Adventure, Import, ImportedStory, Player, Scenario
from game.moderation import screening
from game.play.changes import change_adventure, publish_fields
from game.play.protocol import Refused
from game.scenarios import MOST_SCENARIO_CARDS, ScenarioError
from inference.log_context import where

logger = logging.getLogger(__name__)

LARGEST = 32 * 1024**2  # bytes of a file
MOST_OPEN = 20  # files of one player that are not imported yet
MOST_OPEN_BYTES = 64 * 1024**2  # of all of them
MOST_ATTEMPTS = 3
KEEP_FILES = timedelta(days=1)
LOCK = 0x6772_7565_696D_7074  # of the import that runs: pg_try_advisory_xact_lock
PROGRESS_SECONDS = 3_600
LONGEST_NAME = 200

Problem = (LimitMet, ScenarioError, Refused, Unreadable)


class ImportProblem(Exception):
    """A file cannot be taken. The message tells the player why."""


# ---- taking a file


@dataclass(frozen=True)
class ReadFile:
    """A file that can be imported, not stored yet."""

    name: str
    content: bytes
    preview: dict[str, Any]
    format: str
    version: str


def open_file(name: str, content: bytes) -> ReadFile:
    """Read a file for its preview. Raises ImportProblem."""
    if len(content) > LARGEST:
        raise ImportProblem(
            _("That file is larger than %(size)s MiB.") % {"size": LARGEST // 1024**2}
        )
    if not content.strip():
        raise ImportProblem(_("That file is empty."))
    try:
        preview, form, version = preview_file(content, name)
    except Unreadable as problem:
        raise ImportProblem(sandbox.message_of(problem)) from None
    name = " ".join(name.replace("\0", "").split())[-LONGEST_NAME:] or _("Pasted text")
    return ReadFile(name, content, preview, form, version)


def take_file(player: Player, file: ReadFile) -> Import:
    """Store a file with its preview. Raises ImportProblem if the player has too many of them."""
    with transaction.atomic():
        library_limits.lock(player)
        refuse_too_many(player, len(file.content))
        return Import.objects.create(
            player=player,
            name=file.name,
            size=len(file.content),
            content=file.content,
            format=file.format,
            version=file.version,
            preview=file.preview,
        )


def preview_file(content: bytes, name: str) -> tuple[dict[str, Any], str, str]:
    """The preview of a file, its format and version. Raises Unreadable."""
    if bundles.is_bundle(content):
        preview, version = bundles.preview_of(content)
        return preview, FORMAT, version
    preview, form, version = read_preview(content, name)
    if not choices.ways(preview):
        raise Unreadable("unknown")
    return preview, form, version[:40]


def refuse_too_many(player: Player, size: int) -> None:
    """Raise ImportProblem if the player has too many files that are not imported yet."""
    open_ones = Import.objects.filter(player=player, content__isnull=False)
    used = open_ones.aggregate(all=Sum("size"))["all"] or 0
    if open_ones.count() >= MOST_OPEN or used + size > MOST_OPEN_BYTES:
        raise ImportProblem(
            _("Too many files wait to be imported. Import or remove some of them first.")
        )


def start(found: Import, way: str, target: str = "", settings: bool = False) -> None:
    """Have a file imported in the way that the player chose. Raises ImportProblem."""
    if way not in choices.ways(found.preview):
        raise ImportProblem(_("Choose how to import this file."))
    if way == choices.CARDS and choices.target_of(found.player, target) is None:
        raise ImportProblem(_("Choose the adventure or scenario that gets the cards."))
    chosen = {
        "way": way,
        "target": target,
        "settings": settings and found.preview.get("settings", False),
        "language": translation.get_language() or "en",
    }
    previewed = Import.objects.filter(pk=found.pk, state=Import.State.PREVIEW)
    previewed.update(state=Import.State.WAITING, choices=chosen)


# ---- importing


def next_waiting() -> UUID | None:
    """The import whose turn it is; None if none waits.

    Players take turns: first who had none done, or the longest ago, so that twenty files of one
    player don't delay everybody.
    """
    ended = Import.objects.filter(player=OuterRef("player"), ended__isnull=False)
    last = Subquery(ended.order_by("-ended").values("ended")[:1])
    waiting = Import.objects.filter(state=Import.State.WAITING).annotate(last=last)
    order = waiting.order_by(F("last").asc(nulls_first=True), "created", "pk")
    return order.values_list("pk", flat=True).first()


def run(pk: UUID) -> bool:
    """Import a file that waits. False if another import runs, or it waits no longer."""
    with transaction.atomic():
        found = lock(pk)
        if found is None:
            return False
        found.attempts += 1
        found.save(update_fields=["attempts"])
    if found.attempts > MOST_ATTEMPTS:
        end(found, problem=_("Importing this file failed several times."))
        return True
    with translation.override(found.choices.get("language")):
        try:
            with transaction.atomic():
                locked = lock(pk)
                if locked is None:
                    return False
                store(locked)
        except Problem as problem:
            if isinstance(problem, screening.Rejected):
                problem.store_hits()
            message = sandbox.message_of(problem) if isinstance(problem, Unreadable) else ""
            end(found, problem=message or str(problem))
        except Exception as problem:
            logger.error("import %s failed: %s", pk, where(problem))
            return False
    return True


def lock(pk: UUID) -> Import | None:
    """The row of an import that waits, locked; None if it cannot be or another one runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
    waiting = Import.objects.select_for_update(skip_locked=True, of=("self",))
    waiting = waiting.select_related("player").filter(state=Import.State.WAITING)
    return waiting.filter(pk=pk).first()


def end(found: Import, problem: str = "", report: dict[str, Any] | None = None) -> None:
    """End an import, with its report or with why it failed. The file is deleted."""
    Import.objects.filter(pk=found.pk, state=Import.State.WAITING).update(
        state=Import.State.FAILED if problem else Import.State.DONE,
        problem=problem,
        report=report or {},
        content=None,
        ended=Now(),
    )


def store(found: Import) -> None:
    """Store everything in a file, and the report. Raises one of `Problem`: nothing is stored then.

    To be called in a transaction.
    """
    notes, stored, settings = Notes(), [], []
    scenarios: dict[str, Scenario] = {}
    for document in documents_of(found):
        notes.merge(document.notes)
        settings.append(document.settings)
        for each in store_document(found, document, notes, scenarios):
            link(found, document, each, notes)
            stored.append(previews.story(kind_of(each), each.title, **each.counts))
            note_progress(found.pk, len(stored))
    # Last: they lock the player's row, which every action of the player needs.
    for chosen in filter(None, settings if found.choices.get("settings") else ()):
        player_settings.apply(found.player, chosen)
    report = {"stories": stored, "notes": [asdict(each) for each in notes.listed()]}
    end(found, report=report)


def documents_of(found: Import) -> Iterator[FileDocument]:
    """The documents of a file, converted as the player chose. Raises Unreadable."""
    assert found.content is not None, "the file of an import that waits is there"
    content = bytes(found.content)
    parts = bundles.parts_of(content) if bundles.is_bundle(content) else iter([content])
    for part in parts:
        document = read_file(part, found.name)
        yield choices.converted(document, found.choices["way"])


def store_document(
    found: Import, document: FileDocument, notes: Notes, scenarios: dict[str, Scenario]
) -> Iterator[Stored]:
    """Store the stories and cards of one document; scenarios first, since adventures name them."""
    leading: list[tuple[Scenario, list[str]]] = []
    for scenario in document.scenarios:
        stored = store_scenario(found.player, scenario, notes)
        if scenario.name and stored.scenario:
            scenarios[scenario.name] = stored.scenario
        yield stored
        if scenario.options and stored.scenario:
            leading.append((stored.scenario, scenario.options))
    for made, names in leading:
        link_scenario(found.player, made, names, scenarios, notes)
    for adventure in document.adventures:
        yield store_adventure(found.player, adventure, notes, scenarios)
    if found.choices["way"] == choices.CARDS:
        yield store_cards(found, document, notes)


def store_cards(found: Import, document: FileDocument, notes: Notes) -> Stored:
    """Add a document's cards to the adventure or scenario that the player chose."""
    target = choices.target_of(found.player, found.choices["target"])
    if target is None:
        raise LimitMet(_("The adventure or scenario that should get the cards is gone."))
    if isinstance(target, Scenario):
        return add_cards(found.player, document.cards, notes, target, MOST_SCENARIO_CARDS)
    with change_adventure(target.pk, found.player) as adventure:
        stored = add_cards(found.player, document.cards, notes, adventure, MOST_CARDS)
        publish_fields(adventure)
        return stored


def link(found: Import, document: FileDocument, stored: Stored, notes: Notes) -> None:
    """Link what was stored with its import, and store what is kept of it."""
    kept = stored.kept
    kept.format, kept.version, kept.file = document.format, document.version, document.kept
    try:
        packed = keeping.pack(kept)
    except keeping.TooMuchKept:
        notes.add("kept_too_much", level="dropped")
        packed = b""
    ImportedStory.objects.create(
        source=found,
        adventure=stored.adventure,
        scenario=stored.scenario,
        added=stored.added,
        kept=packed,
    )


def kind_of(stored: Stored) -> str:
    """What a report calls something that was stored."""
    if stored.added:
        return "cards"
    return "adventure" if stored.adventure else "scenario"


# ---- progress and clean-up


def note_progress(pk: UUID, stories: int) -> None:
    """Remember how many stories of a file are stored, though not committed yet."""
    cache.set(progress_key(pk), stories, PROGRESS_SECONDS)


def progress_of(pk: UUID) -> int | None:
    """How many stories of a file are stored; None if its import has not begun."""
    found = cache.get(progress_key(pk))
    return found if isinstance(found, int) else None


def progress_key(pk: UUID) -> str:
    """The cache's key for the progress of an import."""
    return f"import:{pk}"


def remove(found: Import) -> bool:
    """Remove a file that is not imported, or the failed import of one. False for others."""
    removable = Q(state=Import.State.PREVIEW) | Q(state=Import.State.FAILED)
    return bool(Import.objects.filter(removable, pk=found.pk).delete()[0])


def tidy() -> int:
    """Remove files that were never imported, after KEEP_FILES. How many."""
    old = Import.objects.filter(state=Import.State.PREVIEW, created__lt=Now() - KEEP_FILES)
    return old.delete()[0]


def last_of(story: Adventure | Scenario) -> Import | None:
    """The import that an adventure or scenario is from; None if it was begun or written here."""
    found = story.imported.filter(added=False).select_related("source").first()
    return found.source if found else None
