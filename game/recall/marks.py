"""Marks of players: turns that the narrator always remembers, or never again.

A mark belongs to a turn, and holds wherever the turn is on the path.
"""

from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.models import Player, RecallMark
from game.play import read_ahead
from game.play.changes import change_adventure
from game.play.protocol import Refused
from game.play.turns import turn_of

MOST_PINNED = 50  # turns of an adventure


def mark_turn(adventure_id: UUID, player: Player, turn_id: UUID, mark: str) -> None:
    """Mark a turn as pinned or forgotten; "" removes its mark.

    Raises NoSuchAdventure, and Refused if the turn is unknown or too many are pinned.
    """
    with change_adventure(adventure_id, player) as adventure:
        turn = turn_of(adventure, turn_id)
        marks = RecallMark.objects.filter(turn__adventure=adventure)
        if not mark:
            marks.filter(turn=turn).delete()
        else:
            pinned = marks.filter(mark=RecallMark.Mark.PINNED).exclude(turn=turn).count()
            if mark == RecallMark.Mark.PINNED and pinned >= MOST_PINNED:
                raise Refused(
                    "not_allowed",
                    _("%(most)d turns are pinned, the maximum. Unpin one first.")
                    % {"most": MOST_PINNED},
                )
            RecallMark.objects.update_or_create(
                turn=turn, defaults={"mark": mark, "changed": Now()}
            )
        read_ahead.request_on_commit(adventure)
