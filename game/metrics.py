"""What the game counts, for Prometheus.

Counters live in the process that counts; what Redis and Postgres know anyway is read when somebody
asks. So several web processes each tell their own sockets, and all the same lines.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta

import redis
from django.db import DatabaseError
from django.db.models import Min
from django.db.models.functions import Now
from django.db.models.query import QuerySet
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from game.database import after_commit
from game.models import Player, Status, Turn
from game.play import narration
from game.play.events import queue_client
from inference.contract.request import Result
from inference.narrators import NarratorsError

logger = logging.getLogger(__name__)

MOST_WAITING = 5_000  # of a line, that are looked at for the oldest
PLAYING = timedelta(minutes=10)  # who acted within it plays

SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300)
FINE = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2)

TURNS = Counter("grue_turns", "Turns that ended, by how.", ["narrator", "outcome"])
TURN_SECONDS = Histogram(
    "grue_turn_seconds", "From an action to the end of its reply.", ["narrator"], buckets=SECONDS
)
WAIT_SECONDS = Histogram(
    "grue_turn_wait_seconds", "From an action to a narrator's slot.", ["narrator"], buckets=SECONDS
)
FIRST_TOKEN_SECONDS = Histogram(
    "grue_first_token_seconds", "From the slot to the first token.", ["narrator"], buckets=SECONDS
)
TOKEN_SECONDS = Histogram(
    "grue_token_seconds", "For each token after the first.", ["narrator"], buckets=FINE
)
TOKENS = Counter("grue_tokens", "Tokens of replies.", ["narrator"])
ATTEMPTS = Histogram(
    "grue_turn_attempts", "Attempts that a turn took.", ["narrator"], buckets=(1, 2, 3)
)
REFUSED = Counter("grue_commands_refused", "Commands that were refused, by code.", ["code"])
COMMANDS = Counter("grue_commands", "Commands that were carried out, by type.", ["type"])
SOCKETS = Gauge("grue_sockets", "Windows that are connected to this process.")
DROPPED = Counter("grue_followers_dropped", "Windows sent back to a snapshot, by why.", ["why"])
SWEPT = Counter("grue_sweep_actions", "What the sweep mended, by what.", ["what"])


def turn_ended(turn: Turn, result: Result) -> None:
    """Count a turn's end once it is committed."""

    def count() -> None:
        name = turn.narrator
        TURNS.labels(name, result.outcome).inc()
        TOKENS.labels(name).inc(result.tokens)
        ATTEMPTS.labels(name).observe(turn.attempt)
        if result.outcome != "told" or turn.told is None or not result.seconds:
            return
        whole = (turn.told - turn.created).total_seconds()
        TURN_SECONDS.labels(name).observe(whole)
        if turn.attempt == 1:  # of a later one, the time of those before is not known
            WAIT_SECONDS.labels(name).observe(max(0.0, whole - result.seconds))
        if result.first_token_seconds is not None:
            FIRST_TOKEN_SECONDS.labels(name).observe(result.first_token_seconds)
            if result.tokens > 1:
                rest = result.seconds - result.first_token_seconds
                TOKEN_SECONDS.labels(name).observe(rest / (result.tokens - 1))

    after_commit(count)


class GameCollector(Collector):
    """The lines, the workers and the players, as Redis and Postgres know them at this moment.

    Where one of them is away its figures are missing and `grue_up` says so.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("grue_up", "Whether it answers.", labels=["part"])
        lines, redis_up = self.lines()
        players, database_up = self.players()
        up.add_metric(["redis"], float(redis_up))
        up.add_metric(["database"], float(database_up))
        yield up
        yield from lines
        yield from players

    def lines(self) -> tuple[list[GaugeMetricFamily], bool]:
        waiting = per_narrator("grue_queue_length", "Turns that wait.")
        oldest = per_narrator("grue_queue_oldest_seconds", "How long the oldest of them waits.")
        wanted = per_narrator("grue_turns_wanted", "Turns that wait or are told: what to scale by.")
        running = per_narrator("grue_turns_running", "Turns that are told now.")
        slots = per_narrator("grue_slots", "Turns that all workers can tell at once.")
        workers = per_narrator("grue_workers", "Workers that live.")
        ready = per_narrator("grue_workers_ready", "Workers whose model is loaded.")
        wait = per_narrator("grue_wait_estimate_seconds", "What a new turn is told it will wait.")
        try:
            names = narration.narrators().names
            for name in names:
                pace = queue_client().narrator_stats(name)
                ids = queue_client().waiting_ids(name, MOST_WAITING)
                length = queue_client().waiting(name)
                waiting.add_metric([name], length)
                running.add_metric([name], len(pace.running))
                wanted.add_metric([name], length + len(pace.running))
                slots.add_metric([name], pace.slots)
                workers.add_metric([name], pace.workers)
                ready.add_metric([name], pace.loaded)
                seconds = pace.seconds_until_started(length)
                if seconds is not None:
                    wait.add_metric([name], seconds)
                oldest.add_metric([name], age_of_oldest(ids))
        except (redis.RedisError, NarratorsError) as problem:
            logger.warning("metrics: the lines cannot be seen: %s", problem)
            return [], False
        except DatabaseError:
            oldest = per_narrator(oldest.name, oldest.documentation)
        return [waiting, oldest, wanted, running, slots, workers, ready, wait], True

    def players(self) -> tuple[list[GaugeMetricFamily], bool]:
        recent: QuerySet[Turn] = Turn.objects.filter(created__gt=Now() - PLAYING)
        try:
            acted = recent.exclude(player=None).order_by()  # or what orders them is counted, too
            playing = acted.values("player").distinct().count()
            under_way = Turn.objects.filter(status=Status.QUEUED).count()
            known = Player.objects.count()
        except DatabaseError as problem:
            logger.warning("metrics: the database does not answer: %s", type(problem).__name__)
            return [], False
        return [
            GaugeMetricFamily("grue_players_playing", "Who acted in ten minutes.", playing),
            GaugeMetricFamily("grue_players", "Players and guests that are known.", known),
            GaugeMetricFamily("grue_turns_under_way", "Turns that wait or are told.", under_way),
        ], True


def per_narrator(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=["narrator"])


def age_of_oldest(turns: list[str]) -> float:
    """Seconds since the oldest of these turns was asked for; 0 for none."""
    if not turns:
        return 0.0
    found = Turn.objects.filter(pk__in=turns).aggregate(age=Now() - Min("created"))
    age = found["age"]
    return age.total_seconds() if age is not None else 0.0


def register() -> None:
    """Have the lines told with this process' own figures: what a web process does."""
    REGISTRY.register(GameCollector())
