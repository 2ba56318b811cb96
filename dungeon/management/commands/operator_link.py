"""`manage.py operator_link`: the link with which an account becomes the operator."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from game.accounts.operators import Invitation, invitation


class Command(BaseCommand):
    """`manage.py operator_link [--new]`."""

    help = "Prints the link that makes an account the operator, or the code with ACCOUNTS=single."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--new",
            action="store_true",
            help="make a new one, also where there is an operator: for one who lost their password."
            " It works once, within an hour; one made before works no more",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the link; with --new a new one, which replaces the last."""
        found = invitation(renew=options["new"])
        if found is None:
            self.stdout.write("There is an operator already. A lost password: operator_link --new")
            return
        self.stdout.write(link_line(found, settings.PUBLIC_ORIGIN))


def link_line(found: Invitation, origin: str) -> str:
    """The invitation as one line for the terminal; `origin` without a slash at its end."""
    if found.code:
        return f"Operator link: {origin}{found.path} with the code {found.code}"
    how = "works once, within an hour" if found.expires else "works once"
    return f"Operator link: {origin}{found.path} ({how})"
