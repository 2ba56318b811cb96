"""Asks an idle worker to read an adventure's next prompt: its page is opened, or its head moves.

After a turn its worker does so unasked. Nothing depends on it: where no worker is idle, or Redis is
away, the next turn takes as long as it does without.
"""

import logging
from uuid import UUID

import redis
from django.conf import settings

from game.database import after_commit
from game.models import Adventure, Kind, Status, Turn
from game.play import context, narration
from game.play.events import queue_client, redis_breaker
from game.play.protocol import Refused
from inference.contract.request import GenerationRequest

logger = logging.getLogger(__name__)


def ask(adventure_id: UUID) -> bool:
    """Ask for what the next prompt of an adventure begins with. Whether a worker was asked."""
    if not settings.INFERENCE.read_ahead or redis_breaker.is_open:
        return False
    found = Adventure.objects.filter(pk=adventure_id).select_related("head").first()
    if found is None or found.head is None or found.head.status == Status.QUEUED:
        return False
    try:
        narrator = narration.narrator_of(found)
        worker = queue_client().worker_for_read_ahead(narrator.name, str(found.pk))
        if not worker:
            return False
        request = read_ahead_request(found, found.head, narrator.name)
        queue_client().enqueue_read_ahead(request, worker)
    except Refused:
        return False  # whoever acts is told why
    except redis.RedisError as problem:
        redis_breaker.trip()
        logger.warning("adventure %s: not read ahead: %s", found.pk, problem)
        return False
    return True


def ask_on_commit(adventure: Adventure) -> None:
    """Ask once the change is committed: what comes next begins differently."""
    identity = adventure.pk

    def ask_now() -> None:
        ask(identity)

    after_commit(ask_now)


def read_ahead_request(adventure: Adventure, head: Turn, narrator: str) -> GenerationRequest:
    """The turn that would follow the head, with an action that nobody knows yet."""
    # As in take_action: a failed turn without words is left beside the path.
    parent = head.parent if head.status == Status.FAILED and not head.reply else head
    turn = Turn(adventure=adventure, parent=parent or head, kind=Kind.CONTINUE)
    return GenerationRequest(
        adventure=str(adventure.pk),
        turn=str(turn.pk),
        attempt=1,
        narrator=narrator,
        context=context.story_context(adventure, turn),
    )
