"""What a link shows: the texts as they were when the link was made, or last updated.

They are kept packed beside the share. Everything else about its turns (kinds, dice, who narrated)
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

from game.library.excerpts import last_words
from game.library.limits import LONGEST_SHARED, MOST_SHARED, LimitMet
from game.models import Adventure, Share, ShareTexts, StoryCard, Summary, Turn
from game.play import tree

# Of a card: a column that is added later is shared and copied as well.
NOT_SHARED = {"id", "adventure", "scenario", "deleted"}


@dataclass(frozen=True)
class ShownTurn:
    id: str
    action: str
    reply: str
    edited: bool


@dataclass(frozen=True)
class Shown:
    """The texts that a link shows. What narrators knew is empty unless the player shared it."""

    title: str
    turns: list[ShownTurn]
    memory: str = ""
    authors_note: str = ""
    first_actions: list[Any] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)  # by the turn's id

    @property
    def path(self) -> list[UUID]:
        return [UUID(turn.id) for turn in self.turns]


def now(turn: Turn, plot: bool) -> Shown:
    """The path up to `turn` as it is now; with `plot` what narrators knew as well."""
    adventure = Adventure.objects.get(pk=turn.adventure_id)
    path = tree.whole_path(turn.pk)
    turns = [
        ShownTurn(str(each.pk), each.action, each.reply, each.edited)
        for each in tree.turns_in_order(path)
    ]
    if not plot:
        return Shown(adventure.title, turns)
    summaries = Summary.objects.filter(turn__in=path)
    return Shown(
        adventure.title,
        turns,
        adventure.memory,
        adventure.authors_note,
        adventure.first_actions,
        [card_fields(card) for card in adventure.cards.all()],
        {str(s.turn_id): {"text": s.text, "own": s.own, "by": s.by} for s in summaries},
    )


def cards_seen(shown: Shown) -> list[dict[str, Any]]:
    """The cards that readers of the link see. The others come along into a copy, hidden still."""
    return [card for card in shown.cards if not card.get("hidden")]


def card_fields(card: StoryCard) -> dict[str, Any]:
    fields = StoryCard._meta.concrete_fields
    return {each.name: getattr(card, each.name) for each in fields if each.name not in NOT_SHARED}


def new_card(adventure: Adventure, fields: dict[str, Any]) -> StoryCard:
    """A card from what was kept of one; columns that are gone since are left out."""
    known = {each.name for each in StoryCard._meta.concrete_fields} - NOT_SHARED
    return StoryCard(adventure=adventure, **{k: v for k, v in fields.items() if k in known})


def packed(shown: Shown) -> tuple[bytes, str]:
    """As it is stored, and its digest. Raises LimitMet for a story too long to share."""
    raw = json.dumps(asdict(shown), ensure_ascii=False, sort_keys=True, default=str).encode()
    if len(raw) > LONGEST_SHARED:
        raise LimitMet(
            _("This adventure is too long to share up to here. Share up to an earlier turn.")
        )
    return zlib.compress(raw), hashlib.sha256(raw).hexdigest()


def keep(share: Share, shown: Shown) -> None:
    """Make these texts the ones that a link shows. Raises LimitMet."""
    content, digest = packed(shown)
    others = ShareTexts.objects.filter(share__in=Share.objects.of(share.player)).exclude(
        share=share
    )
    kept = others.aggregate(all=Sum("size"))["all"] or 0
    if kept + len(content) > MOST_SHARED:
        raise LimitMet(
            _("Your links hold %(most)d MB of text, the maximum. Delete one first.")
            % {"most": MOST_SHARED // 1024**2}
        )
    ShareTexts.objects.update_or_create(
        share=share,
        defaults={
            "title": shown.title,
            "teaser": last_words(shown.turns[-1].reply) if shown.turns else "",
            "content": content,
            "size": len(content),
            "digest": digest,
            "taken": Now(),
        },
    )


def of(share: Share) -> Shown:
    found = json.loads(zlib.decompress(bytes(share.texts.content)))
    turns = [ShownTurn(**each) for each in found.pop("turns")]
    return Shown(turns=turns, **found)


def adventure_of(share: Share, shown: Shown) -> Adventure:
    """The shared adventure as the link shows it: not to be saved."""
    adventure = copy.copy(share.adventure)
    adventure.title = shown.title
    adventure.memory, adventure.authors_note = shown.memory, shown.authors_note
    adventure.first_actions = shown.first_actions
    return adventure


def turns_of(shown: Shown, ids: Iterable[UUID]) -> list[Turn]:
    """Turns of a shared path as the link shows them: not to be saved."""
    wanted = set(ids)
    texts = {UUID(each.id): each for each in shown.turns if UUID(each.id) in wanted}
    found = Turn.objects.in_bulk(list(texts))
    turns = []
    for pk, text in texts.items():
        if pk in found:
            turn = found[pk]
            turn.action, turn.reply, turn.edited = text.action, text.reply, text.edited
            turns.append(turn)
    return turns


def moderated_turns(share: Share, ids: Iterable[UUID] | None = None) -> list[Turn]:
    """What the link shows, for moderators; of the whole path where no turns are named."""
    shown = of(share)
    return turns_of(shown, shown.path if ids is None else ids)
