"""The sweep: finds turns that a crash or a lost message left behind, and requeues or ends them."""

import logging
import platform
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import redis
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from game import metrics
from game.installed import publishing
from game.models import Adventure, Status, Turn
from game.moderation import operation
from game.play import endings, narration
from game.play.events import queue_client
from game.tables import deadlines
from inference.contract.request import Result
from inference.log_context import where
from inference.narrators import NarratorsError
from inference.worker.reply import BROKEN

logger = logging.getLogger(__name__)

ATTEMPTS = 3  # per turn

# A turn has this long to get from the commit into Redis before the sweep checks it.
GRACE = timedelta(seconds=3)
GIVE_UP_AFTER = timedelta(minutes=1)  # after which a turn fails that the sweep cannot process
# Adventures that changed in this time are checked for events that never reached the log.
LAG = timedelta(minutes=10)
BATCH_SIZE = 500  # turns whose state is read from Redis in one call


def sweep() -> None:
    """Run all parts of the sweep. If one fails, the others still run."""
    parts: list[Callable[[], None]] = [
        operation.publish_switched_off,
        publishing.publish,
        requeue_lost_turns,
        publish_missed_versions,
        stop_unwatched_turns,
        deadlines.pass_due_turns,
        tidy_queues,
    ]
    for part in parts:
        try:
            part()
        except (OperationalError, InterfaceError):
            raise  # the database is down: the other parts would fail, too
        except NarratorsError as problem:
            logger.warning("the sweep waits for the narrators file: %s", problem)
        except redis.RedisError as problem:
            logger.warning("the sweep waits for Redis: %s", problem)
            return
        except Exception as problem:
            logger.error("the sweep: %s: %s", part.__name__, where(problem))
    try:
        queue_client().note_sweep(platform.node())
    except redis.RedisError as problem:
        logger.warning("the sweep waits for Redis: %s", problem)


def requeue_lost_turns() -> None:
    """Requeue or end turns under way that have neither a lease nor a place in the queue."""
    under_way = Turn.objects.filter(status=Status.QUEUED, created__lt=Now() - GRACE)
    waiting = list(under_way.order_by("created").values_list("pk", "narrator"))
    # Most need nothing. Only the others are locked and checked one by one.
    for start in range(0, len(waiting), BATCH_SIZE):
        part = waiting[start : start + BATCH_SIZE]
        not_lost = turns_not_lost(part)
        for turn_id, _ in part:
            if turn_id not in not_lost:
                check_turn(turn_id)


def turns_not_lost(under_way: Sequence[tuple[UUID, str]]) -> set[UUID]:
    """Those of the turns (id, narrator) that need nothing from the sweep.

    They have a lease, or wait for a narrator that can run them. Nothing is locked: the next sweep
    sees later changes. Raises redis.RedisError and NarratorsError.
    """
    off = operation.state().narrators_off
    states = queue_client().states([(narrator, str(pk)) for pk, narrator in under_way])
    configured = {
        narrator: narration.is_configured(narrator) for narrator in {each for _, each in under_way}
    }
    return {
        pk
        for (pk, narrator), state in zip(under_way, states, strict=True)
        if state.end is None
        and (state.leased or (state.waiting and narrator not in off and configured[narrator]))
    }


def check_turn(turn_id: UUID) -> None:
    """Sweep one turn; an unexpected error in it does not keep the others waiting."""
    try:
        sweep_turn(turn_id)
    except (redis.RedisError, OperationalError, InterfaceError):
        raise  # the others would fail, too
    except Exception as problem:  # not logged as it is: its text may contain the player's words
        logger.error("turn %s: the sweep cannot help it: %s", turn_id, where(problem))
        fail_stuck_turn(turn_id)


def sweep_turn(turn_id: UUID) -> None:
    """Requeue or end a turn under way, with its adventure locked."""
    turn = Turn.objects.filter(pk=turn_id).first()
    if turn is None:
        return
    with transaction.atomic():
        Adventure.objects.select_for_update().get(pk=turn.adventure_id)
        turn = Turn.objects.select_related("adventure").get(pk=turn_id)
        if turn.status == Status.QUEUED:
            requeue_or_end(turn)


def requeue_or_end(turn: Turn) -> None:
    """What the sweep does with one turn under way:

    - its end is in the log: record it;
    - a worker has its lease: leave it;
    - it waits for a narrator that the host has no more, or has switched off: it fails;
    - it waits for a narrator that can tell it: leave it;
    - it was started and has no lease: its worker died; a new attempt goes on, up to ATTEMPTS;
    - it was never started: its wake-up or its place in the queue was lost; enqueue it again.
    """
    state = queue_client().state(turn.narrator, str(turn.pk))
    if state.end is not None:
        if endings.finish_turn(state.end):
            metrics.SWEPT.labels("end recorded").inc()
    elif state.leased:
        return
    elif not narration.is_configured(turn.narrator):
        reason = gettext_noop("This turn’s narrator is no longer available. Try again.")
        endings.fail_turn(turn, reason)
    elif turn.narrator in operation.state().narrators_off:
        endings.fail_turn(turn, operation.SWITCHED_OFF)
    elif state.waiting:
        return
    elif state.started >= turn.attempt and turn.attempt >= ATTEMPTS:
        metrics.SWEPT.labels("given up").inc()
        endings.fail_turn(
            turn,
            gettext_noop("The narrator failed three times. Try again, or rephrase your action."),
        )
    else:
        if state.started >= turn.attempt:
            turn.attempt += 1
            turn.save(update_fields=["attempt"])
        metrics.SWEPT.labels("sent again").inc()
        logger.info("turn %s: sent again as attempt %s", turn.pk, turn.attempt)
        narration.enqueue_on_commit(turn.adventure, turn)


def fail_stuck_turn(turn_id: UUID) -> None:
    """End a turn that the sweep could not process for GIVE_UP_AFTER; its reply so far stays."""
    turn = Turn.objects.filter(pk=turn_id, created__lt=Now() - GIVE_UP_AFTER).first()
    if turn is None:
        return
    adventure = str(turn.adventure_id)
    try:
        endings.finish_turn(
            Result(
                adventure=adventure,
                turn=str(turn.pk),
                attempt=turn.attempt,
                outcome="failed",
                reply=queue_client().reply_so_far(adventure, str(turn.pk)).reply,
                reason=BROKEN,
            )
        )
    except Exception as problem:
        logger.error("turn %s: cannot be ended: %s", turn_id, where(problem))


def publish_missed_versions() -> None:
    """Where the log lags behind Postgres (a crash between commit and append), make pages reload.

    A log without a version belongs to an emptied Redis: events may be missing since.
    """
    recent = Adventure.objects.filter(changed__gt=Now() - LAG, changed__lt=Now() - GRACE)
    versions = {str(pk): version for pk, version in recent.values_list("pk", "version")}
    for adventure, seen in queue_client().versions(list(versions)).items():
        if (seen or 0) < versions[adventure]:
            metrics.SWEPT.labels("log lagged").inc()
            logger.info("adventure %s: its log lags behind", adventure)
            queue_client().publish_lag(adventure, versions[adventure])


def stop_unwatched_turns() -> None:
    """Stop turns whose last connection closed STOP_WHEN_AWAY_SECONDS ago."""
    seconds = settings.STOP_WHEN_AWAY_SECONDS
    if not seconds:
        return
    old = Turn.objects.filter(
        status=Status.QUEUED, created__lt=Now() - timedelta(seconds=seconds)
    ).select_related("adventure")
    under_way = {str(turn.adventure_id): turn for turn in old}
    for adventure in queue_client().unwatched(list(under_way), seconds):
        try:
            endings.stop_unwatched_turn(under_way[adventure])
        except (redis.RedisError, OperationalError, InterfaceError):
            raise
        except Exception as problem:  # the others must still be stopped
            logger.error("adventure %s: not stopped: %s", adventure, where(problem))


def tidy_queues() -> None:
    """Remove outdated entries from each narrator's queue."""
    for narrator in narration.narrators().names:
        queue_client().drop_stale_requests(narrator)
