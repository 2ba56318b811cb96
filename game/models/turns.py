"""Turns, with their prompt reports, summaries and edits."""

import uuid
from typing import TYPE_CHECKING

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from game.models.adventures import Adventure
from game.models.limits import LONGEST_CHARACTER, LONGEST_OPENING, LONGEST_SUMMARY, LONGEST_TEXT
from game.models.players import Player


class Kind(models.TextChoices):
    """What the player does; an OPENING has no action."""

    OPENING = "opening"
    DO = "do"
    SAY = "say"
    STORY = "story"
    CONTINUE = "continue"


class Status(models.TextChoices):
    """How far a turn is. Whether a queued one is being generated is known from its lease."""

    QUEUED = "queued"
    TOLD = "told"
    STOPPED = "stopped"
    FAILED = "failed"


class Turn(models.Model):
    """The player's action and the narrator's reply."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID
        parent_id: uuid.UUID | None
        last_child_id: uuid.UUID | None
        player_id: uuid.UUID | None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE, related_name="turns")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    # The child that was played last, to which redo moves the head.
    last_child = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    player = models.ForeignKey(Player, null=True, blank=True, on_delete=models.SET_NULL)
    # The name of who acted, where several played then; "" where it was one, who is "you".
    character = models.CharField(
        max_length=LONGEST_CHARACTER, blank=True, default="", db_default="", editable=False
    )
    kind = models.CharField(max_length=10, choices=Kind)
    action = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_TEXT)])
    reply = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_OPENING)])
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    attempt = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it failed.")
    dice = models.JSONField(null=True, blank=True, editable=False, help_text="As dice.py rolls.")
    narrator = models.CharField(max_length=40, blank=True)
    edited = models.BooleanField(default=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    told = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["created"]
        constraints = [
            models.UniqueConstraint(
                fields=["adventure"],
                condition=Q(status=Status.QUEUED),
                name="one_turn_under_way",
            ),
            models.UniqueConstraint(
                fields=["adventure"], condition=Q(kind=Kind.OPENING), name="one_opening"
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.OPENING, parent__isnull=True)
                | (~Q(kind=Kind.OPENING) & Q(parent__isnull=False)),
                name="only_the_opening_has_no_parent",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created"], condition=Q(status=Status.QUEUED), name="turns_under_way"
            ),
            models.Index(
                fields=["player"], condition=Q(status=Status.QUEUED), name="players_under_way"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class TurnContext(models.Model):
    """The prompt report of a turn, with its tokens and times."""

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="context"
    )
    # Packed by inference.contract.prompt_report: kilobytes, since it only refers to the story.
    details = models.TextField(editable=False)
    tokens = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    first_token_seconds = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"context of {self.turn_id}"


class Summary(models.Model):
    """What happened up to a turn, shortened. It holds for the turn's descendants."""

    class By(models.TextChoices):
        """Who wrote it."""

        EXTRACT = "extract"  # sentences taken from the story
        NARRATOR = "narrator"
        PLAYER = "player"

    if TYPE_CHECKING:
        turn_id: uuid.UUID

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="summary"
    )
    text = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_SUMMARY)])
    # Code points at its beginning that a player wrote; automatic summaries keep them.
    own = models.PositiveIntegerField(default=0)
    by = models.CharField(max_length=10, choices=By)
    changed = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "summaries"

    def __str__(self) -> str:
        return f"summary up to {self.turn_id}"


class Edit(models.Model):
    """The text that an edit replaced. Nothing that was written is lost."""

    class Field(models.TextChoices):
        """Which text of the turn was edited."""

        ACTION = "action"
        REPLY = "reply"

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="edits")
    field = models.CharField(max_length=10, choices=Field)
    before = models.TextField(blank=True)
    by = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.field} of {self.turn_id}"
