"""Previews of adventures in lists: the last action and the last sentence of the story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from game.library.excerpts import last_words
from game.models import Adventure, Kind, Player, Turn
from game.play.search import Hit
from game.play.wording import shown_turn


@dataclass(frozen=True)
class AdventurePreview:
    """An adventure with its last action and the end of its last reply."""

    adventure: Adventure
    last_action: str
    words: str
    hits: Sequence[Hit] = ()  # the best matches of a search
    more: int = 0  # turns that match it beside these

    @property
    def when(self) -> str:
        """How long ago it was played, in words."""
        return ago(self.adventure.changed)


def ago(moment: datetime) -> str:
    """How long ago a moment was, in words."""
    if timezone.now() - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}


def preview_of(adventure: Adventure, hits: Sequence[Hit] = (), count: int = 0) -> AdventurePreview:
    """The preview of an adventure, with matches of a search, which `count` of its turns have.

    Reads no row if `head__parent` was selected with it.
    """
    more = max(0, count - len(hits))
    head = adventure.head
    if head is None:
        return AdventurePreview(adventure, "", "", hits, more)
    last = head if head.reply or head.parent is None else head.parent
    return AdventurePreview(adventure, action_line(head), last_words(last.reply), hits, more)


def action_line(turn: Turn) -> str:
    """A turn's action as plain text, with "> " before what the player does or says."""
    action = shown_turn(turn)
    return f"> {action}" if action and turn.kind in (Kind.DO, Kind.SAY) else action


def paragraphs(text: str) -> list[str]:
    """The lines of a text that are not blank."""
    return [line for line in text.split("\n") if line.strip()]


def display_name(player: Player | None) -> str:
    """The name that others see of a player; "" for the host (None)."""
    if player is None:
        return ""
    return _("a guest") if player.is_guest else player.username
