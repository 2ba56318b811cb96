"""`manage.py capacity`: how many workers a house needs, what they cost, and how long players wait.

The speed of a worker is measured with `manage.py narrators check` or `make bench`; what players
do, with `manage.py loadtest` or read off /metrics. The model is in inference/capacity.py.
"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.capacity import (
    SECONDS,
    CapacityError,
    Demand,
    Forecast,
    Speed,
    among,
    simulate,
    workers_needed,
)

TOKENS_PER_WORD = 1.35  # of English, with the tokenizers of GPT-2 and Llama
MOST_AMONG = 100_000  # players; more are as good as without end
MOST_SIMULATED = 200  # workers; beyond that a simulation takes minutes
EXAMPLE = "manage.py capacity --players 200 --speed 1:112,8:480,16:510 --slots 16 --price 0.05"


class Command(BaseCommand):
    help = f"Workers, cost and waiting times for so many players. {EXAMPLE}"

    def add_arguments(self, parser: ArgumentParser) -> None:
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
        parser.add_argument("--wait", type=float, default=5, help="seconds that players may wait")
        parser.add_argument(
            "--share", type=float, default=0.95, help="of turns that wait no longer"
        )
        parser.add_argument("--simulate", action="store_true", help="play it as well, and compare")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            speed = Speed.parse(options["speed"])
            demand = Demand(
                turns_per_second=options["players"] * options["turns"] / SECONDS,
                tokens=options["words"] * TOKENS_PER_WORD + options["reading"],
            )
            found = workers_needed(
                options["slots"], speed, demand, options["wait"], options["share"]
            )
        except CapacityError as problem:
            raise CommandError(str(problem)) from None
        rows = figures(found, demand, options)
        rows |= figures_among(found, demand, speed, options)
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
            shown = f"{value:,}" if isinstance(value, int | float) else str(value)
            self.stdout.write(f"{name:28} {shown:>14}")


def figures_among(
    found: Forecast, demand: Demand, speed: Speed, options: dict[str, Any]
) -> dict[str, float | int]:
    """What these players wait, who do not act while they wait; nothing for very many."""
    players = int(options["players"])
    think = SECONDS / options["turns"] - demand.tokens / speed.at(1)
    if not 1 <= players <= MOST_AMONG or think <= 0:
        return {}
    seen = among(players, think, found.workers, options["slots"], demand.tokens, speed)
    return {"mean wait among so many, s": round(seen.wait, 2)}


def figures(found: Forecast, demand: Demand, options: dict[str, Any]) -> dict[str, float | int]:
    """What a host wants to know, by names that people read."""
    million = found.workers * options["price"] / (demand.turns_per_second * SECONDS) * 1_000_000
    rows: dict[str, float | int] = {
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
    if options["price"]:
        rows["price an hour"] = round(found.workers * options["price"], 2)
        rows["price of a million turns"] = round(million, 2)
    return rows
