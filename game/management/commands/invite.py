"""`manage.py invite`: prints links that let one person each sign up."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from game.accounts import invites


class Command(BaseCommand):
    """Makes invites."""

    help = "Prints links that let one person each sign up (ACCOUNTS=invite)."

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, a note, and how long they can be used."""
        parser.add_argument("count", nargs="?", type=int, default=1, help="how many (1)")
        parser.add_argument("--note", default="", help="for whom they are; you see it in the admin")
        parser.add_argument(
            "--days", type=int, default=invites.DAYS, help="how long they can be used"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a link for each invite."""
        expires = timezone.now() + timedelta(days=options["days"])
        for _ in range(options["count"]):
            _, token = invites.make(options["note"], expires=expires)
            print(settings.PUBLIC_ORIGIN + invites.path(token))
