"""Goes on where the time to act is up: a part of the sweep, so it does not depend on a window."""

import logging
from datetime import timedelta
from uuid import UUID

import redis
from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now

from game.models import Adventure, Status, Table
from game.play.changes import NoSuchAdventure, change_adventure
from game.play.protocol import Refused
from game.tables import commands, order
from game.tables.roster import acting_members
from game.tables.state import publish_table
from inference.log_context import where

logger = logging.getLogger(__name__)

BATCH_SIZE = 100  # tables in one sweep
TRY_AGAIN = timedelta(seconds=10)  # while the narrator cannot be reached, or still tells
PASSING = ("busy", "full", "too_many", "narrator_down")  # codes of refusals that pass by themselves


def pass_due_turns() -> None:
    """Skip whose time is up, and tell what was proposed until then."""
    due = Table.objects.filter(until__lt=Now(), adventure__deleted__isnull=True)
    for adventure_id in due.order_by("until").values_list("pk", flat=True)[:BATCH_SIZE]:
        try:
            pass_turn(adventure_id)
        except NoSuchAdventure:
            continue
        except (redis.RedisError, OperationalError, InterfaceError):
            raise  # the others would fail, too
        except Exception as problem:  # the others must still go on
            logger.error("adventure %s: its time is up: %s", adventure_id, where(problem))
            Table.objects.filter(pk=adventure_id).update(until=Now() + TRY_AGAIN)


def pass_turn(adventure_id: UUID) -> None:
    """Go on with one table, unless somebody acted meanwhile."""
    with change_adventure(adventure_id) as adventure:
        table = Table.objects.filter(pk=adventure_id, until__lt=Now()).first()
        if table is None:
            return
        if adventure.turns.filter(status=Status.QUEUED).exists():
            table.until = Now() + TRY_AGAIN
            table.save(update_fields=["until"])
            return
        if table.order == Table.Order.ROUND:
            skip_late(adventure, table)
        else:
            tell_late(adventure, table)
        publish_table(adventure)


def skip_late(adventure: Adventure, table: Table) -> None:
    """Pass the turn on. Once nobody acted for a whole round, the clock stands still."""
    table.skipped += 1
    if table.skipped >= len(acting_members(adventure)):
        table.until, table.skipped = None, 0
        table.save()
    else:
        order.skip(adventure, table)


def tell_late(adventure: Adventure, table: Table) -> None:
    """Tell what there is, or try again where the narrator cannot."""
    decision = order.decided(adventure, table, time_is_up=True)
    if decision is None:
        table.until = None
        table.save(update_fields=["until"])
        return
    try:
        with transaction.atomic():
            commands.tell(adventure, table, decision)
    except Refused as refused:
        logger.info("adventure %s: not told yet: %s", adventure.pk, refused.code)
        # What is refused for good waits for the players, and not for a clock.
        table.until = Now() + TRY_AGAIN if refused.code in PASSING else None
        table.save(update_fields=["until"])
