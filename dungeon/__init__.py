"""The host's side: settings, addresses, the Celery app."""

from dungeon.celery import app as celery_app

__all__ = ["celery_app"]
