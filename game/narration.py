"""The game's way to its narrators: which there are, and giving them a turn to tell."""

import logging
from dataclasses import dataclass

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from game import context
from game.log import story_log
from game.models import Adventure, Turn
from game.protocol import Refused
from inference.narrators import Narrator, Narrators, UnknownNarrator, load_narrators
from inference.request import GenerationRequest

logger = logging.getLogger(__name__)


def narrators() -> Narrators:
    return load_narrators(settings.INFERENCE.narrators_file)


def narrator_of(adventure: Adventure) -> Narrator:
    """The adventure's narrator. Raises Refused("narrator_down") when the host has it no more."""
    try:
        return narrators().get(adventure.narrator) if adventure.narrator else narrators().default
    except UnknownNarrator:
        raise Refused(
            "narrator_down",
            f"The narrator “{adventure.narrator}” is not on this host any more. "
            "Ask the host to bring it back, or begin a new adventure.",
        ) from None


@dataclass(frozen=True)
class Place:
    """Where a new turn would stand in its narrator's line, and how long it would wait there."""

    position: int
    eta_seconds: int | None  # None: nobody knows


def place_for(narrator: Narrator) -> Place:
    """Where a new turn would stand. Raises Refused when no worker of the narrator lives.

    With Redis away a turn is taken all the same: Postgres holds it, and the sweep hands it over
    when Redis is back.
    """
    try:
        pace = story_log().pace(narrator.name)
        position = story_log().waiting(narrator.name)
    except redis.RedisError as problem:
        logger.warning("narrator %s: its line cannot be seen: %s", narrator.name, problem)
        return Place(0, None)
    if pace.workers == 0:
        raise Refused(
            "narrator_down", "The narrator is away. Your words are kept; try again soon.", 10
        )
    return Place(position, pace.seconds_until_started(position))


def request_for(adventure: Adventure, turn: Turn) -> GenerationRequest:
    return GenerationRequest(
        adventure=str(adventure.pk),
        turn=str(turn.pk),
        attempt=turn.attempt,
        narrator=turn.narrator,
        context=context.story_context(adventure, turn),
    )


def hand_over(request: GenerationRequest, since: float) -> int:
    """Let a turn wait for its narrator and wake a worker. Its position.

    Raises redis.RedisError when Redis is away: the sweep hands it over later.
    """
    position = story_log().enqueue(request, since)
    wake(request.narrator)
    return position


def wake(narrator: str) -> None:
    """Tell one worker of the narrator that a turn waits. Messages are interchangeable."""
    try:
        current_app.send_task(
            "inference.tasks.narrate", args=[narrator], queue=f"narrator.{narrator}"
        )
    except (OperationalError, redis.RedisError) as problem:
        logger.warning("narrator %s: no wake-up sent: %s", narrator, problem)


def top_up_wake_ups(narrator: str) -> None:
    """Send wake-ups for waiting turns whose messages were lost. Too many do no harm."""
    missing = story_log().waiting(narrator) - story_log().messages(f"narrator.{narrator}")
    for _ in range(missing):
        wake(narrator)
