"""Who plays."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

from game.models.audience import Audience


class Player(AbstractUser):
    """Someone who plays. A guest has no password and lives in one browser's session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_guest = models.BooleanField(default=False)
    # The day of the last visit: guests who stay away are forgotten.
    seen = models.DateField(null=True, blank=True, editable=False)

    class Meta(AbstractUser.Meta):
        indexes = [
            models.Index(
                fields=["seen"], condition=models.Q(is_guest=True), name="guests_by_last_visit"
            ),
        ]

    audience_limit = models.CharField(
        max_length=10,
        choices=Audience,
        default=Audience.MATURE,
        help_text="The player’s own: nothing beyond it is shown or told to them.",
    )

    def __str__(self) -> str:
        return self.username
