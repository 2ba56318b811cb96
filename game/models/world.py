"""What each turn changed in the state of the world."""

import uuid
from typing import TYPE_CHECKING

from django.db import models

from game.models.turns import Turn


class TurnChanges(models.Model):
    """The changes of the state of the world by one turn. Turns that changed nothing have no row."""

    if TYPE_CHECKING:
        turn_id: uuid.UUID

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="changes"
    )
    changes = models.JSONField(default=list, help_text="A list of WorldChange, of all sources.")
    # A cache of the state after this turn, as game.state.worlds stores it. Null: not computed.
    folded = models.JSONField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "changes of the world"

    def __str__(self) -> str:
        return f"changes of {self.turn_id}"
