"""What finds old turns again, and what players want to be remembered or forgotten."""

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now

from game.models.turns import Turn


class RecallEntry(models.Model):
    """The terms of a turn's texts, by which it is found again (game.recall).

    It holds for the texts with this length and last edit, and is made anew where they differ.
    """

    if TYPE_CHECKING:
        turn_id: uuid.UUID

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="recall_entry"
    )
    bytes = models.PositiveIntegerField()
    edit = models.BigIntegerField()  # the id of the turn's last edit, 0 without one
    format = models.PositiveSmallIntegerField()  # game.recall.terms.FORMAT when it was made
    terms = models.BinaryField()

    class Meta:
        verbose_name_plural = "recall entries"

    def __str__(self) -> str:
        return f"recall entry of {self.turn_id}"


class RecallMark(models.Model):
    """A turn that the player wants to be remembered always, or never again."""

    class Mark(models.TextChoices):
        """What the player wants."""

        PINNED = "pinned"
        FORGOTTEN = "forgotten"

    if TYPE_CHECKING:
        turn_id: uuid.UUID

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="recall_mark"
    )
    mark = models.CharField(max_length=10, choices=Mark)
    changed = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "recall marks"

    def __str__(self) -> str:
        return f"{self.mark}: {self.turn_id}"
