"""manage.py exportplayers FILE [NAME …]: players with all that they have, for another host."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from game.imports import hosts


class Command(BaseCommand):
    help = "Writes players with their scenarios and adventures to a file, for another host."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, and names of players."""
        parser.add_argument("file", type=Path)
        parser.add_argument("names", nargs="*", help="only these players; without, all")

    def handle(self, *_: Any, file: Path, names: list[str], **__: Any) -> None:
        """Write the file."""
        try:
            written = hosts.write_players(file, names)
        except (hosts.HostError, OSError) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{file}: {len(written)} players. It has their passwords as hashes.")
