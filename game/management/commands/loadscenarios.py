"""`manage.py loadscenarios`: the scenarios that come with Grue, as their files say."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from game.scenarios import SHIPPED, ScenarioError, load_scenarios


class Command(BaseCommand):
    help = "Load scenarios from YAML files. Can be run again: files win over earlier loads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, default=SHIPPED)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            count = load_scenarios(folder)
        except ScenarioError as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{count} scenarios loaded")
