"""The hourly clean-up of accounts."""

from celery import shared_task
from django.core.management import call_command

from game.accounts.deletion import delete_inactive_guests


@shared_task(name="game.accounts.tasks.tidy", ignore_result=True)
def tidy() -> None:
    """Delete inactive guests and expired sessions."""
    delete_inactive_guests()
    call_command("clearsessions")
