"""Stores adventures of documents. Called in a transaction: all of a file is stored, or nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings as host
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import ValidationError

from game.cards.cards import MOST_CARDS
from game.imports.card_storing import CardBuilder
from game.imports.documents import AdventureDocument, CardDocument
from game.imports.fitting import moment, one_line, shortened
from game.imports.keeping import Kept
from game.imports.notes import Notes
from game.imports.turn_storing import TurnBuilder
from game.library.limits import MOST_ADVENTURES, MOST_COPIED, LimitMet
from game.models import (
    LONGEST_MEMORY,
    LONGEST_NOTE,
    Adventure,
    Audience,
    Membership,
    Player,
    Scenario,
    StoryCard,
)
from game.moderation import limits, screening
from game.play import edits, narration, tree
from game.recall.tasks import request_on_commit
from game.scenarios import MOST_FIRST_ACTIONS
from game.state import worlds
from game.tastes.writer import WriterSettings
from inference.narrators import NarratorsError

MOST_TURNS = MOST_COPIED  # of one adventure: one with more could not be copied
LONGEST_TITLE = 120
LONGEST_FIRST_ACTION = 200
SWITCHES = ("dice", "summarise", "suggestions")


@dataclass
class Stored:
    """What was stored of one story: the row, counts for the report, and what is kept."""

    title: str
    adventure: Adventure | None = None
    scenario: Scenario | None = None
    added: bool = False  # cards were added to it, no more
    counts: dict[str, int] = field(default_factory=dict)
    kept: Kept = field(default_factory=Kept)


def store_adventure(
    player: Player,
    document: AdventureDocument,
    notes: Notes,
    scenarios: dict[str, Scenario],
    identity: UUID | None = None,
) -> Stored:
    """Store an adventure as the player's own.

    `scenarios` are those of the same file by their names; `identity` is the id that it gets, for
    moves between hosts. Raises LimitMet, and Rejected if a text breaks a rule of this host.
    """
    refuse_beyond_limits(player, document)
    now = timezone.now()
    audience = document.audience if document.audience in Audience.values else Audience.TEEN
    adventure = Adventure(
        title=one_line(document.title, LONGEST_TITLE) or _("Imported adventure"),
        memory=shortened(document.memory, LONGEST_MEMORY, notes, "memory"),
        authors_note=shortened(document.authors_note, LONGEST_NOTE, notes, "authors_note"),
        audience=limits.effective_audience(audience, player),
        scenario=scenario_of(player, document.scenario, scenarios),
        first_actions=first_actions(document.extra.get("first_actions")),
        archived=document.extra.get("archived") is True,
        created=moment(document.created, now) or now,
        **settings_of(player, document.settings, notes),
    )
    if identity is not None:
        adventure.pk = identity
    rows = TurnBuilder(adventure, player, document, notes, now).build()
    cards = CardBuilder(notes, MOST_CARDS, adventure=adventure)
    for card in document.cards:
        cards.add(card)
    with transaction.atomic():
        adventure.save(force_insert=True)
        Membership.objects.create(player=player, adventure=adventure)
        own = [adventure.title, adventure.memory, adventure.authors_note]
        own += [each["text"] for each in adventure.first_actions]
        screen_imported([*own, *cards.texts(), *rows.texts()], player, adventure)
        rows.store()
        StoryCard.objects.bulk_create(cards.rows)
        place_head(adventure, document, rows.last[head_of(document)].pk, now)
    counts = {
        "turns": len(rows.turns),
        "cards": len(cards.rows),
        "edits": len(rows.edits),
        "summaries": len(rows.summaries),
        "chapters": len(rows.chapters),
    }
    kept = Kept(
        story={**document.kept, **cut_texts(document, adventure)},
        turns={
            str(row.pk): turn.kept
            for turn, row in zip(document.turns, rows.first, strict=True)
            if turn.kept
        },
        cards=cards.kept,
    )
    return Stored(adventure.title, adventure=adventure, counts=counts, kept=kept)


def refuse_beyond_limits(player: Player, document: AdventureDocument) -> None:
    """Raise LimitMet if the host has no room for an adventure.

    The player's row is not locked: a long import would keep the player from acting.
    """
    if Adventure.objects.with_deleted_of(player).count() >= MOST_ADVENTURES:
        raise LimitMet(
            _("You have %(most)d adventures, the maximum. Delete one first.")
            % {"most": MOST_ADVENTURES}
        )
    if not document.turns:
        raise LimitMet(_("“%(title)s” has no turns.") % {"title": document.title[:120]})
    if len(document.turns) > MOST_TURNS:
        raise LimitMet(
            _("“%(title)s” has %(count)s turns; an imported adventure can have at most %(most)s.")
            % {
                "title": document.title[:120],
                "count": f"{len(document.turns):,}",
                "most": f"{MOST_TURNS:,}",
            }
        )
    size = sum(edits.size_of(turn.action) + edits.size_of(turn.reply) for turn in document.turns)
    size += sum(
        edits.size_of(str(each.get("before", ""))) for turn in document.turns for each in turn.edits
    )
    if size > host.MAX_ADVENTURE_MB * 1024**2:
        raise LimitMet(
            _("“%(title)s” has %(size)s MB of text; this host keeps at most %(most)s of one.")
            % {
                "title": document.title[:120],
                "size": f"{size // 1024**2:,}",
                "most": f"{host.MAX_ADVENTURE_MB:,}",
            }
        )


def head_of(document: AdventureDocument) -> int:
    """The place of the turn where the player stands."""
    last = len(document.turns) - 1
    return last if document.head is None or not 0 <= document.head <= last else document.head


def place_head(
    adventure: Adventure, document: AdventureDocument, head: UUID, now: datetime
) -> None:
    """Set the head of an adventure whose turns are stored, and what depends on them."""
    adventure.head_id = head
    adventure.size = edits.measure(adventure.pk)
    adventure.changed = moment(str(document.extra.get("changed", "")), now) or now
    adventure.save(update_fields=["head", "size", "changed"])
    if all(turn.extra.get("last_child") is None for turn in document.turns):
        tree.point_redo_to(head)
    worlds.refreshed_state(worlds.current_turn(adventure).pk)
    request_on_commit(adventure.pk)


def screen_imported(texts: list[str], player: Player, adventure: Adventure | None = None) -> None:
    """Check imported texts as those written here. Raises Rejected.

    A rejection is stored after the rollback, when the adventure is not there any more.
    """
    audience = adventure.audience if adventure else ""
    try:
        screening.screen(texts, "import", player, adventure, audience=audience)
    except screening.Rejected as rejected:
        for hit in rejected.hits:
            hit.adventure = None
        raise


def scenario_of(player: Player, name: str, scenarios: dict[str, Scenario]) -> Scenario | None:
    """The scenario that a file names: one of the same file, or one that the player may read."""
    if not name:
        return None
    return scenarios.get(name) or Scenario.objects.all().readable_by(player).filter(pk=name).first()


def first_actions(value: Any) -> list[dict[str, str]]:
    """The actions that are offered below the opening, of plain data."""
    found = []
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict) and each.get("kind") in ("do", "say", "story"):
            text = one_line(str(each.get("text", "")), LONGEST_FIRST_ACTION)
            found += [{"kind": each["kind"], "text": text}] if text else []
    return found[:MOST_FIRST_ACTIONS]


def settings_of(player: Player, settings: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """The fields of an adventure that its settings give."""
    found: dict[str, Any] = {
        name: settings[name] for name in SWITCHES if isinstance(settings.get(name), bool)
    }
    narrator = settings.get("narrator")
    if isinstance(narrator, str) and narrator:
        if may_choose(player, narrator):
            found["narrator"] = narrator
        else:
            notes.add("narrator_unknown", "narrator", "dropped")
    if sampling := settings.get("sampling"):
        try:
            valid = WriterSettings.model_validate(sampling)
            found["sampling"] = valid.model_dump(mode="json", exclude_defaults=True)
        except ValidationError:
            notes.add("sampling_unknown", "sampling", "dropped")
    return found


def may_choose(player: Player, narrator: str) -> bool:
    """Whether a narrator is one that the player may choose on this host."""
    try:
        return any(each.name == narrator for each in narration.offered_to(player))
    except NarratorsError:
        return False


def cut_texts(document: AdventureDocument, adventure: Adventure) -> dict[str, str]:
    """The whole texts of which only the beginning had room, to be kept."""
    texts = {"memory": document.memory, "authors_note": document.authors_note}
    return {
        name: text
        for name, text in texts.items()
        if len(text) > len(getattr(adventure, name)) + 200
    }


def add_cards(
    player: Player, cards: list[CardDocument], notes: Notes, story: Adventure | Scenario, most: int
) -> Stored:
    """Add cards to an adventure or scenario that is there, which then has at most `most`.

    Raises Rejected.
    """
    owner = {"adventure": story} if isinstance(story, Adventure) else {"scenario": story}
    there = list(story.cards.all())
    builder = CardBuilder(notes, max(0, most - len(there)), **owner)
    builder.leave_out(there)
    for card in cards:
        builder.add(card)
    screen_imported(builder.texts(), player, story if isinstance(story, Adventure) else None)
    StoryCard.objects.bulk_create(builder.rows)
    counts = {"cards": len(builder.rows)}
    return Stored(
        story.title,
        added=True,
        counts=counts,
        kept=Kept(cards=builder.kept),
        **owner,
    )
