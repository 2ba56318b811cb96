"""`manage.py loadscenarios`: stores the scenarios that come with Grue, or those of a folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from game.library import writing
from game.scenarios import SHIPPED, ScenarioError, load_scenarios


class Command(BaseCommand):
    """Stores scenario files."""

    help = "Load scenarios from YAML files. Can be run again: files win over earlier loads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder; without it that of the game."""
        parser.add_argument("folder", nargs="?", type=Path, default=SHIPPED)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Store the scenarios, and print warnings about them. Raises CommandError."""
        try:
            found = load_scenarios(folder)
        except ScenarioError as problem:
            raise CommandError(str(problem)) from None
        for slug, scenario in found.items():
            for each in writing.warnings(scenario):
                self.stderr.write(f"{slug}.yaml: {each}")
        self.stdout.write(f"{len(found)} scenarios loaded")
