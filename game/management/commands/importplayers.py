"""manage.py importplayers FILE: adds the players of another host, or one player's archive."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from game.imports import hosts


class Command(BaseCommand):
    help = "Adds the players that exportplayers wrote. What is there already stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, and other names for players."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--as",
            dest="names",
            action="append",
            default=[],
            metavar="NAME=OTHER",
            help="give a player another name here",
        )

        parser.add_argument(
            "--to", metavar="NAME", help="the file is one player's archive: add it to this one"
        )

    def handle(self, *_: Any, file: Path, names: list[str], to: str | None, **__: Any) -> None:
        """Add what is in the file."""
        pairs = [each.partition("=") for each in names]
        if any(not old or not new for old, _equals, new in pairs):
            raise CommandError("--as wants NAME=OTHER.")
        others = {old: new for old, _equals, new in pairs}
        try:
            if to:
                problems = hosts.add_archive(file, to, self.stdout.write)
            else:
                problems = hosts.add_players(file, others, self.stdout.write)
        except hosts.HostError as problem:
            raise CommandError(str(problem)) from None
        if problems:
            raise CommandError(f"{problems} could not be added; all else was.")
        self.stdout.write("Everything in it is here.")
