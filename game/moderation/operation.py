"""Pausing the host, and switching narrators off and on."""

import logging
from collections.abc import Iterable

import redis
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from game.models import Operation, Player
from game.moderation import audit
from game.play.events import queue_client
from game.play.protocol import Refused, clean_text

logger = logging.getLogger(__name__)

RETRY_PAUSED = 60  # seconds after which it is worth trying again


def state() -> Operation:
    """How the host runs now."""
    return Operation.objects.filter(pk=1).first() or Operation()


def refuse_while_paused() -> None:
    """Raises Refused while the host takes no new actions; it says why."""
    now = state()
    if now.paused:
        raise Refused("narrator_down", pause_message(now), RETRY_PAUSED)


def pause_message(now: Operation) -> str:
    return now.message or _(
        "The host has paused the game. What you typed is kept; try again later."
    )


# Kept as the reason of turns, and translated when it is shown.
SWITCHED_OFF = gettext_noop(
    "The host has switched off this narrator. Choose another one in Settings, or wait."
)


def pause(by: Player, message: str = "") -> None:
    """Take no new actions. What is under way is told to its end."""
    change(by, "pause", paused=True, message=clean_text(message)[:300])


def resume(by: Player) -> None:
    """Take new actions again."""
    change(by, "resume", paused=False, message="")


def switch(by: Player, narrator: str, on: bool) -> None:
    """Have a narrator tell, or not. What waits for one that is off ends with a word about it."""
    with transaction.atomic():
        off = set(locked().narrators_off)
        off = off - {narrator} if on else off | {narrator}
        change(by, "narrator_on" if on else "narrator_off", subject=narrator, off=off)
    publish_switched_off()


def locked() -> Operation:
    Operation.objects.get_or_create(pk=1)
    return Operation.objects.select_for_update().get(pk=1)


def change(
    by: Player,
    action: str,
    *,
    subject: str = "",
    paused: bool | None = None,
    message: str = "",
    off: Iterable[str] | None = None,
) -> None:
    """One change of how the host runs, with its line in the log."""
    with transaction.atomic():
        now = locked()
        if paused is not None:
            now.paused, now.message = paused, message
        if off is not None:
            now.narrators_off = sorted(off)
        now.changed = Now()
        now.save()
        audit.record(action, by, subject=subject, reason=message)


def publish_switched_off() -> None:
    """Redis may have been emptied: say again who is off. The sweep calls this."""
    try:
        queue_client().switch_off(state().narrators_off)
    except redis.RedisError as problem:
        logger.warning("workers are not told who is switched off: %s", problem)
