"""Chooses narrators for adventures and players, and queues turns for them."""

import logging
import random
from collections.abc import Collection
from dataclasses import dataclass

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from game.database import after_commit
from game.installed import registry
from game.models import Adventure, Player, Turn
from game.moderation import operation, screening
from game.play import context
from game.play.events import queue_client
from game.play.protocol import Refused
from game.tastes.sampling import sampling_for, taste_of
from game.tastes.writer import WriterSettings, settings_of
from inference import tracing
from inference.contract.model_state import ModelState
from inference.contract.request import GenerationRequest
from inference.contract.sampling import SamplingParams
from inference.narrators import (
    Narrator,
    Narrators,
    NarratorsError,
    UnknownNarrator,
    narrators_of,
    narrators_problem,
)

logger = logging.getLogger(__name__)
STATS_SECONDS = 1.0  # how old the statistics may be by which a default is chosen
RETRY_DATABASE = 5  # Retry-After in seconds while the database does not answer
RETRY_LIST = 60  # Retry-After in seconds while the narrators file is invalid
rng = random.Random()  # noqa: S311 - nothing secret; tests seed it


def narrators() -> Narrators:
    """The narrators of the file and the installed ones. Raises NarratorsError."""
    return registry.merged(narrators_of(settings.INFERENCE))


def default(off: Collection[str] | None = None, listed: Narrators | None = None) -> Narrator:
    """The first of the host's defaults whose model is loaded, else the first with a worker.

    With NARRATORS_ON_DEMAND it is the first of all. `off` (names that are switched off) and
    `listed` (the host's narrators) spare reading them again. Raises NarratorsError.
    """
    every = (listed or narrators()).defaults
    if len(every) == 1:
        return every[0]
    off = operation.state().narrators_off if off is None else off
    enabled = [each for each in every if each.name not in off] or list(every)
    if len(enabled) == 1 or settings.NARRATORS_ON_DEMAND:
        return enabled[0]
    try:
        stats = [queue_client().narrator_stats(each.name, STATS_SECONDS) for each in enabled]
    except redis.RedisError:  # the turn is stored in Postgres, and queued later
        return enabled[0]
    for ready in ([each.loaded > 0 for each in stats], [each.workers > 0 for each in stats]):
        if any(ready):
            return enabled[ready.index(True)]
    return enabled[0]


def pending_default() -> tuple[Narrator, ModelState] | None:
    """The default that will be used once its model is ready, and the model's state."""
    listed = narrators()
    every = listed.defaults
    if len(every) == 1:
        return None
    now = default(listed=listed)
    try:
        for each in every[: every.index(now)]:
            if state := queue_client().model_state(each.name):
                return each, state
    except redis.RedisError as problem:
        logger.debug("states of models are unknown: %s", problem)
    return None


def serves(narrator: Narrator, defaults: tuple[Narrator, ...]) -> bool:
    """Whether a narrator can be chosen: of several defaults only those that have a worker.

    If none of them has one, or Redis is down, all can be chosen.
    """
    if len(defaults) == 1 or narrator not in defaults or settings.NARRATORS_ON_DEMAND:
        return True
    try:
        if queue_client().narrator_stats(narrator.name, STATS_SECONDS).workers:
            return True
        return not any(
            queue_client().narrator_stats(each.name, STATS_SECONDS).workers for each in defaults
        )
    except redis.RedisError:
        return True


def problem() -> str:
    """What is wrong with the narrators file, with its line; "" if it is valid."""
    return narrators_problem(settings.INFERENCE.narrators_file)


def names() -> list[str]:
    """The names of all narrators; none while the file is invalid."""
    try:
        return list(narrators().names)
    except NarratorsError as problem:
        logger.warning("%s", problem)
        return []


def offered_to(player: Player | None) -> list[Narrator]:
    """The narrators that a player may choose, in the file's order. Raises NarratorsError."""
    staff = player is not None and player.is_staff
    off = operation.state().narrators_off
    # Those of the file, also if the operator made an installed one the default.
    defaults = narrators_of(settings.INFERENCE).defaults
    offered = [each for each in narrators().narrators if staff or each.visible == "everyone"]
    return [each for each in offered if each.name not in off and serves(each, defaults)]


def weighted_narrators() -> list[Narrator]:
    """The narrators between which new adventures are split by weight.

    Without any, the default gets them all. Raises NarratorsError.
    """
    return [each for each in offered_to(None) if each.weight > 0]


def draw_narrator() -> str:
    """The name of a new adventure's narrator; "" means the host's default at each turn."""
    try:
        split = weighted_narrators()
    except NarratorsError as problem:  # the adventure can begin; its turns need a valid file
        logger.warning("%s", problem)
        return ""
    return rng.choices(split, [each.weight for each in split])[0].name if split else ""


def hosts_for_new_adventures() -> str:
    """The other machines that may get a new adventure's prompts, in words; "" if none."""
    try:
        hosts = {each.words_go_to: True for each in weighted_narrators() or [default()]}
    except NarratorsError as problem:  # no turn can be queued then, so no words go anywhere
        logger.warning("%s", problem)
        return ""
    stay = hosts.pop("", False)
    return _(" or ").join([*hosts, *([_("stay on this server")] if hosts and stay else [])])


def is_configured(narrator: str) -> bool:
    """Whether the host still has a narrator; True while that cannot be known."""
    try:
        return narrator in narrators().names or not registry.is_loaded()
    except NarratorsError:
        return True


def narrator_of(adventure: Adventure) -> Narrator:
    """The narrator of the adventure's next turn. Raises Refused("narrator_down").

    A narrator that the host no longer has is replaced by the default, unless the default sends
    prompts to another machine: the player must choose then. A default that is switched off is
    replaced by the next narrator that is offered.
    """
    off = operation.state().narrators_off
    try:
        every = narrators()
        gone = adventure.narrator not in ("", *every.names)
        if gone and not registry.is_loaded():
            raise Refused(
                "narrator_down",
                _("The narrator cannot be reached. Try again in a moment."),
                RETRY_DATABASE,
            )
        chosen = default(off, every) if gone or not adventure.narrator else None
        if chosen is None or (gone and chosen.words_go_to):
            chosen = every.get(adventure.narrator)  # raises UnknownNarrator if it is gone
        if chosen.name not in off:
            return chosen
        if gone or not adventure.narrator:
            for other in offered_to(None):
                if not (gone and other.words_go_to):
                    return other
        raise Refused("narrator_down", _(operation.SWITCHED_OFF))
    except UnknownNarrator:
        raise Refused(
            "narrator_down",
            _(
                "The narrator “%(name)s” is no longer available on this host. "
                "Choose another one in Settings."
            )
            % {"name": adventure.narrator},
        ) from None
    except NarratorsError:  # logged, and shown to the operator
        raise Refused(
            "narrator_down",
            _(
                "The list of narrators on this server has an error, so nothing new can be told. "
                "You can go on reading; try again when the host has corrected it."
            ),
            RETRY_LIST,
        ) from None


@dataclass(frozen=True)
class QueuePosition:
    """The place of a new turn in its narrator's queue, and the estimated wait in seconds."""

    position: int
    eta_seconds: int | None  # None: unknown


def queue_position_for(narrator: Narrator, player: Player) -> QueuePosition:
    """The place that a player's new turn would get. Raises Refused if there is no worker.

    If Redis is down it is unknown, and the turn is stored: the sweep enqueues it later.
    """
    try:
        stats = queue_client().narrator_stats(narrator.name)
        position = queue_client().position_of_next(narrator.name, str(player.pk))
    except redis.RedisError as problem:
        logger.warning("narrator %s: its queue cannot be read: %s", narrator.name, problem)
        return QueuePosition(0, None)
    if stats.workers == 0 and not settings.NARRATORS_ON_DEMAND:
        raise Refused(
            "narrator_down",
            _("The narrator is not available. What you typed is kept; try again soon."),
            10,
        )
    return QueuePosition(position, stats.seconds_until_started(position))


def request_for(adventure: Adventure, turn: Turn) -> GenerationRequest:
    """Everything that a worker needs to generate the reply of a turn."""
    return GenerationRequest(
        adventure=str(adventure.pk),
        turn=str(turn.pk),
        attempt=turn.attempt,
        narrator=turn.narrator,
        player=str(turn.player_id),
        context=context.story_context(adventure, turn),
        trace=tracing.carrier(),
        sampling=sampling_for_player(turn, settings_of(adventure)),
        screening=screening.reply_screening(adventure, turn.player),
        suggestions=adventure.suggestions,
    )


def sampling_for_player(turn: Turn, writer: WriterSettings | None = None) -> SamplingParams | None:
    """The sampling of a turn, with the adventure's settings and the player's preferences.

    None if it is the narrator's own.
    """
    try:
        own = narrators().get(turn.narrator).sampling
    except NarratorsError:
        return None
    return sampling_for(taste_of(turn.player), own, writer)


def enqueue_on_commit(adventure: Adventure, turn: Turn) -> None:
    """Enqueue a turn once it is committed. If Redis is down, the sweep enqueues it later."""
    request = request_for(adventure, turn)

    def enqueue() -> None:
        try:
            queue_client().enqueue(request)
        except redis.RedisError as problem:
            logger.warning("turn %s: not enqueued, the sweep will: %s", request.turn, problem)

    after_commit(enqueue)
