"""Chapters of adventures."""

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now

from game.models.limits import LONGEST_CHAPTER_TITLE
from game.models.turns import Turn


class Chapter(models.Model):
    """A chapter that ends with a turn. It holds for the turn's descendants, as a summary does.

    It begins after the chapter before it on the path, or with the opening.
    """

    if TYPE_CHECKING:
        turn_id: uuid.UUID

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="chapter"
    )
    title = models.CharField(max_length=LONGEST_CHAPTER_TITLE)  # a player's words
    changed = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"chapter up to {self.turn_id}"  # its title is the player's: the admin shows this
