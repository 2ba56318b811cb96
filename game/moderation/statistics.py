"""Figures of the operator's page: queues, narrators, their speed, sanctions and failures."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext

from game.models import Appeal, Case, Operation, Sanction, Status, Turn, TurnContext
from game.moderation.rulebook import rules_problem
from game.play import narration
from game.play.events import queue_client
from inference.contract.model_state import ModelState
from inference.narrators import NarratorsError

ONLINE_SECONDS = 15  # since a player's last refresh, to count as online
RECENT = timedelta(hours=1)
A_DAY = timedelta(days=1)
FAILURES_SHOWN = 20


@dataclass(frozen=True)
class NarratorNow:
    """The current state of a narrator."""

    name: str
    title: str
    on: bool
    workers: int | None  # None: Redis is down
    loaded: int
    slots: int
    running: int
    waiting: int
    wait: int | None  # seconds until a new turn would start
    turns: int  # told within LATELY
    speed: float | None  # tokens per second of one turn, from its lease to its end
    waits_for: str = ""  # why the model of a default is not ready; "" if it is


def narrators(now: Operation) -> list[NarratorNow]:
    """The state of every narrator. Raises NarratorsError."""
    measured = speeds()
    return [narrator_now(each, now, measured) for each in narration.narrators().narrators]


def narrator_now(narrator: Any, now: Operation, measured: dict[str, Any]) -> NarratorNow:
    """The state of one narrator; `measured` are the results of `speeds`."""
    turns, speed = measured.get(narrator.name, (0, None))
    workers, loaded, slots, running, waiting, wait = None, 0, 0, 0, 0, None
    waits_for = ""
    try:
        waits_for = state_text(queue_client().model_state(narrator.name))
        stats = queue_client().narrator_stats(narrator.name)
        waiting = queue_client().waiting(narrator.name)
        workers, loaded, slots = stats.workers, stats.loaded, stats.slots
        running, wait = len(stats.running), stats.seconds_until_started(waiting)
    except redis.RedisError:
        pass  # `workers` stays None
    return NarratorNow(
        name=narrator.name,
        title=narrator.shown_name,
        on=narrator.name not in now.narrators_off,
        workers=workers,
        loaded=loaded,
        slots=slots,
        running=running,
        waiting=waiting,
        wait=wait,
        turns=turns,
        speed=speed,
        waits_for=waits_for,
    )


def state_text(state: ModelState | None) -> str:
    """Why a narrator's model is not ready, in words; "" if it is."""
    if state is None:
        return ""
    if state.kind == "fetching":
        return gettext("being fetched: %(percent)s %%") % {"percent": state.percent}
    return gettext("being loaded") if state.kind == "loading" else state.why


def speeds() -> dict[str, tuple[int, float | None]]:
    """By narrator: the number of turns within LATELY, and tokens per second."""
    rows = (
        TurnContext.objects.filter(turn__told__gt=Now() - RECENT, seconds__gt=0)
        .values("turn__narrator")
        .annotate(turns=Count("pk"), speed=Sum("tokens") / Sum(F("seconds")))
    )
    return {row["turn__narrator"]: (row["turns"], row["speed"]) for row in rows}


def queues() -> dict[str, int | None]:
    """The lengths of the host's queues. None: Redis is down."""
    found: dict[str, int | None] = {
        "cases": Case.objects.waiting().count(),
        "appeals": Appeal.objects.filter(decided__isnull=True).count(),
        "turns": Turn.objects.filter(status=Status.QUEUED).count(),
    }
    try:
        found["results"] = queue_client().messages("game")
        found["online"] = queue_client().online(ONLINE_SECONDS)
    except redis.RedisError:
        found["results"] = found["online"] = None
    return found


def sanctions() -> dict[str, int]:
    """The number of sanctions in force, by kind."""
    kinds = Sanction.objects.in_force().exclude(kind=Sanction.Kind.WARNING)
    counted = kinds.values("kind").annotate(times=Count("pk"))
    return {str(Sanction.Kind(row["kind"]).label): row["times"] for row in counted}


def failures() -> dict[str, Any]:
    """Turns that failed within a day: by reason, and the last ones. No text of stories."""
    recent = Turn.objects.filter(told__gt=Now() - A_DAY)
    failed = recent.filter(status=Status.FAILED)
    return {
        "failed": failed.count(),
        "of": recent.aggregate(all=Count("pk", filter=~Q(narrator="")))["all"],
        "reasons": failed.values("reason", "narrator")
        .annotate(times=Count("pk"))
        .order_by("-times")[:FAILURES_SHOWN],
        "last": failed.order_by("-told").values("pk", "narrator", "told", "attempt", "reason")[
            :FAILURES_SHOWN
        ],
    }


def operation_figures(now: Operation) -> dict[str, Any]:
    """The context of the operator's page."""
    try:
        rows, problem = narrators(now), narration.problem()
    except NarratorsError as wrong:
        rows, problem = [], str(wrong)
    return {
        "operation": now,
        "narrators": rows,
        "narrators_problem": problem,
        "rules_problem": rules_problem(),
        "queues": queues(),
        "sanctions": sanctions(),
        "failures": failures(),
    }
