"""What each member of an adventure may do in it by a command.

Acting has an order of its own (`game.tables.order`). What changes told turns follows the table's
rule: the owner may, or whoever acted there, or more than half of the players together.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from game.models import Adventure, Membership, Player, Table, Turn
from game.moderation import screening
from game.play import edits
from game.play.protocol import (
    EditTurn,
    GoToTurn,
    Keyed,
    RedoTurn,
    Refused,
    RetryTurn,
    SkipMember,
    UndoTurn,
)
from game.tables.members import acting_member
from game.tables.order import table_of
from game.tables.roster import acting_members

# These change what was told.
CHANGING = (RetryTurn, UndoTurn, RedoTurn, GoToTurn, EditTurn)


def refuse_command(adventure: Adventure, player: Player, command: Keyed) -> Membership:
    """The player's membership, if they may give this command now. Raises Refused."""
    member = acting_member(adventure, player)
    if member.role == Membership.Role.OWNER:
        return member
    if isinstance(command, SkipMember):
        raise Refused("not_allowed", _("Only the owner of this adventure can do this."))
    if isinstance(command, CHANGING):
        refuse_change(adventure, member, command)
    return member


def refuse_change(adventure: Adventure, member: Membership, command: Keyed) -> None:
    """Raise Refused if the table's rule lets this member not change what was told."""
    rule = table_of(adventure).changes
    if rule == Table.Changes.OWNER:
        raise Refused("not_allowed", _("Only the owner of this adventure can do this."))
    if rule == Table.Changes.ACTOR and actor_of(adventure, command) != member.player_id:
        raise Refused("not_allowed", _("Only the owner and whoever acted there can do this."))


def actor_of(adventure: Adventure, command: Keyed) -> object:
    """Who acted in the turn that a command changes; None for a turn of nobody's."""
    changed = changed_turn(adventure, command)
    if changed is None:
        return None
    turns = Turn.objects.filter(adventure=adventure, pk=changed)
    return turns.values_list("player", flat=True).first()


def changed_turn(adventure: Adventure, command: Keyed) -> UUID | str | None:
    """The turn that a command changes: named by it, of an edit to undo or redo, told again, or
    the head.
    """
    if isinstance(command, RetryTurn | EditTurn):
        return command.turn
    last = edits.last_edit(adventure)
    redoes = isinstance(command, RedoTurn)
    if last is not None and isinstance(command, UndoTurn | RedoTurn) and last.undone == redoes:
        return last.turn
    if redoes and adventure.head_id is not None:
        heads = Turn.objects.filter(pk=adventure.head_id)
        return heads.values_list("last_child", flat=True).first()
    return adventure.head_id


def agreed_change(adventure: Adventure, member: Membership, command: Keyed) -> Membership | None:
    """Whose change is made now: the member's at once, or where it takes a vote, that of who asked
    for it, with the last consent. None while it waits.

    Another change takes the place of one that waits. Raises Refused for an edit that breaks a rule.
    """
    table = table_of(adventure)
    members = acting_members(adventure)
    if table.changes != Table.Changes.VOTE or len(members) < 2:
        return member
    if not isinstance(command, CHANGING):
        return member
    wanted = command.model_dump(mode="json", exclude={"key"})
    waiting = table.asked or {}
    same = waiting.get("command") == wanted and waiting.get("head") == str(adventure.head_id)
    by_id = {str(each.pk): each for each in members}
    said = {*(waiting["agreed"] if same else ()), str(member.pk)}.intersection(by_id)
    asker = by_id.get(waiting["member"], member) if same else member
    done = len(said) * 2 > len(members)
    table.asked = None
    if isinstance(command, EditTurn) and not (done or same):
        # The others read it before they agree.
        texts = [text for text in (command.action, command.reply) if text]
        screening.screen(texts, "edit", member.player, adventure)
    if not done:
        table.asked = {
            "command": wanted,
            "head": str(adventure.head_id),
            "member": str(asker.pk),
            "agreed": sorted(said),
        }
    table.save()
    return asker if done else None
