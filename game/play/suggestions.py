"""Actions that the narrator suggests after a reply: screened, published, and kept for a day.

They are no part of the story and stand in Redis alone: what is lost is not missed.
"""

import logging
from uuid import UUID

import redis

from game.models import Status, Turn
from game.moderation import screening
from game.play.events import queue_client
from game.state.worlds import entries_at
from inference.contract.questions import Suggestions, digest_of
from inference.reply.third_person import worded_action
from inference.world.revealing import names_secret, reveal

logger = logging.getLogger(__name__)


def record(result: Suggestions) -> bool:
    """Publish a narrator's suggestions. False where the head or its texts have changed since."""
    turn = (
        Turn.objects.select_related("adventure", "player")
        .filter(pk=UUID(result.turn), adventure=UUID(result.adventure), status=Status.TOLD)
        .first()
    )
    if turn is None or turn.adventure.head_id != turn.pk or not turn.adventure.suggestions:
        return False
    if digest_of(worded_action(turn.kind, turn.action, turn.character), turn.reply) != result.texts:
        return False
    entries = entries_at(turn.pk)
    allowed = [
        each
        for each in result.actions
        # The narrator knows what is hidden from players.
        if not any(reveal(entries, each))
        and not names_secret(entries, each)
        and screening.allows_output(each, turn.adventure, turn.player)
    ]
    if not allowed:
        return False
    try:
        queue_client().publish_suggestions(result.adventure, result.turn, allowed)
    except redis.RedisError as problem:
        logger.warning("turn %s: its suggestions are lost: %s", turn.pk, problem)
        return False
    return True
