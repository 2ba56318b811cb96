"""What is tidied once an hour."""

from celery import shared_task
from django.core.management import call_command

from game.accounts.deletion import forget_guests


@shared_task(name="game.accounts.tasks.tidy", ignore_result=True)
def tidy() -> None:
    """Forget guests who stay away, and sessions that are over."""
    forget_guests()
    call_command("clearsessions")
