"""What a link shows: the texts as they were when the link was made, or last updated.

They are stored compressed in ShareTexts. Everything else about the turns (kinds, dice, narrators)
never changes and is read from the turns themselves.
"""

import copy
import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.chapters import chapters
from game.library.excerpts import last_words
from game.library.limits import LONGEST_SHARED, MOST_SHARED, LimitMet
from game.models import Adventure, RecallMark, Share, ShareTexts, StoryCard, Summary, Turn
from game.play import tree
from game.state import worlds

# Columns of a card that are not shared or copied; all others are, also those added later.
NOT_SHARED = {"id", "adventure", "scenario", "deleted"}


@dataclass(frozen=True)
class SharedTurn:
    """A turn's texts as a link shows them."""

    id: str
    action: str
    reply: str
    edited: bool


@dataclass(frozen=True)
class ShareContent:
    """The texts of a link. All but title, turns and chapters are empty without the plot."""

    title: str
    turns: list[SharedTurn]
    memory: str = ""
    authors_note: str = ""
    first_actions: list[Any] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)  # by the turn's id
    chapters: dict[str, str] = field(default_factory=dict)  # titles by the last turn's id
    # Changes of the state of the world by turn: copied by whoever plays on, and not shown.
    world: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    # Turns that the player pinned for the narrator, or had it forget: copied likewise.
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> list[UUID]:
        """The ids of the turns, from the opening on."""
        return [UUID(turn.id) for turn in self.turns]


def capture(turn: Turn, plot: bool) -> ShareContent:
    """The texts of the path up to `turn` as they are now; with `plot` memory and cards too."""
    adventure = Adventure.objects.get(pk=turn.adventure_id)
    path = tree.whole_path(turn.pk)
    turns = [
        SharedTurn(str(each.pk), each.action, each.reply, each.edited)
        for each in tree.turns_in_order(path)
    ]
    titles = {str(pk): title for pk, title in chapters.titles_on(path).items()}
    if not plot:
        return ShareContent(adventure.title, turns, chapters=titles)
    summaries = Summary.objects.filter(turn__in=path)
    return ShareContent(
        adventure.title,
        turns,
        adventure.memory,
        adventure.authors_note,
        adventure.first_actions,
        [card_fields(card) for card in adventure.cards.all()],
        {str(s.turn_id): {"text": s.text, "own": s.own, "by": s.by} for s in summaries},
        titles,
        {str(pk): changes for pk, changes in worlds.changes_on(path).items()},
        {str(mark.turn_id): mark.mark for mark in RecallMark.objects.filter(turn__in=path)},
    )


def visible_cards(content: ShareContent) -> list[dict[str, Any]]:
    """The cards that readers see. Hidden ones are copied too, and stay hidden."""
    return [card for card in content.cards if not card.get("hidden")]


def card_fields(card: StoryCard) -> dict[str, Any]:
    """A card's columns that are shared and copied, by name."""
    fields = StoryCard._meta.concrete_fields
    return {each.name: getattr(card, each.name) for each in fields if each.name not in NOT_SHARED}


def new_card(adventure: Adventure, fields: dict[str, Any]) -> StoryCard:
    """An unsaved card from stored columns; those that no longer exist are left out."""
    columns = {each.name for each in StoryCard._meta.concrete_fields} - NOT_SHARED
    return StoryCard(adventure=adventure, **{k: v for k, v in fields.items() if k in columns})


def pack(content: ShareContent) -> tuple[bytes, str]:
    """The compressed content and the SHA-256 of the uncompressed one.

    Raises LimitMet if it is longer than LONGEST_SHARED.
    """
    fields = asdict(content)
    for name in ("chapters", "world", "marks"):
        if not fields[name]:
            del fields[name]  # the digest of a link from before there were any stays
    raw = json.dumps(fields, ensure_ascii=False, sort_keys=True, default=str).encode()
    if len(raw) > LONGEST_SHARED:
        raise LimitMet(
            _("This adventure is too long to share up to here. Share up to an earlier turn.")
        )
    return zlib.compress(raw), hashlib.sha256(raw).hexdigest()


def store(share: Share, content: ShareContent) -> None:
    """Store the content as what a link shows.

    Raises LimitMet if it, or all of the player's links together, would be too long.
    """
    packed, digest = pack(content)
    others = ShareTexts.objects.filter(share__in=Share.objects.of(share.player)).exclude(
        share=share
    )
    used = others.aggregate(all=Sum("size"))["all"] or 0
    if used + len(packed) > MOST_SHARED:
        raise LimitMet(
            _("Your links hold %(most)d MB of text, the maximum. Delete one first.")
            % {"most": MOST_SHARED // 1024**2}
        )
    ShareTexts.objects.update_or_create(
        share=share,
        defaults={
            "title": content.title,
            "teaser": last_words(content.turns[-1].reply) if content.turns else "",
            "content": packed,
            "size": len(packed),
            "digest": digest,
            "taken": Now(),
        },
    )


def load(share: Share) -> ShareContent:
    """The content that a link shows."""
    found = json.loads(zlib.decompress(bytes(share.texts.content)))
    turns = [SharedTurn(**each) for each in found.pop("turns")]
    return ShareContent(turns=turns, **found)


def headings_of(content: ShareContent) -> dict[UUID, str]:
    """Titles of the chapters that a link shows, by their first turns (`chapters.headings_at`)."""
    return chapters.headings_on(content.path, chapter_titles(content))


def chapter_titles(content: ShareContent) -> dict[UUID, str]:
    """Titles of the chapters that a link shows, by their last turns."""
    return {UUID(turn): title for turn, title in content.chapters.items()}


def adventure_of(share: Share, content: ShareContent) -> Adventure:
    """The shared adventure as the link shows it. The instance must not be saved."""
    adventure = copy.copy(share.adventure)
    adventure.title = content.title
    adventure.memory, adventure.authors_note = content.memory, content.authors_note
    adventure.first_actions = content.first_actions
    return adventure


def turns_of(content: ShareContent, ids: Iterable[UUID]) -> list[Turn]:
    """The turns with these ids as the link shows them. The instances must not be saved."""
    chosen = set(ids)
    texts = {UUID(each.id): each for each in content.turns if UUID(each.id) in chosen}
    found = Turn.objects.in_bulk(list(texts))
    turns = []
    for pk, text in texts.items():
        if pk in found:
            turn = found[pk]
            turn.action, turn.reply, turn.edited = text.action, text.reply, text.edited
            turns.append(turn)
    return turns


def moderated_turns(share: Share, ids: Iterable[UUID] | None = None) -> list[Turn]:
    """The turns that a link shows, for moderators: those with these ids (None: all)."""
    content = load(share)
    return turns_of(content, content.path if ids is None else ids)
