"""The game's metrics for Prometheus.

Counters are per process; what Redis and Postgres know is read at each scrape. So each web process
reports its own sockets, and all report the same queues.
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

MOST_WAITING = 5_000  # turns of a queue among which the oldest is looked for
PLAYING = timedelta(minutes=10)  # a player who acted within this time counts as playing

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
    """Count a turn's end, its tokens and its times (seconds) once they are committed."""

    def count() -> None:
        name = turn.narrator
        TURNS.labels(name, result.outcome).inc()
        TOKENS.labels(name).inc(result.tokens)
        ATTEMPTS.labels(name).observe(turn.attempt)
        if result.outcome != "told" or turn.told is None or not result.seconds:
            return
        seconds = (turn.told - turn.created).total_seconds()
        TURN_SECONDS.labels(name).observe(seconds)
        if turn.attempt == 1:  # the duration of earlier attempts is not known
            WAIT_SECONDS.labels(name).observe(max(0.0, seconds - result.seconds))
        if result.first_token_seconds is not None:
            FIRST_TOKEN_SECONDS.labels(name).observe(result.first_token_seconds)
            if result.tokens > 1:
                rest = result.seconds - result.first_token_seconds
                TOKEN_SECONDS.labels(name).observe(rest / (result.tokens - 1))

    after_commit(count)


class GameCollector(Collector):
    """Queues, workers and players, read from Redis and Postgres at each scrape.

    If one of them is down its metrics are missing and `grue_up` is 0 for it.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read everything once. One scrape reads each narrator's queue and statistics."""
        up = GaugeMetricFamily("grue_up", "Whether it answers.", labels=["part"])
        queues, redis_up = self.queues()
        players, database_up = self.players()
        up.add_metric(["redis"], float(redis_up))
        up.add_metric(["database"], float(database_up))
        yield up
        yield from queues
        yield from players

    def queues(self) -> tuple[list[GaugeMetricFamily], bool]:
        """The metrics of each narrator's queue and workers, and whether Redis answered."""
        waiting = per_narrator("grue_queue_length", "Turns that wait.")
        oldest = per_narrator("grue_queue_oldest_seconds", "How long the oldest of them waits.")
        demand = per_narrator("grue_turns_wanted", "Turns that wait or are told: what to scale by.")
        running = per_narrator("grue_turns_running", "Turns that are told now.")
        slots = per_narrator("grue_slots", "Turns that all workers can tell at once.")
        workers = per_narrator("grue_workers", "Workers that live.")
        ready = per_narrator("grue_workers_ready", "Workers whose model is loaded.")
        wait = per_narrator("grue_wait_estimate_seconds", "What a new turn is told it will wait.")
        try:
            names = narration.narrators().names
            for name in names:
                stats = queue_client().narrator_stats(name)
                ids = queue_client().waiting_ids(name, MOST_WAITING)
                length = queue_client().waiting(name)
                waiting.add_metric([name], length)
                running.add_metric([name], len(stats.running))
                demand.add_metric([name], length + len(stats.running))
                slots.add_metric([name], stats.slots)
                workers.add_metric([name], stats.workers)
                ready.add_metric([name], stats.loaded)
                seconds = stats.seconds_until_started(length)
                if seconds is not None:
                    wait.add_metric([name], seconds)
                oldest.add_metric([name], age_of_oldest(ids))
        except (redis.RedisError, NarratorsError) as problem:
            logger.warning("metrics: the queues cannot be read: %s", problem)
            return [], False
        except DatabaseError:
            oldest = per_narrator(oldest.name, oldest.documentation)
        return [waiting, oldest, demand, running, slots, workers, ready, wait], True

    def players(self) -> tuple[list[GaugeMetricFamily], bool]:
        """The metrics of players and turns, and whether the database answered."""
        recent: QuerySet[Turn] = Turn.objects.filter(created__gt=Now() - PLAYING)
        try:
            acted = recent.exclude(player=None).order_by()  # else DISTINCT counts by `created`, too
            playing = acted.values("player").distinct().count()
            under_way = Turn.objects.filter(status=Status.QUEUED).count()
            players = Player.objects.count()
        except DatabaseError as problem:
            logger.warning("metrics: the database does not answer: %s", type(problem).__name__)
            return [], False
        return [
            GaugeMetricFamily("grue_players_playing", "Who acted in ten minutes.", playing),
            GaugeMetricFamily("grue_players", "Players and guests that are known.", players),
            GaugeMetricFamily("grue_turns_under_way", "Turns that wait or are told.", under_way),
        ], True


def per_narrator(name: str, documentation: str) -> GaugeMetricFamily:
    """An empty gauge with the label `narrator`."""
    return GaugeMetricFamily(name, documentation, labels=["narrator"])


def age_of_oldest(turns: list[str]) -> float:
    """Seconds since the oldest of these turns (ids) was created; 0 for none."""
    if not turns:
        return 0.0
    found = Turn.objects.filter(pk__in=turns).aggregate(age=Now() - Min("created"))
    age = found["age"]
    return age.total_seconds() if age is not None else 0.0


def register() -> None:
    """Add the collector to this process' metrics: web processes do this, workers do not."""
    REGISTRY.register(GameCollector())
