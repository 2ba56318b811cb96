"""Invitations to sign up."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now

from game.models.players import Player


class Invite(models.Model):
    """Lets one person sign up where the host is open to invited players only."""

    if TYPE_CHECKING:
        used_by_id: object

    # The SHA-256 of the link's token: a copy of the database does not open a link.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    note = models.CharField(max_length=80, blank=True, help_text="For whom it is.")
    made_by = models.ForeignKey(
        Player, null=True, editable=False, on_delete=models.SET_NULL, related_name="invites_made"
    )
    created = models.DateTimeField(db_default=Now(), editable=False)
    expires = models.DateTimeField()
    used_by = models.ForeignKey(
        Player, null=True, editable=False, on_delete=models.SET_NULL, related_name="invites_used"
    )
    used = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"invite {self.pk}"
