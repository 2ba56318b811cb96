"""A manager for models whose rows are kept for a while after a player deleted them."""

from typing import Any

from django.db import models


class LiveManager(models.Manager[Any]):
    """Leaves deleted rows out. Pages and prompts use no other manager."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """All rows that are not deleted."""
        return super().get_queryset().filter(deleted__isnull=True)
