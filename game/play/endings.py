"""Ends turns: a reply that was told, stopped or failed is stored once and published."""

import contextlib
import logging
from uuid import UUID

import redis
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from game import metrics
from game.models import Adventure, Status, Turn, TurnContext
from game.moderation import screening
from game.play import edits, read_ahead
from game.play.changes import NoSuchAdventure, change_adventure, log_on_commit, publish_fields
from game.play.events import publish_on_commit, queue_client
from game.play.protocol import Refused, TurnEnded, TurnFailed
from game.play.snapshots import turn_data
from game.recall.indexing import index_on_commit
from game.state import changes as world_changes
from game.tables import order
from game.tables.state import publish_table
from inference.contract.prompt_report import UnreadableReport, unpack
from inference.contract.request import Result

logger = logging.getLogger(__name__)


def finish_turn(result: Result) -> bool:
    """Store a worker's result. False if its attempt is outdated, or the turn has ended."""
    try:
        with change_adventure(UUID(result.adventure)) as adventure:
            return record_end(adventure, UUID(result.turn), result)
    except NoSuchAdventure:
        return False  # it was deleted meanwhile


def fail_turn(turn: Turn, reason: str) -> bool:
    """End a turn whose attempts all failed; the reply so far stays. False if it has ended.

    Raises redis.RedisError.
    """
    revoked = queue_client().revoke(
        str(turn.adventure_id), turn.narrator, str(turn.pk), turn.attempt
    )
    result = revoked.end or Result(
        adventure=str(turn.adventure_id),
        turn=str(turn.pk),
        attempt=turn.attempt,
        outcome="failed",
        reply=revoked.reply,
        reason=reason,
    )
    return finish_turn(result)


def stop_unwatched_turn(turn: Turn) -> None:
    """Stop a turn that nobody watches any more."""
    with contextlib.suppress(NoSuchAdventure), change_adventure(turn.adventure_id) as adventure:
        if adventure.turns.filter(pk=turn.pk, status=Status.QUEUED).exists():
            reason = gettext_noop("Stopped because the page was closed.")
            stop_turn_under_way(adventure, reason)


def stop_turn_under_way(adventure: Adventure, reason: str = "") -> None:
    """End the turn under way with its reply so far. Raises Refused if Redis is down.

    Its lease is revoked first: from then on its worker cannot append to the log, and frees the slot
    at its next step. So the stored reply is what players have seen.
    """
    turn = adventure.turns.filter(status=Status.QUEUED).first()
    if turn is None:
        return
    try:
        revoked = queue_client().revoke(
            str(adventure.pk), turn.narrator, str(turn.pk), turn.attempt
        )
    except redis.RedisError:
        raise Refused(
            "narrator_down", _("The narrator cannot be reached. Try again in a moment."), 5
        ) from None
    stopped = Result(
        adventure=str(adventure.pk),
        turn=str(turn.pk),
        attempt=turn.attempt,
        outcome="stopped",
        reply=revoked.reply,
        reason=reason,
    )
    record_end(adventure, turn.pk, revoked.end or stopped)


def record_end(adventure: Adventure, turn_id: UUID, result: Result) -> bool:
    """Store and publish an end. False if the turn is not under way in this attempt.

    One conditional update settles races between the worker, a stop and the sweep.
    """
    under_way = Turn.objects.filter(pk=turn_id, attempt=result.attempt, status=Status.QUEUED)
    updated = under_way.update(
        status=result.outcome, reply=result.reply, reason=result.reason[:300], told=Now()
    )
    if not updated:
        return False
    turn = Turn.objects.select_related("adventure", "player").get(pk=turn_id)
    adventure.size += edits.size_of(turn.reply)
    store_context(adventure, turn, result)
    world_changes.read_turn(turn)
    metrics.turn_ended(turn, result)
    log_on_commit(f"turn {result.outcome}", turn, tokens=result.tokens, seconds=result.seconds)
    screening.record_reply_hits(turn, result)
    if order.turn_ended(adventure):
        publish_table(adventure)
    if result.outcome == "failed":
        event: TurnFailed | TurnEnded = TurnFailed(turn=str(turn_id), reason=turn.reason)
    else:
        event = TurnEnded(
            type="turn.told" if result.outcome == "told" else "turn.stopped", turn=turn_data(turn)
        )
    publish_on_commit(adventure, event)
    index_on_commit(turn.pk)
    read_ahead.request_on_commit(adventure, after_turn=True)
    return True


def store_context(adventure: Adventure, turn: Turn, result: Result) -> None:
    """Store the prompt report of a turn; of a stopped turn only Redis has it."""
    details = result.details
    if not details:
        try:
            details = queue_client().details(str(turn.pk))
        except redis.RedisError:
            logger.warning("turn %s: its prompt report is lost: Redis is down", turn.pk)
    if details:
        reveal_used_cards(adventure, details)
        TurnContext.objects.create(
            turn=turn,
            details=details,
            tokens=result.tokens,
            seconds=result.seconds,
            first_token_seconds=result.first_token_seconds,
        )


def reveal_used_cards(adventure: Adventure, details: str) -> None:
    """Make the hidden cards visible that were in the prompt."""
    cards = adventure.cards.filter(hidden=True)
    if not cards.exists():
        return
    try:
        used = {(each.title, each.key) for each in unpack(details).fired}
    except UnreadableReport:
        return
    revealed = [
        card.pk
        for card in cards
        if any(card.title == title and (not key or key in card.keys) for title, key in used)
    ]
    if revealed:
        cards.filter(pk__in=revealed).update(hidden=False)
        publish_fields(adventure)
