"""Carries out players' commands, which make turns, move the head, and change texts.

`carry_out` runs each in one transaction that locks the adventure's row (`game/play/changes.py`) and
publishes on commit. `game/play/endings.py` stores the ends of replies. Turns change nowhere else,
except that `game/play/sweep.py` raises a turn's attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from game import disk_space
from game.models import Adventure, Command, Edit, Kind, Player, Status, Turn
from game.moderation import operation, screening
from game.play import dice, edits, narration, read_ahead, tree
from game.play.changes import change_adventure, log_on_commit
from game.play.endings import stop_turn_under_way
from game.play.events import publish_on_commit
from game.play.protocol import (
    Accepted,
    EditTurn,
    GoToTurn,
    HeadMoved,
    Keyed,
    RedoTurn,
    Refused,
    RetryTurn,
    StopTurn,
    TakeAction,
    TurnEdited,
    TurnQueued,
    UndoTurn,
)
from game.play.snapshots import turn_data
from game.recall.indexing import index_on_commit
from game.state import changes as world_changes
from game.state import edits as world_edits
from game.state import worlds
from game.tables import permissions, roster
from inference.reply import shown_action

# Retry-after in seconds when a player has too many turns under way: about as long as a turn takes.
RETRY_SOON = 5


@dataclass(frozen=True)
class Author:
    """Who acts in a turn: the player, and their character's name where several play."""

    player: Player
    character: str


@screening.record_rejections()
def carry_out(adventure_id: UUID, player: Player, command: Keyed) -> Accepted:
    """Carry out a player's command, once: sent again, it gets the same outcome.

    Raises Refused, in which case nothing has changed, and NoSuchAdventure.
    """
    with change_adventure(adventure_id, player, member=True) as adventure:
        before = Command.objects.filter(adventure=adventure, key=command.key).first()
        if before is not None:
            return Accepted(key=str(command.key), turn=before.outcome["turn"])
        permissions.refuse_command(adventure, player, command)
        turn = dispatch_command(adventure, player, command)
        turn_id = str(turn.pk) if turn else None
        Command.objects.create(
            adventure=adventure,
            key=command.key,
            player=player,
            type=command.type,
            outcome={"turn": turn_id},
        )
        return Accepted(key=str(command.key), turn=turn_id)


def dispatch_command(adventure: Adventure, player: Player, command: Keyed) -> Turn | None:
    """Call the function of a command. Returns the turn that it made or went to."""
    match command:
        case TakeAction():
            return take_action(adventure, player, command.kind, command.text)
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


def take_action(adventure: Adventure, player: Player, kind: str, text: str) -> Turn:
    """Queue a turn with the player's action at the head. Raises Refused.

    An empty action is a continue.
    """
    disk_space.refuse_when_full()
    refuse_when_busy(adventure)
    operation.refuse_while_paused()
    edits.refuse_when_too_large(adventure, edits.size_of(text))
    screening.screen([text], "action", player, adventure)
    head = head_of(adventure)
    # A failed turn without a reply stays beside the path, where it can be retried.
    parent = head.parent if head.status == Status.FAILED and not head.reply else head
    if not shown_action(kind, text):  # type: ignore[arg-type]
        kind = Kind.CONTINUE
    difficulty = dice.difficulty_of(kind, text) if adventure.dice else None
    rolled = None
    if difficulty:
        known = worlds.world_at((parent or head).pk)
        rolled = dice.roll(difficulty, dice.modifiers_of(text, known))
    text = "" if kind == Kind.CONTINUE else text
    author = Author(player, roster.character_of(adventure, player))
    return queue_turn(adventure, author, parent or head, kind, text, rolled)


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


def refuse_when_busy(adventure: Adventure) -> None:
    """Raise Refused while a turn of the adventure is under way."""
    if adventure.turns.filter(status=Status.QUEUED).exists():
        raise Refused(
            "busy", _("The narrator is still writing. Stop it, or wait until it has finished.")
        )


def turn_of(adventure: Adventure, turn_id: UUID) -> Turn:
    """A turn of the adventure, with its parent. Raises Refused if there is none with this id."""
    turn = adventure.turns.filter(pk=turn_id).select_related("parent", "player").first()
    if turn is None:
        raise Refused("unknown_turn", _("That turn is not in this adventure. Reload the page."))
    return turn


def head_of(adventure: Adventure) -> Turn:
    """The head of the adventure, with its parent and last child."""
    assert adventure.head_id is not None, "an adventure begins with its opening"
    return Turn.objects.select_related("parent", "last_child").get(pk=adventure.head_id)


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


def queue_turn(
    adventure: Adventure,
    author: Author,
    parent: Turn,
    kind: str,
    text: str,
    rolled: dict[str, Any] | None,
) -> Turn:
    """Store a turn below `parent`, make it the head, and enqueue it on commit. Raises Refused."""
    refuse_when_player_has_enough(author.player)
    narrator = narration.narrator_of(adventure)
    queue = narration.queue_position_for(narrator, author.player)
    refuse_when_full(queue)
    turn = Turn.objects.create(
        adventure=adventure,
        parent=parent,
        player=author.player,
        character=author.character,
        kind=kind,
        action=text,
        narrator=narrator.name,
        dice=rolled,
    )
    Turn.objects.filter(pk=parent.pk).update(last_child=turn)
    adventure.head, adventure.last_edit = turn, None
    adventure.size += edits.size_of(text)
    queued = TurnQueued(
        turn=turn_data(turn), position=queue.position, eta_seconds=queue.eta_seconds
    )
    # The log must hold turn.queued before a worker can log that it has started.
    publish_on_commit(adventure, queued)
    narration.enqueue_on_commit(adventure, turn)
    log_on_commit("turn queued", turn, kind=kind, position=queue.position)
    return turn


def refuse_when_full(queue: narration.QueuePosition) -> None:
    """Raise Refused if the estimated wait exceeds MAX_WAIT_SECONDS."""
    wait, most = queue.eta_seconds, settings.MAX_WAIT_SECONDS
    if wait is not None and wait > most:
        raise Refused(
            "full",
            _(
                "The server is busy: the wait is about %(seconds)s seconds. "
                "What you typed is kept; try again later."
            )
            % {"seconds": wait},
            retry_after=wait - most,
        )


def refuse_when_player_has_enough(player: Player) -> None:
    """Raise Refused if the player has TURNS_PER_PLAYER turns under way.

    Locks the player's row, so that commands in two adventures cannot exceed it together.
    """
    Player.objects.select_for_update(no_key=True).values_list("pk").get(pk=player.pk)
    under_way = Turn.objects.filter(player=player, status=Status.QUEUED).count()
    if under_way >= settings.TURNS_PER_PLAYER:
        raise Refused(
            "too_many",
            ngettext(
                "A reply is still being written in another of your adventures. "
                "Wait for it to finish.",
                "%(count)s replies are still being written in your other adventures. "
                "Wait for one to finish.",
                under_way,
            )
            % {"count": under_way},
            retry_after=RETRY_SOON,
        )
