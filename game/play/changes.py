"""Changes an adventure in one transaction: locks its row, raises its version, publishes on commit.

Lock order: adventure, then player.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from game.database import after_commit
from game.models import Adventure, Player, Turn
from game.play.events import publish_on_commit
from game.play.protocol import PlotChanged
from game.play.snapshots import adventure_data

logger = logging.getLogger(__name__)


class NoSuchAdventure(Exception):
    """There is no adventure with this id, or it is not the player's."""


@contextmanager
def change_adventure(
    adventure_id: UUID, player: Player | None = None, *, member: bool = False
) -> Iterator[Adventure]:
    """Change an adventure in one transaction, with its row locked.

    Version and time are stored if `raise_version` was called, which publishing an event does.
    Raises NoSuchAdventure, also if `player` is given and does not own it; with `member` any
    role will do, and the caller checks what it may change.
    """
    found = Adventure.objects.all()
    if player is not None:
        found = found.readable_by(player) if member else found.of(player)
    with transaction.atomic():
        adventure = found.select_for_update(of=("self",)).filter(pk=adventure_id).first()
        if adventure is None:
            raise NoSuchAdventure
        # While this waited for the lock, it may have been handed over: a row of another table.
        if player is not None and not member and not found.filter(pk=adventure_id).exists():
            raise NoSuchAdventure
        yield adventure
        if adventure.version_raised:
            adventure.save(update_fields=["version", "changed", "head", "size", "last_edit"])


def publish_fields(adventure: Adventure) -> None:
    """Publish the adventure's own fields: title, plot, options."""
    adventure.raise_version()  # the fields name the version
    publish_on_commit(adventure, PlotChanged(adventure=adventure_data(adventure)))


def log_on_commit(event: str, turn: Turn, **figures: object) -> None:
    """Log a line about a turn on commit: ids and figures, no text of the story."""
    names = {"adventure": turn.adventure_id, "turn": turn.pk, "attempt": turn.attempt}
    text = " ".join(f"{name}={value}" for name, value in figures.items())

    def log() -> None:
        logger.info("turn %s: %s %s", turn.pk, event, text, extra={**names, **figures})

    after_commit(log)
