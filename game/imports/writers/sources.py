"""The documents of stored adventures and scenarios, for writers of other programs' formats."""

import base64
import binascii
from io import BytesIO
from typing import Any

from game.chapters import chapters
from game.imports import pictures
from game.imports.documents import (
    AdventureDocument,
    CardDocument,
    ScenarioDocument,
    TurnDocument,
)
from game.imports.keeping import Kept, kept_of
from game.library import covers, linkcard
from game.models import Adventure, Scenario, StoryCard, Summary
from game.play import tree
from game.state import worlds

FIELDS = ("pk", "parent_id", "kind", "action", "reply", "created", "character")
NOT_THEIRS = ("openings", "opening", "picture")  # what storing added to the kept parts


def adventure_document(
    adventure: Adventure, hidden: bool
) -> tuple[AdventureDocument, dict[str, int]]:
    """The path to the head with retries beside it, and how much of the rest is left out.

    `hidden`: with hidden cards.
    """
    cards = adventure.cards.all() if hidden else adventure.cards.seen()
    kept = kept_of(adventure) or Kept()
    path = tree.whole_path(adventure.head_id) if adventure.head_id else []
    on_path = set(path)
    rows = {row[0]: row for row in adventure.turns.order_by("created").values_list(*FIELDS)}
    # The path first: a parent comes before its children.
    actions = {rows[pk][1:4] for pk in path if rows[pk][1] is not None}
    beside = [row for row in rows.values() if row[1:4] in actions and row[0] not in on_path]
    shown = [*(rows[pk] for pk in path), *beside]
    places = {row[0]: place for place, row in enumerate(shown)}
    headings = chapters.headings_at(adventure)
    summaries = dict(Summary.objects.filter(turn__in=path).values_list("turn_id", "text"))
    turns = [
        TurnDocument(
            parent=places.get(parent),
            kind=kind,
            action=action,
            reply=reply,
            player=character,
            created=created.isoformat(),
            chapter=headings.get(pk, ""),
            summary={"text": summaries[pk]} if pk in summaries else {},
            kept=kept.turns.get(str(pk), {}),
        )
        for pk, parent, kind, action, reply, created, character in shown
    ]
    document = AdventureDocument(
        title=adventure.title,
        memory=adventure.memory,
        authors_note=adventure.authors_note,
        turns=turns,
        head=places[path[-1]] if path else None,
        cards=[card_document(each, kept) for each in cards],
        created=adventure.created.isoformat(),
        kept=kept.story,
    )
    left_out = {
        "branches": len(rows) - len(shown),
        "hidden": adventure.cards.count() - len(document.cards),
        "world": sum(bool(each) for each in worlds.changes_on(path).values()),
    }
    return document, left_out


def scenario_document(scenario: Scenario) -> ScenarioDocument:
    """A scenario as its author wrote it."""
    kept = kept_of(scenario) or Kept()
    others = kept.story.get("openings")
    others = [each for each in others if isinstance(each, str)] if isinstance(others, list) else []
    return ScenarioDocument(
        name=scenario.slug,
        title=scenario.title,
        tagline=scenario.tempt,
        tags=[str(tag) for tag in scenario.tags],
        openings=list(dict.fromkeys([scenario.opening, *scenario.more_openings, *others])),
        placeholders=scenario.placeholders,
        memory=scenario.memory,
        authors_note=scenario.authors_note,
        first_actions=scenario.first_actions,
        world=scenario.world,
        cards=[card_document(each, kept) for each in scenario.cards.all()],
        kept=kept.story,
    )


def card_document(card: StoryCard, kept: Kept) -> CardDocument:
    """A card with what is kept of it."""
    return CardDocument(
        title=card.title,
        keys=[str(key) for key in card.keys],
        text=card.text,
        pinned=card.pinned,
        hidden=card.hidden,
        options=card.options,
        kept=kept.cards.get(str(card.pk), {}),
    )


def without_kept(story: Any, formats: tuple[str, ...], format: str) -> Any:
    """The story for another format: without what was kept of a file in `format`."""
    if format in formats:
        story.kept = {name: each for name, each in story.kept.items() if name not in NOT_THEIRS}
        return story
    story.kept = {}
    for card in story.cards:
        card.kept = {}
    for turn in getattr(story, "turns", []):
        turn.kept = {}
    return story


def picture_of(scenario: Scenario) -> bytes:
    """A scenario's picture as PNG: the one it came with, or else its cover."""
    kept = kept_of(scenario)
    came = kept.story.get("picture") if kept else None
    if isinstance(came, str) and came:
        try:
            if picture := pictures.without_text(base64.b64decode(came, validate=True)):
                return picture
        except (binascii.Error, ValueError):
            pass  # what was kept of a file is no picture after all: the cover is one
    out = BytesIO()
    linkcard.render_cover(covers.cover_of(scenario)).save(out, "PNG")
    return out.getvalue()
