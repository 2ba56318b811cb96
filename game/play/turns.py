"""The only place where a turn changes.

Every function here runs in one transaction that locks the adventure's row first, raises its
version where something changes, and publishes what happened on commit. Lock order: adventure, then
player.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from game import disk_space, metrics
from game.database import after_commit
from game.models import Adventure, Command, Edit, Kind, Player, Status, Turn, TurnContext
from game.moderation import operation, screening
from game.play import dice, edits, narration, read_ahead, tree
from game.play.events import publish_on_commit, story_log
from game.play.protocol import (
    Accepted,
    EditTurn,
    GoToTurn,
    HeadMoved,
    Keyed,
    PlotChanged,
    RedoTurn,
    Refused,
    RetryTurn,
    StopTurn,
    TakeAction,
    TurnEdited,
    TurnEnded,
    TurnFailed,
    TurnQueued,
    UndoTurn,
)
from game.play.snapshots import adventure_shown, turn_shown
from inference.contract.prompt_report import NoDetails, unpack
from inference.contract.request import Result
from inference.reply import shown_action

logger = logging.getLogger(__name__)

ATTEMPTS = 3

# Seconds after which it is worth trying again when a player has too much under way: about a turn.
RETRY_SOON = 5


class NoSuchAdventure(Exception):
    """No adventure with this id, or none that this player may touch: the two look alike."""


@contextmanager
def changed(adventure_id: UUID, player: Player | None = None) -> Iterator[Adventure]:
    """One change of an adventure, with its row locked.

    Its version and time are raised if something changed, which whatever is published means, and
    `raise_version` says where nothing is. Raises NoSuchAdventure, also where `player` is given and
    is not a member.
    """
    found = Adventure.objects.all() if player is None else Adventure.objects.of(player)
    with transaction.atomic():
        adventure = found.select_for_update(of=("self",)).filter(pk=adventure_id).first()
        if adventure is None:
            raise NoSuchAdventure
        yield adventure
        if adventure.version_raised:
            adventure.save(update_fields=["version", "changed", "head", "size", "last_edit"])


def publish_fields(adventure: Adventure) -> None:
    """Tell everyone who watches what the adventure's own fields are now: title, plot, options."""
    adventure.raise_version()  # the fields name the version
    publish_on_commit(adventure, PlotChanged(adventure=adventure_shown(adventure)))


@screening.noted()
def carry_out(adventure_id: UUID, player: Player, command: Keyed) -> Accepted:
    """Carry out a player's command, once: sent again, it gets the same outcome.

    Raises Refused, which changes nothing, and NoSuchAdventure.
    """
    with changed(adventure_id, player) as adventure:
        before = Command.objects.filter(adventure=adventure, key=command.key).first()
        if before is not None:
            return Accepted(key=str(command.key), turn=before.outcome["turn"])
        turn = act(adventure, player, command)
        its_turn = str(turn.pk) if turn else None
        Command.objects.create(
            adventure=adventure,
            key=command.key,
            player=player,
            type=command.type,
            outcome={"turn": its_turn},
        )
        return Accepted(key=str(command.key), turn=its_turn)


def act(adventure: Adventure, player: Player, command: Keyed) -> Turn | None:
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


# What players do. Each is called within `changed`, by carry_out.


def take_action(adventure: Adventure, player: Player, kind: str, text: str) -> Turn:
    """The player acts at the head; the narrator answers. An empty action is a continue."""
    disk_space.refuse_when_full()
    refuse_when_busy(adventure)
    operation.refuse_while_paused()
    edits.refuse_when_too_large(adventure, edits.size_of(text))
    screening.screen([text], "action", player, adventure)
    head = head_of(adventure)
    # A failed turn without words is left beside the path, where retry finds it.
    parent = head.parent if head.status == Status.FAILED and not head.reply else head
    if not shown_action(kind, text):  # type: ignore[arg-type]
        kind = Kind.CONTINUE
    difficulty = dice.difficulty_of(kind, text) if adventure.dice else None
    rolled = dice.roll(difficulty) if difficulty else None
    text = "" if kind == Kind.CONTINUE else text
    return queue_turn(adventure, player, parent or head, kind, text, rolled)


def retry_turn(adventure: Adventure, player: Player, turn_id: UUID) -> Turn:
    """Ask for another reply to the same action. The earlier one stays in the tree.

    The dice have fallen: another telling of the same moment does not roll again.
    """
    disk_space.refuse_when_full()
    refuse_when_busy(adventure)
    operation.refuse_while_paused()
    turn = turn_of(adventure, turn_id)
    edits.refuse_when_too_large(adventure, edits.size_of(turn.action))
    screening.screen([turn.action], "action", player, adventure)
    if turn.parent is None:
        raise Refused("not_allowed", _("The opening cannot be retried. Edit it instead."))
    return queue_turn(adventure, player, turn.parent, turn.kind, turn.action, turn.dice)


def undo_turn(adventure: Adventure, player: Player) -> Turn:
    """Take back the last thing done: an edit, or the last action.

    A turn under way is stopped first.
    """
    if edited := edits.texts_before_last(adventure, undone=False):
        return put_back(adventure, player, *edited, undone=True)
    head = head_of(adventure)
    if head.parent is None:
        raise Refused("not_allowed", _("There is nothing to undo."))
    stop_what_is_under_way(adventure)
    return move_head(adventure, head.parent)


def redo_turn(adventure: Adventure, player: Player) -> Turn:
    """Bring back what undo took back: an edit, or the turn that was played last from here."""
    if edited := edits.texts_before_last(adventure, undone=True):
        return put_back(adventure, player, *edited, undone=False)
    head = head_of(adventure)
    if head.last_child is None:
        raise Refused("not_allowed", _("There is nothing to redo."))
    stop_what_is_under_way(adventure)
    return move_head(adventure, head.last_child)


def go_to_turn(adventure: Adventure, turn_id: UUID) -> Turn:
    """Go on from any turn of the tree."""
    turn = turn_of(adventure, turn_id)
    stop_what_is_under_way(adventure)
    if turn.pk == adventure.head_id:
        return turn
    tree.lead_redo_to(turn.pk)
    return move_head(adventure, turn)


def edit_turn(
    adventure: Adventure, player: Player, turn_id: UUID, action: str | None, reply: str | None
) -> Turn:
    """Replace an action or a reply; what it replaced is kept in an Edit."""
    disk_space.refuse_when_full()
    edits.refuse_too_many(player)
    turn = turn_of(adventure, turn_id)
    if turn.kind == Kind.OPENING and action:
        raise Refused("not_allowed", _("The opening has no action to edit, only its text."))
    texts = {Edit.Field.ACTION.value: action, Edit.Field.REPLY.value: reply}
    more = sum(edits.size_of(text) for text in edits.changes(turn, texts).values())
    edits.refuse_when_too_large(adventure, more)
    screening.screen(edits.written(turn, edits.changes(turn, texts)), "edit", player, adventure)
    return put_texts(adventure, player, turn, texts, undone=False)


def put_back(
    adventure: Adventure, player: Player, turn: Turn, texts: edits.Texts, *, undone: bool
) -> Turn:
    """Undo or redo an edit, which is an edit as well: it counts, and rules apply to its words."""
    disk_space.refuse_when_full()
    edits.refuse_too_many(player)
    screening.screen(edits.written(turn, texts), "edit", player, adventure)
    return put_texts(adventure, player, turn, texts, undone=undone)


def put_texts(
    adventure: Adventure,
    player: Player,
    turn: Turn,
    texts: Mapping[str, str | None],
    *,
    undone: bool,
) -> Turn:
    """Put texts into a turn, as an edit, or (`undone`) as an edit that is taken back.

    A turn under way is stopped first, and its words so far are what is replaced.
    """
    stop_what_is_under_way(adventure)
    turn = turn_of(adventure, turn.pk)
    new = edits.changes(turn, texts)
    if not new:
        return turn
    edits.note_last(adventure, turn, edits.replace(adventure, turn, new, player), undone=undone)
    edited = TurnEdited(turn=turn_shown(turn), last_edit=edits.last_edit(adventure))
    publish_on_commit(adventure, edited)
    read_ahead.ask_on_commit(adventure)
    return turn


def stop_turn(adventure: Adventure, turn_id: UUID) -> Turn:
    """End the reply here. The words told so far stay; stopping an ended turn changes nothing."""
    turn = turn_of(adventure, turn_id)
    if turn.status == Status.QUEUED:
        stop_what_is_under_way(adventure)
    return turn


# How a reply ends


def finish_turn(result: Result) -> bool:
    """Store how the narrator's reply ended. False when it is a stale attempt's, or ended before."""
    try:
        with changed(UUID(result.adventure)) as adventure:
            return record_end(adventure, UUID(result.turn), result)
    except NoSuchAdventure:
        return False  # deleted while it was told


def fail_turn(turn: Turn, reason: str) -> bool:
    """End a turn that no attempt could tell. Words that were told stay."""
    told = story_log().revoke(str(turn.adventure_id), turn.narrator, str(turn.pk), turn.attempt)
    result = told.end or Result(
        adventure=str(turn.adventure_id),
        turn=str(turn.pk),
        attempt=turn.attempt,
        outcome="failed",
        reply=told.reply,
        reason=reason,
    )
    return finish_turn(result)


def leave_turn(turn: Turn) -> None:
    """Stop a turn that nobody watches any more."""
    with contextlib.suppress(NoSuchAdventure), changed(turn.adventure_id) as adventure:
        if adventure.turns.filter(pk=turn.pk, status=Status.QUEUED).exists():
            reason = gettext_noop("Stopped because the page was closed.")
            stop_what_is_under_way(adventure, reason)


def record_end(adventure: Adventure, turn_id: UUID, result: Result) -> bool:
    """One conditional update: only the attempt that Postgres knows, only while under way."""
    under_way = Turn.objects.filter(pk=turn_id, attempt=result.attempt, status=Status.QUEUED)
    updated = under_way.update(
        status=result.outcome, reply=result.reply, reason=result.reason[:300], told=Now()
    )
    if not updated:
        return False
    turn = Turn.objects.select_related("adventure", "player").get(pk=turn_id)
    adventure.size += edits.size_of(turn.reply)
    keep_context(adventure, turn, result)
    metrics.turn_ended(turn, result)
    log_on_commit(f"turn {result.outcome}", turn, tokens=result.tokens, seconds=result.seconds)
    screening.note_reply(turn, result)
    if result.outcome == "failed":
        event: TurnFailed | TurnEnded = TurnFailed(turn=str(turn_id), reason=turn.reason)
    else:
        told = result.outcome == "told"
        event = TurnEnded(type="turn.told" if told else "turn.stopped", turn=turn_shown(turn))
    publish_on_commit(adventure, event)
    return True


def keep_context(adventure: Adventure, turn: Turn, result: Result) -> None:
    """Keep what the narrator was given. A turn that was stopped has it in Redis alone."""
    details = result.details
    if not details:
        try:
            details = story_log().details(str(turn.pk))
        except redis.RedisError:
            logger.warning("turn %s: what the narrator was given is lost: Redis is away", turn.pk)
    if details:
        reveal_used(adventure, details)
        TurnContext.objects.create(
            turn=turn,
            details=details,
            tokens=result.tokens,
            seconds=result.seconds,
            first_token_seconds=result.first_token_seconds,
        )


def reveal_used(adventure: Adventure, details: str) -> None:
    """From now on players see the cards that a narrator was given."""
    cards = adventure.cards.filter(hidden=True)
    if not cards.exists():
        return
    try:
        used = {(each.title, each.key) for each in unpack(details).fired}
    except NoDetails:
        return
    revealed = [
        card.pk
        for card in cards
        if any(card.title == title and (not key or key in card.keys) for title, key in used)
    ]
    if revealed:
        cards.filter(pk__in=revealed).update(hidden=False)
        publish_fields(adventure)


# What several of them need


def refuse_when_busy(adventure: Adventure) -> None:
    if adventure.turns.filter(status=Status.QUEUED).exists():
        raise Refused(
            "busy", _("The narrator is still writing. Stop it, or wait until it has finished.")
        )


def turn_of(adventure: Adventure, turn_id: UUID) -> Turn:
    turn = adventure.turns.filter(pk=turn_id).select_related("parent").first()
    if turn is None:
        raise Refused("unknown_turn", _("That turn is not in this adventure. Reload the page."))
    return turn


def head_of(adventure: Adventure) -> Turn:
    assert adventure.head_id is not None, "an adventure begins with its opening"
    return Turn.objects.select_related("parent", "last_child").get(pk=adventure.head_id)


def move_head(adventure: Adventure, turn: Turn) -> Turn:
    adventure.head, adventure.last_edit = turn, None
    moved = HeadMoved(
        head=str(turn.pk),
        undo=turn.parent_id is not None,
        redo=str(turn.last_child_id) if turn.last_child_id else None,
    )
    publish_on_commit(adventure, moved)
    read_ahead.ask_on_commit(adventure)
    return turn


def queue_turn(
    adventure: Adventure,
    player: Player,
    parent: Turn,
    kind: str,
    text: str,
    rolled: dict[str, Any] | None,
) -> Turn:
    """Put a new turn under `parent`, make it the head, and send it to the narrator on commit."""
    refuse_when_player_has_enough(player)
    narrator = narration.narrator_of(adventure)
    place = narration.place_for(narrator, player)
    refuse_when_full(place)
    turn = Turn.objects.create(
        adventure=adventure,
        parent=parent,
        player=player,
        kind=kind,
        action=text,
        narrator=narrator.name,
        dice=rolled,
    )
    Turn.objects.filter(pk=parent.pk).update(last_child=turn)
    adventure.head, adventure.last_edit = turn, None
    adventure.size += edits.size_of(text)
    queued = TurnQueued(
        turn=turn_shown(turn), position=place.position, eta_seconds=place.eta_seconds
    )
    # The log must hold turn.queued before a worker can log that it has started.
    publish_on_commit(adventure, queued)
    hand_over_on_commit(adventure, turn)
    log_on_commit("turn queued", turn, kind=kind, position=place.position)
    return turn


def refuse_when_full(place: narration.Place) -> None:
    wait, most = place.eta_seconds, settings.MAX_WAIT_SECONDS
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
    """At most TURNS_PER_PLAYER under way; the lock keeps two adventures from racing past it."""
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


def hand_over_on_commit(adventure: Adventure, turn: Turn) -> None:
    request = narration.request_for(adventure, turn)

    def hand_over() -> None:
        try:
            narration.hand_over(request)
        except redis.RedisError as problem:
            logger.warning("turn %s: not handed over, the sweep will: %s", request.turn, problem)

    after_commit(hand_over)


def stop_what_is_under_way(adventure: Adventure, reason: str = "") -> None:
    """End the turn under way with the words told so far.

    Its lease is taken away in Redis first: from then on its worker can append nothing, notices it
    at its next step and frees the slot. What players have seen is therefore what is stored.
    """
    turn = adventure.turns.filter(status=Status.QUEUED).first()
    if turn is None:
        return
    try:
        told = story_log().revoke(str(adventure.pk), turn.narrator, str(turn.pk), turn.attempt)
    except redis.RedisError:
        raise Refused(
            "narrator_down", _("The narrator cannot be reached. Try again in a moment."), 5
        ) from None
    stopped = Result(
        adventure=str(adventure.pk),
        turn=str(turn.pk),
        attempt=turn.attempt,
        outcome="stopped",
        reply=told.reply,
        reason=reason,
    )
    record_end(adventure, turn.pk, told.end or stopped)


def log_on_commit(event: str, turn: Turn, **figures: object) -> None:
    """One line about a turn: ids and figures, never its words."""
    names = {"adventure": turn.adventure_id, "turn": turn.pk, "attempt": turn.attempt}
    shown = " ".join(f"{name}={value}" for name, value in figures.items())

    def log() -> None:
        logger.info("turn %s: %s %s", turn.pk, event, shown, extra={**names, **figures})

    after_commit(log)


# The sweep: what a crash or a lost message left behind


def give_again(turn_id: UUID, decide: Callable[[Turn], None]) -> None:
    """Look at a turn under way with its adventure locked, so that nobody ends it meanwhile."""
    turn = Turn.objects.filter(pk=turn_id).first()
    if turn is None:
        return
    with transaction.atomic():
        Adventure.objects.select_for_update().get(pk=turn.adventure_id)
        turn = Turn.objects.select_related("adventure").get(pk=turn_id)
        if turn.status == Status.QUEUED:
            decide(turn)


def on_their_way(under_way: Sequence[tuple[UUID, str]]) -> set[UUID]:
    """Those of many turns, each with its narrator, that the sweep may leave alone.

    They are told, or wait for a narrator that can tell them. Nothing is locked for that: where it
    changes meanwhile the next sweep sees it. Raises redis.RedisError and NarratorsError.
    """
    off = operation.state().narrators_off
    states = story_log().states([(narrator, str(pk)) for pk, narrator in under_way])
    here = {narrator: narration.is_here(narrator) for narrator in {each for _, each in under_way}}
    return {
        pk
        for (pk, narrator), state in zip(under_way, states, strict=True)
        if state.end is None
        and (state.leased or (state.waiting and narrator not in off and here[narrator]))
    }


def sweep_turn(turn: Turn) -> None:
    """Bring one turn under way back on its way, if it has lost it.

    - its end is in the log: record it;
    - somebody tells it: leave it;
    - it waits for a narrator that the host has no more, or has switched off: it fails;
    - it waits for one who can: leave it;
    - it was started and nobody tells it: its worker died; a new attempt goes on, up to ATTEMPTS;
    - it was never started: its message or its place in the line was lost; send it again.
    """
    state = story_log().state(turn.narrator, str(turn.pk))
    if state.end is not None:
        if finish_turn(state.end):
            metrics.SWEPT.labels("end recorded").inc()
    elif state.leased:
        return
    elif not narration.is_here(turn.narrator):
        reason = gettext_noop("This turn’s narrator is no longer available. Try again.")
        fail_turn(turn, reason)
    elif turn.narrator in operation.state().narrators_off:
        fail_turn(turn, operation.SWITCHED_OFF)
    elif state.waiting:
        return
    elif state.started >= turn.attempt and turn.attempt >= ATTEMPTS:
        metrics.SWEPT.labels("given up").inc()
        fail_turn(
            turn,
            gettext_noop("The narrator failed three times. Try again, or rephrase your action."),
        )
    else:
        if state.started >= turn.attempt:
            turn.attempt += 1
            turn.save(update_fields=["attempt"])
        metrics.SWEPT.labels("sent again").inc()
        logger.info("turn %s: sent again as attempt %s", turn.pk, turn.attempt)
        hand_over_on_commit(turn.adventure, turn)
