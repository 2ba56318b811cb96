"""Imports: files that players bring, what became of them, and what Grue has no place for."""

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from game.models.adventures import Adventure
from game.models.players import Player
from game.models.scenarios import Scenario


class Import(models.Model):
    """One file of a player: a preview first, then an import, then its report."""

    class State(models.TextChoices):
        """How far it is. Whether a waiting one is being stored is known from a database lock."""

        PREVIEW = "preview"  # the player has not decided yet
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    if TYPE_CHECKING:
        player_id: uuid.UUID

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="imports")
    state = models.CharField(max_length=10, choices=State, default=State.PREVIEW)
    name = models.CharField(max_length=200, help_text="Of the file.")
    size = models.PositiveIntegerField(default=0, help_text="Of the file, in bytes.")
    # Here and not on a disk: several machines may serve pages and import. Null once it is imported.
    content = models.BinaryField(null=True, editable=False)
    format = models.CharField(max_length=40, blank=True)
    version = models.CharField(max_length=40, blank=True)
    preview = models.JSONField(default=dict, editable=False)  # game.imports.previews
    choices = models.JSONField(default=dict, editable=False)  # game.imports.choices
    report = models.JSONField(default=dict, editable=False)  # game.imports.reports
    problem = models.TextField(blank=True, help_text="Why it failed, in words for the player.")
    attempts = models.PositiveSmallIntegerField(default=0)
    created = models.DateTimeField(db_default=Now(), editable=False)
    ended = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        default_permissions = ()
        ordering = ["-created"]
        indexes = [
            models.Index(
                fields=["created"], condition=Q(state="waiting"), name="imports_that_wait"
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk}"  # its name is the player's


class ImportedStory(models.Model):
    """What an import made, or added cards to, with the parts that Grue keeps and does not use."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID | None
        scenario_id: str | None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="stories")
    adventure = models.ForeignKey(
        Adventure, null=True, blank=True, on_delete=models.CASCADE, related_name="imported"
    )
    scenario = models.ForeignKey(
        Scenario, null=True, blank=True, on_delete=models.CASCADE, related_name="imported"
    )
    added = models.BooleanField(default=False, help_text="Cards were added to it, no more.")
    # Compressed JSON, as game.imports.keeping packs it; empty where nothing is kept.
    kept = models.BinaryField(default=bytes, editable=False)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "imported stories"
        constraints = [
            models.CheckConstraint(
                condition=Q(scenario__isnull=True, adventure__isnull=False)
                | Q(scenario__isnull=False, adventure__isnull=True),
                name="imported_story_is_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.adventure_id or self.scenario_id} of {self.source_id}"
