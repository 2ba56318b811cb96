"""Rows that a player deleted stay for a while, so that deleting can be undone."""

from typing import Any

from django.db import models


class LiveManager(models.Manager[Any]):
    """Finds the rows that are not deleted; pages and prompts ask through it alone."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(deleted__isnull=True)
