"""`manage.py capacity`: estimates workers, servers, cost and waiting times for a number of players.

Measure the speed of a worker with `manage.py narrators check` or `make bench`, and how often
players act with `manage.py loadtest` or /metrics. The models are in inference/lab/capacity.py
(workers) and inference/lab/sizing.py (the rest).
"""

import json
import math
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.lab.capacity import (
    SECONDS,
    CapacityError,
    Demand,
    Forecast,
    Speed,
    among,
    simulate,
    workers_needed,
)
from inference.lab.sizing import Load, most_players, parts_of

Figures = dict[str, float | int]

TOKENS_PER_WORD = 1.35  # of English, with the tokenizers of GPT-2 and Llama
MOST_AMONG = 100_000  # players; more are as good as without end
MOST_SIMULATED = 200  # workers; beyond that a simulation takes minutes
EXAMPLE = "manage.py capacity --players 200 --speed 1:112,8:480,16:510 --slots 16 --price 0.05"


class Command(BaseCommand):
    """Prints the estimates as a table or as JSON."""

    help = f"Workers, servers, cost and waiting times for so many players. {EXAMPLE}"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What players do, what a worker can do, and what waiting is acceptable."""
        parser.add_argument("--players", type=float, required=True, help="at once, at the peak")
        parser.add_argument("--turns", type=float, default=40, help="turns a player takes an hour")
        parser.add_argument("--words", type=float, default=60, help="words of a reply")
        parser.add_argument(
            "--reading", type=float, default=0, help="tokens that reading a prompt is worth"
        )
        parser.add_argument(
            "--speed", required=True, help="tokens a second of one worker, by turns at once"
        )
        parser.add_argument("--slots", type=int, required=True, help="turns of a worker at once")
        parser.add_argument("--price", type=float, default=0, help="of a worker for an hour")
        parser.add_argument(
            "--load", type=float, default=0.8, help="of what workers can tell, at the most"
        )
        parser.add_argument("--wait", type=float, default=5, help="seconds that players may wait")
        parser.add_argument(
            "--share", type=float, default=0.95, help="of turns that wait no longer"
        )
        parser.add_argument("--simulate", action="store_true", help="play it as well, and compare")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Estimate, and simulate if asked to. Raises CommandError for impossible numbers."""
        try:
            speed = Speed.parse(options["speed"])
            count, players = split(options["players"], options["turns"], options["words"])
            demand = Demand(
                turns_per_second=players * options["turns"] / SECONDS,
                tokens=options["words"] * TOKENS_PER_WORD + options["reading"],
            )
            found = workers_needed(
                *(options["slots"], speed, demand, options["wait"], options["share"]),
                load=options["load"],
            )
        except CapacityError as problem:
            raise CommandError(str(problem)) from None
        rows: Figures = {}
        if count > 1:
            rows |= {"installations": count, "players of each": round(players)}
        rows |= figures(found, demand, options)
        rows |= figures_among(found, demand, speed, players, options)
        rows |= figures_of_parts(Load(players, options["turns"], options["words"]))
        rows |= price(found.workers * count, demand.turns_per_second * count, options["price"])
        if options["simulate"]:
            if found.workers > MOST_SIMULATED:
                raise CommandError(f"a simulation is for {MOST_SIMULATED} workers at most")
            played = simulate(found.workers, options["slots"], speed, demand)
            rows["simulated mean wait, s"] = round(played.wait, 2)
            rows[f"simulated wait of {options['share']:.0%}, s"] = round(
                played.wait_at(options["share"]), 2
            )
            rows["simulated turn, s"] = round(played.turn, 2)
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for name, value in rows.items():
            printed = f"{value:,}" if isinstance(value, int | float) else str(value)
            self.stdout.write(f"{name:34} {printed:>14}")
        if count > 1:
            most = most_players(options["turns"], options["words"])
            self.stdout.write(
                f"Redis works on one core, and an installation has one: {most:,} such players are"
                f" the most for it. So the figures are of one of {count:,} installations, each with"
                " a database, a Redis and workers of its own; the price is of all."
            )


def split(players: float, turns: float, words: float) -> tuple[int, float]:
    """The number of installations needed, and the players of each. Raises CapacityError."""
    if not (0 < players < math.inf and 0 < turns < math.inf and 0 < words < math.inf):
        raise CapacityError("players, turns and words want numbers above 0")
    count = max(1, math.ceil(players / max(1, most_players(turns, words))))
    return count, players / count


def figures_among(
    found: Forecast, demand: Demand, speed: Speed, each: float, options: dict[str, Any]
) -> Figures:
    """The mean wait of these players, who do not act while they wait; empty for very many."""
    players = int(each)
    think = SECONDS / options["turns"] - demand.tokens / speed.at(1)
    if not 1 <= players <= MOST_AMONG or think <= 0:
        return {}
    seen = among(players, think, found.workers, options["slots"], demand.tokens, speed)
    return {"mean wait among so many, s": round(seen.wait, 2)}


def figures_of_parts(load: Load) -> Figures:
    """What is needed beside the workers."""
    parts = parts_of(load)
    return {
        "web processes": parts.web,
        "memory of a web, MB": parts.web_mb,
        "game workers": parts.game,
        "load of Redis' core": round(parts.redis_load, 3),
        "memory of Redis, MB": parts.redis_mb,
        "cores of PostgreSQL": parts.postgres_cores,
    }


def price(workers: int, turns_per_second: float, each: float) -> Figures:
    """The cost of the workers; empty without a price."""
    if not each:
        return {}
    return {
        "price of workers an hour": round(workers * each, 2),
        "price of a million turns": round(
            workers * each / (turns_per_second * SECONDS) * 1_000_000, 2
        ),
    }


def figures(found: Forecast, demand: Demand, options: dict[str, Any]) -> Figures:
    """The forecast's figures, by labels for people."""
    return {
        "turns a second": round(demand.turns_per_second, 2),
        "tokens a second": round(demand.turns_per_second * demand.tokens, 1),
        "workers": found.workers,
        "load of them": round(found.load, 3),
        "turns told at once": round(found.at_once, 1),
        "share that waits": round(found.waiting_share, 4),
        "mean wait, s": round(found.wait, 2),
        f"wait of {options['share']:.0%}, s": round(found.wait_at(options["share"]), 2),
        "turn from action to end, s": round(found.turn, 2),
    }
