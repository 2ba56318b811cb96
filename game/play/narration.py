"""The game's way to its narrators: which there are, and giving them a turn to tell."""

import logging
import random
from collections.abc import Collection
from dataclasses import dataclass

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from game import installed_narrators
from game.database import after_commit
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
STATS_SECONDS = 1.0  # for so long it counts who of the defaults can tell
RETRY_DATABASE = 5  # seconds after which a database that did not answer may do so again
RETRY_LIST = 60  # seconds after which a list that was wrong is worth trying again
luck = random.Random()  # noqa: S311 - nothing secret; tests seed it


def narrators() -> Narrators:
    """Those of the narrators file, then those that are installed. Raises NarratorsError."""
    return installed_narrators.merged(narrators_of(settings.INFERENCE))


def default(off: Collection[str] | None = None, listed: Narrators | None = None) -> Narrator:
    """The host's choice: the first of its defaults whose model is loaded, or else who is on call.

    Where workers come only when turns wait, it is the first. `off` is who is switched off, and
    `listed` the host's narrators, where the caller knows. Raises NarratorsError.
    """
    every = (listed or narrators()).defaults
    if len(every) == 1:
        return every[0]
    off = operation.state().narrators_off if off is None else off
    able = [each for each in every if each.name not in off] or list(every)
    if len(able) == 1 or settings.NARRATORS_ON_DEMAND:
        return able[0]
    try:
        paces = [queue_client().narrator_stats(each.name, STATS_SECONDS) for each in able]
    except redis.RedisError:  # the turn waits in Postgres, and is handed over later
        return able[0]
    for good in ([pace.loaded > 0 for pace in paces], [pace.workers > 0 for pace in paces]):
        if any(good):
            return able[good.index(True)]
    return able[0]


def coming() -> tuple[Narrator, ModelState] | None:
    """Who will be the host's choice once its model is here, and what that waits for."""
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
        logger.debug("what is fetched cannot be seen: %s", problem)
    return None


def serves(narrator: Narrator, defaults: tuple[Narrator, ...]) -> bool:
    """Whether one of the host's defaults can be chosen: some worker tells for it.

    All others can be, and every one while that cannot be known.
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
    """What is wrong with the list of narrators as it is now, with its line; "" where nothing is."""
    return narrators_problem(settings.INFERENCE.narrators_file)


def names() -> list[str]:
    """Every narrator's name; none while the list cannot be read."""
    try:
        return list(narrators().names)
    except NarratorsError as problem:
        logger.warning("%s", problem)
        return []


def offered_to(player: Player | None) -> list[Narrator]:
    """Those whom a player may choose, in the file's order. Raises NarratorsError."""
    staff = player is not None and player.is_staff
    off = operation.state().narrators_off
    # Also where the operator made another one the default.
    defaults = narrators_of(settings.INFERENCE).defaults
    offered = [each for each in narrators().narrators if staff or each.visible == "everyone"]
    return [each for each in offered if each.name not in off and serves(each, defaults)]


def shares() -> list[Narrator]:
    """Those between whom new adventures are split, by weight. None: the default tells them all."""
    return [each for each in offered_to(None) if each.weight > 0]


def draw() -> str:
    """The name of a new adventure's narrator; "" is the host's default, whoever that will be."""
    try:
        split = shares()
    except NarratorsError as problem:  # it can be begun and read, and told once the file is right
        logger.warning("%s", problem)
        return ""
    return luck.choices(split, [each.weight for each in split])[0].name if split else ""


def new_words_go_to() -> str:
    """The hosts beyond this machine that the words of a new adventure may go to, if any."""
    try:
        hosts = {each.words_go_to: True for each in shares() or [default()]}
    except NarratorsError as problem:  # nothing can be told then, and the story can still be read
        logger.warning("%s", problem)
        return ""
    stay = hosts.pop("", False)
    return _(" or ").join([*hosts, *([_("stay on this server")] if hosts and stay else [])])


def is_here(narrator: str) -> bool:
    """Whether the host still has a narrator. While the list cannot be read, nobody is gone."""
    try:
        return narrator in narrators().names or not installed_narrators.is_known()
    except NarratorsError:
        return True


def narrator_of(adventure: Adventure) -> Narrator:
    """The adventure's narrator; where it is the host's choice and switched off, the next one.

    One that the host has no more is followed by the default, unless that sends players' words to
    another machine: then they choose. Raises Refused("narrator_down") there, and where it is
    switched off.
    """
    off = operation.state().narrators_off
    try:
        every = narrators()
        gone = adventure.narrator not in ("", *every.names)
        if gone and not installed_narrators.is_known():
            raise Refused(
                "narrator_down",
                _("The narrator cannot be reached. Try again in a moment."),
                RETRY_DATABASE,
            )
        chosen = default(off, every) if gone or not adventure.narrator else None
        if chosen is None or (gone and chosen.words_go_to):
            chosen = every.get(adventure.narrator)  # where it is gone: UnknownNarrator
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
class Place:
    """Where a new turn would stand in its narrator's line, and how long it would wait there."""

    position: int
    eta_seconds: int | None  # None: nobody knows


def place_for(narrator: Narrator, player: Player) -> Place:
    """Where a player's new turn would stand. Raises Refused when no worker of the narrator lives.

    With Redis away a turn is taken all the same: Postgres holds it, and the sweep hands it over
    when Redis is back.
    """
    try:
        pace = queue_client().narrator_stats(narrator.name)
        position = queue_client().position_of_next(narrator.name, str(player.pk))
    except redis.RedisError as problem:
        logger.warning("narrator %s: its line cannot be seen: %s", narrator.name, problem)
        return Place(0, None)
    if pace.workers == 0 and not settings.NARRATORS_ON_DEMAND:
        raise Refused(
            "narrator_down",
            _("The narrator is not available. What you typed is kept; try again soon."),
            10,
        )
    return Place(position, pace.seconds_until_started(position))


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
        screening=screening.for_replies(adventure, turn.player),
    )


def sampling_for_player(turn: Turn, writer: WriterSettings | None = None) -> SamplingParams | None:
    """The sampling of the turn's narrator as the adventure's owner set it, and to the taste of
    whoever asked; None where it is usual."""
    try:
        own = narrators().get(turn.narrator).sampling
    except NarratorsError:
        return None
    return sampling_for(taste_of(turn.player), own, writer)


def enqueue_on_commit(adventure: Adventure, turn: Turn) -> None:
    """Put a turn into its narrator's queue, once it is committed.

    With Redis away the turn is stored all the same, and the sweep enqueues it later.
    """
    request = request_for(adventure, turn)

    def enqueue() -> None:
        try:
            queue_client().enqueue(request)
        except redis.RedisError as problem:
            logger.warning("turn %s: not enqueued, the sweep will: %s", request.turn, problem)

    after_commit(enqueue)
