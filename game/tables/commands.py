"""Carries out what members do at a table: acting in its order, voting, approving, skipping.

Called by `game.play.turns` with the adventure locked.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from game.models import Adventure, Kind, Membership, Table, Turn, TurnPart
from game.moderation import screening
from game.play.protocol import Refused
from game.play.queueing import (
    Author,
    queue_action,
    refuse_when_busy,
    refuse_when_unable,
    take_action,
)
from game.tables import order
from game.tables.roster import acting_members
from inference.reply import shown_action


def act(adventure: Adventure, member: Membership, kind: str, text: str) -> Turn | None:
    """Take an action, or propose it where the table decides what is told. Raises Refused.

    None for a proposal that decides nothing yet.
    """
    table = order.table_of(adventure)
    if not order.proposes(table, acting_members(adventure), member):
        order.refuse_out_of_turn(adventure, table, member)
        return take_action(adventure, member.player, kind, text)
    refuse_when_busy(adventure)
    screening.screen([text], "action", member.player, adventure)
    if not shown_action(kind, text):  # type: ignore[arg-type]
        kind, text = Kind.CONTINUE, ""
    return tell_if_decided(adventure, table, order.propose(adventure, table, member, kind, text))


def vote_for(adventure: Adventure, member: Membership, chosen: UUID) -> Turn | None:
    """Vote for a proposal; the last vote has the best one told. Raises Refused."""
    table = order.table_of(adventure)
    return tell_if_decided(adventure, table, order.vote(adventure, table, member, chosen))


def approve_proposal(
    adventure: Adventure, member: Membership, chosen: UUID, text: str | None
) -> Turn:
    """Tell what the game master takes of the proposals. Raises Refused."""
    table = order.table_of(adventure)
    decision = order.approve(adventure, table, member, chosen, text)
    if text is not None:
        screening.screen([text], "action", member.player, adventure)
    return tell(adventure, table, decision)


def skip_member(adventure: Adventure) -> Turn | None:
    """Go on without whoever has not acted. Raises Refused."""
    table = order.table_of(adventure)
    if order.order_of(table, acting_members(adventure)) == Table.Order.ROUND:
        refuse_when_busy(adventure)
        order.skip(adventure, table)
        return None
    decision = order.decided(adventure, table, time_is_up=True)
    if decision is None:
        raise Refused("not_allowed", _("There is nothing to go on with yet."))
    return tell(adventure, table, decision)


def tell_if_decided(
    adventure: Adventure, table: Table, decision: order.Decision | None
) -> Turn | None:
    """Tell what was decided, if anything was. Raises Refused."""
    return tell(adventure, table, decision) if decision else None


def tell(adventure: Adventure, table: Table, decision: order.Decision) -> Turn:
    """Queue a turn with what the table decided. Raises Refused.

    Its texts were screened when their authors sent them.
    """
    refuse_when_unable(adventure, decision.text)
    # A game master's own words are not the player's in whose name they are told.
    writer = decision.writer or decision.member
    author = Author(writer.player, decision.member.character)
    turn = queue_action(adventure, author, decision.kind, decision.text)
    TurnPart.objects.bulk_create(
        TurnPart(
            turn=turn,
            player=each.member.player,
            character=each.member.character,
            kind=each.kind,
            text=each.text,
        )
        for each in decision.parts
    )
    order.clear(adventure, table)
    return turn
