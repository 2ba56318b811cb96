"""Carries out players' commands, which make turns, move the head, and change texts.

`carry_out` runs each in one transaction that locks the adventure's row (`game/play/changes.py`) and
publishes on commit. `game/play/endings.py` stores the ends of replies. Turns change nowhere else,
except that `game/play/sweep.py` raises a turn's attempt.
"""

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from game import disk_space
from game.models import (
    LONGEST_TEXT,
    Adventure,
    Command,
    Edit,
    Kind,
    Membership,
    Player,
    Status,
    Table,
    Turn,
)
from game.moderation import operation, screening
from game.play import edits, read_ahead, tree
from game.play.changes import change_adventure
from game.play.endings import stop_turn_under_way
from game.play.events import publish_on_commit
from game.play.protocol import (
    Accepted,
    ApproveProposal,
    EditTurn,
    GoToTurn,
    HeadMoved,
    Keyed,
    RedoTurn,
    Refused,
    RetryTurn,
    SkipMember,
    StopTurn,
    TakeAction,
    TurnEdited,
    UndoTurn,
    VoteFor,
    WithdrawProposal,
    too_long,
)
from game.play.queueing import Author, head_of, queue_turn, refuse_when_busy
from game.play.snapshots import turn_data
from game.recall.indexing import index_on_commit
from game.state import changes as world_changes
from game.state import edits as world_edits
from game.state import worlds
from game.tables import commands, order, permissions
from game.tables.state import publish_table


@screening.record_rejections()
def carry_out(adventure_id: UUID, player: Player, command: Keyed) -> Accepted:
    """Carry out a player's command, once: sent again, it gets the same outcome.

    Raises Refused, in which case nothing has changed, and NoSuchAdventure.
    """
    with change_adventure(adventure_id, player, member=True) as adventure:
        before = Command.objects.filter(adventure=adventure, key=command.key).first()
        if before is not None:
            return Accepted(key=str(command.key), turn=before.outcome["turn"])
        member = permissions.refuse_command(adventure, player, command)
        turn = None
        changer = permissions.agreed_change(adventure, member, command)
        if changer is not None:
            turn = dispatch_command(adventure, changer, command)
        if Table.objects.filter(adventure=adventure).exists():
            publish_table(adventure)
        turn_id = str(turn.pk) if turn else None
        Command.objects.create(
            adventure=adventure,
            key=command.key,
            player=player,
            type=command.type,
            outcome={"turn": turn_id},
        )
        return Accepted(key=str(command.key), turn=turn_id)


def dispatch_command(adventure: Adventure, member: Membership, command: Keyed) -> Turn | None:
    """Call the function of a command. Returns the turn that it made or went to."""
    player = member.player
    match command:
        case TakeAction():
            return commands.act(adventure, member, command.kind, command.text)
        case VoteFor():
            return commands.vote_for(adventure, member, command.member)
        case ApproveProposal():
            return commands.approve_proposal(adventure, member, command.member, command.text)
        case WithdrawProposal():
            order.withdraw(adventure, member)
            return None
        case SkipMember():
            return commands.skip_member(adventure)
        case RetryTurn():
            return retry_turn(adventure, player, command.turn)
        case UndoTurn():
            return undo_turn(adventure, player)
        case RedoTurn():
            return redo_turn(adventure, player)
        case GoToTurn():
            return go_to_turn(adventure, command.turn)
        case EditTurn():
            return edit_turn(adventure, player, command.turn, command.action, command.reply)
        case StopTurn():
            return stop_turn(adventure, command.turn)


# One function per command, called by `carry_out` within `change_adventure`.


def retry_turn(adventure: Adventure, player: Player, turn_id: UUID) -> Turn:
    """Queue another turn with the same action beside `turn_id`. Raises Refused.

    The dice are not rolled again.
    """
    disk_space.refuse_when_full()
    refuse_when_busy(adventure)
    operation.refuse_while_paused()
    turn = turn_of(adventure, turn_id)
    edits.refuse_when_too_large(adventure, edits.size_of(turn.action))
    screening.screen([turn.action], "action", player, adventure)
    if turn.parent is None:
        raise Refused("not_allowed", _("The opening cannot be retried. Edit it instead."))
    author = Author(turn.player or player, turn.character)
    return queue_turn(adventure, author, turn.parent, turn.kind, turn.action, turn.dice)


def undo_turn(adventure: Adventure, player: Player) -> Turn:
    """Undo the last edit (of a text or of the state) or the last action. Raises Refused.

    A turn under way is stopped first.
    """
    if edited := edits.texts_to_restore(adventure, undone=False):
        return restore_texts(adventure, player, *edited, undone=True)
    if changed := edits.world_to_restore(adventure, undone=False):
        return world_edits.restore_changes(adventure, player, *changed, undone=True)
    head = head_of(adventure)
    if head.parent is None:
        raise Refused("not_allowed", _("There is nothing to undo."))
    stop_turn_under_way(adventure)
    return move_head(adventure, head.parent)


def redo_turn(adventure: Adventure, player: Player) -> Turn:
    """Redo what was undone: an edit, or the turn that was played last from here. Raises Refused."""
    if edited := edits.texts_to_restore(adventure, undone=True):
        return restore_texts(adventure, player, *edited, undone=False)
    if changed := edits.world_to_restore(adventure, undone=True):
        return world_edits.restore_changes(adventure, player, *changed, undone=False)
    head = head_of(adventure)
    if head.last_child is None:
        raise Refused("not_allowed", _("There is nothing to redo."))
    stop_turn_under_way(adventure)
    return move_head(adventure, head.last_child)


def go_to_turn(adventure: Adventure, turn_id: UUID) -> Turn:
    """Make any turn of the tree the head; a turn under way is stopped first. Raises Refused."""
    turn = turn_of(adventure, turn_id)
    stop_turn_under_way(adventure)
    if turn.pk == adventure.head_id:
        return turn
    tree.point_redo_to(turn.pk)
    return move_head(adventure, turn)


def edit_turn(
    adventure: Adventure, player: Player, turn_id: UUID, action: str | None, reply: str | None
) -> Turn:
    """Replace an action or a reply; the replaced text is stored as an Edit. Raises Refused."""
    disk_space.refuse_when_full()
    edits.refuse_too_many(player)
    turn = turn_of(adventure, turn_id)
    if turn.kind == Kind.OPENING and action:
        raise Refused("not_allowed", _("The opening has no action to edit, only its text."))
    if turn.kind != Kind.OPENING and reply and len(reply) > LONGEST_TEXT:
        raise Refused("bad_message", too_long(reply, LONGEST_TEXT))
    texts = {Edit.Field.ACTION.value: action, Edit.Field.REPLY.value: reply}
    more = sum(edits.size_of(text) for text in edits.changes(turn, texts).values())
    edits.refuse_when_too_large(adventure, more)
    screening.screen(
        edits.texts_to_screen(turn, edits.changes(turn, texts)), "edit", player, adventure
    )
    return replace_texts(adventure, player, turn, texts, undone=False)


def restore_texts(
    adventure: Adventure, player: Player, turn: Turn, texts: edits.Texts, *, undone: bool
) -> Turn:
    """Undo or redo an edit. It counts as an edit, and rules apply to its texts. Raises Refused."""
    disk_space.refuse_when_full()
    edits.refuse_too_many(player)
    screening.screen(edits.texts_to_screen(turn, texts), "edit", player, adventure)
    return replace_texts(adventure, player, turn, texts, undone=undone)


def replace_texts(
    adventure: Adventure,
    player: Player,
    turn: Turn,
    texts: Mapping[str, str | None],
    *,
    undone: bool,
) -> Turn:
    """Replace a turn's texts, and record that as an edit or (`undone`) as its undoing.

    A turn under way is stopped first, and its reply so far is the replaced text.
    """
    stop_turn_under_way(adventure)
    turn = turn_of(adventure, turn.pk)
    new = edits.changes(turn, texts)
    if not new:
        return turn
    edits.record_last_edit(
        adventure, turn, edits.replace(adventure, turn, new, player), undone=undone
    )
    world_changes.reread_turn(adventure, turn)
    edited = TurnEdited(turn=turn_data(turn), last_edit=edits.last_edit(adventure))
    publish_on_commit(adventure, edited)
    index_on_commit(turn.pk)
    read_ahead.request_on_commit(adventure)
    return turn


def stop_turn(adventure: Adventure, turn_id: UUID) -> Turn:
    """Stop a turn; its reply so far stays. Nothing changes if it has ended."""
    turn = turn_of(adventure, turn_id)
    if turn.status == Status.QUEUED:
        stop_turn_under_way(adventure)
    return turn


# Shared by several commands


def turn_of(adventure: Adventure, turn_id: UUID) -> Turn:
    """A turn of the adventure, with its parent. Raises Refused if there is none with this id."""
    turn = adventure.turns.filter(pk=turn_id).select_related("parent", "player").first()
    if turn is None:
        raise Refused("unknown_turn", _("That turn is not in this adventure. Reload the page."))
    return turn


def move_head(adventure: Adventure, turn: Turn) -> Turn:
    """Make `turn` the head, and publish that."""
    adventure.head, adventure.last_edit = turn, None
    worlds.refreshed_state(turn.pk)
    moved = HeadMoved(
        head=str(turn.pk),
        undo=turn.parent_id is not None,
        redo=str(turn.last_child_id) if turn.last_child_id else None,
    )
    publish_on_commit(adventure, moved)
    read_ahead.request_on_commit(adventure)
    return turn
