"""Queues turns for players' actions, for `game.play.turns` and for what a table decides.

Called with the adventure locked.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from game import disk_space
from game.models import Adventure, Kind, Player, Status, Turn
from game.moderation import operation, screening
from game.play import dice, edits, narration
from game.play.changes import log_on_commit
from game.play.events import publish_on_commit
from game.play.protocol import Refused, TurnQueued
from game.play.snapshots import turn_data
from game.state import worlds
from game.tables import roster
from inference.reply import shown_action

# Retry-after in seconds when a player has too many turns under way: about as long as a turn takes.
RETRY_SOON = 5


@dataclass(frozen=True)
class Author:
    """Who acts in a turn: the player, and their character's name where several play."""

    player: Player
    character: str


def take_action(adventure: Adventure, player: Player, kind: str, text: str) -> Turn:
    """Queue a turn with the player's action at the head. Raises Refused.

    An empty action is a continue.
    """
    refuse_when_unable(adventure, text)
    screening.screen([text], "action", player, adventure)
    author = Author(player, roster.character_of(adventure, player))
    return queue_action(adventure, author, kind, text)


def queue_action(adventure: Adventure, author: Author, kind: str, text: str) -> Turn:
    """Queue a turn with an action at the head; the dice are rolled. Raises Refused."""
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
    return queue_turn(adventure, author, parent or head, kind, text, rolled)


def refuse_when_unable(adventure: Adventure, text: str) -> None:
    """Raise Refused if no action of this length can be told now."""
    disk_space.refuse_when_full()
    refuse_when_busy(adventure)
    operation.refuse_while_paused()
    edits.refuse_when_too_large(adventure, edits.size_of(text))


def refuse_when_busy(adventure: Adventure) -> None:
    """Raise Refused while a turn of the adventure is under way."""
    if adventure.turns.filter(status=Status.QUEUED).exists():
        raise Refused(
            "busy", _("The narrator is still writing. Stop it, or wait until it has finished.")
        )


def head_of(adventure: Adventure) -> Turn:
    """The head of the adventure, with its parent and last child."""
    assert adventure.head_id is not None, "an adventure begins with its opening"
    return Turn.objects.select_related("parent", "last_child").get(pk=adventure.head_id)


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
