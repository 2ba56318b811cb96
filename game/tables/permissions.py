"""What each member of an adventure may do in it by a command."""

from django.utils.translation import gettext as _

from game.models import Adventure, Membership, Player
from game.play.protocol import Keyed, Refused, RetryTurn, StopTurn, TakeAction
from game.tables.members import acting_member

# What everybody who acts may do; the other commands change what was told.
OF_PLAYERS = (TakeAction, RetryTurn, StopTurn)


def refuse_command(adventure: Adventure, player: Player, command: Keyed) -> Membership:
    """The player's membership, if they may give this command now. Raises Refused."""
    member = acting_member(adventure, player)
    if member.role != Membership.Role.OWNER and not isinstance(command, OF_PLAYERS):
        raise Refused("not_allowed", _("Only the owner of this adventure can do this."))
    return member
