"""Requests that an idle worker prefills an adventure's next prompt: a page opens, or a head moves.

After a turn its worker does so by itself; the game tells it what it cannot know. Nothing depends
on it: if no worker is idle, or Redis is down, the next turn only starts later.
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


def request_read_ahead(adventure_id: UUID, only_if_more_is_known: bool = False) -> bool:
    """Request prefilling of what the next prompt begins with. Whether that was requested."""
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
        if only_if_more_is_known and not (request.context.earlier or request.context.world):
            return False
        queue_client().enqueue_read_ahead(request, worker)
    except Refused:
        return False  # the next action will be refused with the reason
    except redis.RedisError as problem:
        redis_breaker.trip()
        logger.warning("adventure %s: not read ahead: %s", found.pk, problem)
        return False
    return True


def request_on_commit(adventure: Adventure, after_turn: bool = False) -> None:
    """Request it once the change is committed, after which the prompt differs.

    After a turn its worker does so by itself, and is only told what it cannot know: what is
    recalled, and the state of the world.
    """
    identity = adventure.pk

    def request() -> None:
        request_read_ahead(identity, only_if_more_is_known=after_turn)

    after_commit(request)


def read_ahead_request(adventure: Adventure, head: Turn, narrator: str) -> GenerationRequest:
    """A request for the turn after the head, with an empty action."""
    # As in take_action: a failed turn without a reply stays beside the path.
    parent = head.parent if head.status == Status.FAILED and not head.reply else head
    turn = Turn(adventure=adventure, parent=parent or head, kind=Kind.CONTINUE, narrator=narrator)
    return GenerationRequest(
        adventure=str(adventure.pk),
        turn=str(turn.pk),
        attempt=1,
        narrator=narrator,
        context=context.story_context(adventure, turn),
    )
