"""Pauses the host, and switches narrators off and on."""

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

RETRY_PAUSED = 60  # Retry-After in seconds while the host is paused


def state() -> Operation:
    """The current settings of the host."""
    return Operation.objects.filter(pk=1).first() or Operation()


def refuse_while_paused() -> None:
    """Raise Refused, with the host's message, while it takes no new actions."""
    now = state()
    if now.paused:
        raise Refused("narrator_down", pause_message(now), RETRY_PAUSED)


def pause_message(now: Operation) -> str:
    """The operator's message to players, or the standard one."""
    return now.message or _(
        "The host has paused the game. What you typed is kept; try again later."
    )


# Stored as the reason of turns, and translated when it is shown.
SWITCHED_OFF = gettext_noop(
    "The host has switched off this narrator. Choose another one in Settings, or wait."
)


def pause(by: Player, message: str = "") -> None:
    """Refuse new actions from now on. Turns under way are finished."""
    change(by, "pause", paused=True, message=clean_text(message)[:300])


def resume(by: Player) -> None:
    """Accept new actions again."""
    change(by, "resume", paused=False, message="")


def switch(by: Player, narrator: str, on: bool) -> None:
    """Switch a narrator on or off. Turns that wait for one that is off fail with a reason."""
    with transaction.atomic():
        off = set(lock_operation().narrators_off)
        off = off - {narrator} if on else off | {narrator}
        change(by, "narrator_on" if on else "narrator_off", subject=narrator, off=off)
    publish_switched_off()


def lock_operation() -> Operation:
    """The settings, locked until the transaction ends."""
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
    """Change the settings, and audit that."""
    with transaction.atomic():
        now = lock_operation()
        if paused is not None:
            now.paused, now.message = paused, message
        if off is not None:
            now.narrators_off = sorted(off)
        now.changed = Now()
        now.save()
        audit.record(action, by, subject=subject, reason=message)


def publish_switched_off() -> None:
    """Publish to workers who is off. The sweep repeats it, in case Redis was emptied."""
    try:
        queue_client().switch_off(state().narrators_off)
    except redis.RedisError as problem:
        logger.warning("switched-off narrators are not published: %s", problem)
