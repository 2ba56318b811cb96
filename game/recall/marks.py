"""Marks of players: turns that the narrator always remembers, or never again.

A mark belongs to a turn, and holds wherever the turn is on the path.
"""

from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game import disk_space
from game.models import Player, RecallMark
from game.play import edits, read_ahead
from game.play.changes import change_adventure
from game.play.protocol import Refused
from game.play.turns import turn_of
from game.recall.search import MOST_PINNED

MOST_FORGOTTEN = 500  # turns of an adventure: each turn's recall reads all marks


def mark_turn(adventure_id: UUID, player: Player, turn_id: UUID, mark: str) -> None:
    """Mark a turn as pinned or forgotten; "" removes its mark.

    Raises NoSuchAdventure, and Refused if the turn is unknown, too many are marked, there are too
    many changes in a minute, or the disk is full.
    """
    edits.refuse_too_many(player)
    with change_adventure(adventure_id, player) as adventure:
        turn = turn_of(adventure, turn_id)
        marks = RecallMark.objects.filter(turn__adventure=adventure)
        if not mark:
            marks.filter(turn=turn).delete()
        else:
            disk_space.refuse_when_full()
            refuse_too_many(mark, marks.filter(mark=mark).exclude(turn=turn).count())
            RecallMark.objects.update_or_create(
                turn=turn, defaults={"mark": mark, "changed": Now()}
            )
        read_ahead.request_on_commit(adventure)


def refuse_too_many(mark: str, others: int) -> None:
    """Raise Refused if as many other turns have this mark as may have it."""
    if mark == RecallMark.Mark.PINNED and others >= MOST_PINNED:
        raise Refused(
            "not_allowed",
            _("%(most)d turns are pinned, the maximum. Unpin one first.") % {"most": MOST_PINNED},
        )
    if mark == RecallMark.Mark.FORGOTTEN and others >= MOST_FORGOTTEN:
        raise Refused(
            "not_allowed",
            _("%(most)d turns are forgotten, the maximum. Let the narrator remember one first.")
            % {"most": MOST_FORGOTTEN},
        )
