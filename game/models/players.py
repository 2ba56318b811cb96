"""Players: accounts and guests."""

import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from game.models.audience import Audience


class Player(AbstractUser):
    """Someone who plays. A guest has no password and lives in one browser's session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_guest = models.BooleanField(default=False)
    # The day of the last visit (UTC): inactive guests are deleted.
    seen = models.DateField(null=True, blank=True, editable=False)

    class Meta(AbstractUser.Meta):
        indexes = [
            models.Index(
                fields=["seen"], condition=models.Q(is_guest=True), name="guests_by_last_visit"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_guest=False) | Q(is_staff=False, is_superuser=False),
                name="guests_are_never_staff",
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

    def set_rights_for_request(self, operator: bool) -> None:
        """Set the operator's rights on this instance for one request; `save` never stores them."""
        self.is_staff = self.is_superuser = operator
        self._rights_of_request = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the player, without staff rights that hold for one request only."""
        if getattr(self, "_rights_of_request", False):
            fields = kwargs.get("update_fields")
            names = [each.name for each in self._meta.concrete_fields] if fields is None else fields
            kwargs["update_fields"] = set(names) - {"id", "is_staff", "is_superuser"}
        super().save(*args, **kwargs)
