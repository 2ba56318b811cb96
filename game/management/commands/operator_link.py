"""`manage.py operator_link`: the link that makes its opener the operator, while there is none."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dungeon import network
from dungeon.operator import operator_token


class Command(BaseCommand):
    help = "Prints the link that makes whoever opens it the operator. It works once."

    def handle(self, *args: Any, **options: Any) -> None:
        token = operator_token()
        if not token:
            self.stdout.write("There is an operator already.")
            return
        here = network.origin(network.in_url(network.shown_host(settings.HOST)), settings.PORT)
        # Behind a proxy, browsers know the house by its origin.
        origin = next(iter(settings.CSRF_TRUSTED_ORIGINS), here)
        self.stdout.write(f"Run the place: {origin}/operator/{token}/ (works once)")
