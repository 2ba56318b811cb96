"""Plays written adventures through a running Grue: `manage.py playthrough`."""

import json
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from game.models import Adventure, Player, Scenario, Status, Turn
from game.play import adventures
from game.play.events import queue_client
from game.play.protocol import TakeAction
from game.play.turns import carry_out
from game.play.wording import shown_turn
from game.state.edits import PlayerChange, change_world, checked
from inference.lab.evaluation import playthroughs
from inference.lab.evaluation.playthroughs import Playthrough, Step

WATCHED_SECONDS = 60
HANG_SECONDS = 900  # for one turn; on a machine that has much else to do


class Command(BaseCommand):
    """Plays on the real path: queue, worker, game worker, recall and state as players have them."""

    help = "Play written adventures of fifty turns through the running Grue (make play)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ones, how, and where the replies are saved."""
        parser.add_argument("names", nargs="*", help="written adventures; all without any")
        parser.add_argument("--narrator", default="", help="the host's default without it")
        parser.add_argument("--turns", type=int, default=50, help="of each, at the most")
        parser.add_argument("--save", type=Path, required=True, help="a folder for the stories")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Play them one after the other, and print how many probes broke the state."""
        options["save"].mkdir(parents=True, exist_ok=True)
        for name in options["names"] or playthroughs.names():
            try:
                written = playthroughs.load(name)
            except (FileNotFoundError, ValueError) as problem:
                raise CommandError(f"{name}: {problem}") from None
            turns = list(
                self.play(written, options["narrator"], options["turns"], options["save"] / name)
            )
            self.report(name, turns)

    def play(
        self, written: Playthrough, narrator: str, most: int, file: Path
    ) -> Iterator[dict[str, Any]]:
        """Play one as a player of its own; each turn is saved when it has ended, and yielded."""
        player = Player.objects.create(username=f"playthrough-{uuid.uuid4().hex}", is_guest=True)
        adventure = begin(player, written.scenario, narrator)
        with file.with_suffix(".jsonl").open("w", encoding="utf-8") as saved:
            for number, step in enumerate(written.steps[:most], 1):
                turn, seconds = take(adventure, player, step)
                told = record(number, step, turn, seconds)
                saved.write(json.dumps(told, ensure_ascii=False) + "\n")
                saved.flush()
                yield told

    def report(self, name: str, turns: list[dict[str, Any]]) -> None:
        """Print one line for each kind of probe."""
        self.stdout.write(f"{name}: {len(turns)} turns")
        for probe in ("dead", "absent", "lost"):
            some = [each for each in turns if each["probe"] == probe]
            broken = sum(each["broken"] for each in some)
            self.stdout.write(f"  {probe}: {broken} of {len(some)} replies broke the state")


def begin(player: Player, slug: str, narrator: str) -> Adventure:
    """An adventure of the scenario, with its placeholders' own answers. Raises CommandError."""
    scenario = Scenario.objects.filter(pk=slug).first()
    if scenario is None:
        raise CommandError(f"There is no scenario {slug}: load those that come with Grue.")
    answers = {each["name"]: each["default"] for each in scenario.placeholders}
    with transaction.atomic():
        adventure = adventures.begin(player, scenario, answers)
        Adventure.objects.filter(pk=adventure.pk).update(narrator=narrator)
    return adventure


def take(adventure: Adventure, player: Player, step: Step) -> tuple[Turn, float]:
    """Make the step's changes, take its action, and wait for the end of the turn, in seconds."""
    if step.world:
        changes = [checked(PlayerChange(**each.model_dump())) for each in step.world]
        change_world(adventure.pk, player, changes)
    command = TakeAction(
        type="take_action", key=uuid.uuid4(), kind="say" if step.say else "do", text=step.text
    )
    began = time.monotonic()
    turn = Turn.objects.get(pk=str(carry_out(adventure.pk, player, command).turn))
    while turn.status == Status.QUEUED:
        if time.monotonic() - began > HANG_SECONDS:
            raise CommandError(f"A turn has not ended in {HANG_SECONDS} s. Is a worker running?")
        # As if a window were open: a turn that nobody watches is stopped.
        queue_client().watch([str(adventure.pk)], WATCHED_SECONDS)
        time.sleep(0.2)
        turn.refresh_from_db()
    return turn, time.monotonic() - began


def record(number: int, step: Step, turn: Turn, seconds: float) -> dict[str, Any]:
    """What is saved of a turn."""
    action = shown_turn(turn)
    context = getattr(turn, "context", None)
    return {
        "number": number,
        "action": action,
        "reply": turn.reply,
        "status": turn.status,
        "probe": step.probe,
        "broken": playthroughs.is_broken(step, turn.reply, action),
        "seconds": round(seconds, 1),
        "first_seconds": context.first_token_seconds if context else None,
        "tokens": context.tokens if context else 0,
    }
