"""Words of an adventure on its card: the last action and the last sentence told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from game.library.excerpts import last_words
from game.models import Adventure, Kind, Player, Turn
from game.play.search import Hit
from inference.reply import shown_action


@dataclass(frozen=True)
class AdventurePreview:
    """An adventure with its last action and its last words."""

    adventure: Adventure
    last_action: str
    words: str
    hit: Hit | None = None  # where something that was searched for is

    @property
    def when(self) -> str:
        """How long ago it was played."""
        return ago(self.adventure.changed)


def ago(moment: datetime) -> str:
    """How long ago something was."""
    if timezone.now() - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}


def preview_of(adventure: Adventure, hit: Hit | None = None) -> AdventurePreview:
    """The preview of an adventure whose `head` and `head__parent` are at hand."""
    head = adventure.head
    if head is None:
        return AdventurePreview(adventure, "", "", hit)
    told = head if head.reply or head.parent is None else head.parent
    return AdventurePreview(adventure, prompted(head), last_words(told.reply), hit)


def prompted(turn: Turn) -> str:
    """A turn's action as text shows it, behind the prompt of old."""
    shown = shown_action(turn.kind, turn.action)  # type: ignore[arg-type]
    return f"> {shown}" if shown and turn.kind in (Kind.DO, Kind.SAY) else shown


def paragraphs(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def name_of(player: Player | None) -> str:
    """What others read where a player is named; "" for the host."""
    if player is None:
        return ""
    return _("a guest") if player.is_guest else player.username
