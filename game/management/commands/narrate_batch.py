"""`manage.py narrate-batch FILE`: thousands of prompts in, JSON lines out, while nobody plays."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from game.play import narration
from inference.narrators import NarratorsError, UnknownNarrator, narrators_of
from inference.queue.batch import Batch, BatchError, Progress
from inference.queue.client import QueueClient

SAY_EVERY = 2.0  # seconds


class Command(BaseCommand):
    help = (
        "Generates replies to a file of prompts with running workers while no turn is "
        'waiting. Each line is {"id": …, "prompt": "the story so far"} or {"id": …, '
        '"context": {…}}. Called again '
        "with the same --out it goes on where it stopped."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="JSON lines")
        parser.add_argument("--out", type=Path, help="JSON lines; FILE.told.jsonl where left out")
        parser.add_argument("--narrator", default="", help="the host's default where left out")

    def handle(self, *args: Any, file: Path, out: Path | None, **options: Any) -> None:
        out = out or file.with_name(f"{file.stem}.told.jsonl")
        log = QueueClient(settings.REDIS_URL)
        try:
            narrators = narrators_of(settings.INFERENCE)
            name = options["narrator"]
            narrator = narrators.get(name) if name else narration.default()
            if not log.narrator_alive(narrator.name):
                self.stderr.write(f"no worker of {narrator.name} runs: they wait for one")
            batch = Batch(log, narrator.name, file, out)
            progress = batch.run(Voice(self.stderr.write).say)
        except (BatchError, NarratorsError, UnknownNarrator) as problem:
            raise CommandError(str(problem)) from None
        except OSError as problem:
            raise CommandError(f"{out} cannot be written: {problem.strerror}") from None
        except KeyboardInterrupt:
            raise CommandError(f"stopped; the same command goes on. Told so far: {out}") from None
        failed = f", {progress.failed} of them failed" if progress.failed else ""
        self.stdout.write(f"{progress.done} of {progress.total} are in {out}{failed}")


class Voice:
    """Says how far it is, every two seconds at most."""

    def __init__(self, write: Any) -> None:
        self.write = write
        self.said = 0.0

    def say(self, progress: Progress) -> None:
        if time.monotonic() - self.said < SAY_EVERY and progress.done < progress.total:
            return
        self.said = time.monotonic()
        left = progress.seconds_left
        rest = "" if left is None else f", {left / 60:.0f} min left"
        speed = f"{progress.per_second:.1f} a second"
        self.write(f"{progress.done:,} of {progress.total:,} told, {speed}{rest}")
