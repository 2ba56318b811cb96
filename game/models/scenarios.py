"""Scenarios, and who has begun and rated them."""

import uuid
from typing import TYPE_CHECKING, Any

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from game.library import visibility
from game.library.visibility import Visibility
from game.models.audience import Audience
from game.models.deletion import LiveManager
from game.models.limits import LONGEST_MEMORY, LONGEST_NOTE, LONGEST_OPENING
from game.models.players import Player


class ScenarioQuerySet(models.QuerySet["Scenario"]):
    """Scenarios by who may read or change them."""

    def public(self) -> "ScenarioQuerySet":
        """Scenarios that are listed for all."""
        return self.filter(visibility.public_scenario())

    def readable_by(self, player: Any) -> "ScenarioQuerySet":
        """Scenarios that `player` may open and begin. Every look-up by a reader uses this."""
        return self.filter(visibility.scenario_readable_by(player))

    def of(self, player: Any) -> "ScenarioQuerySet":
        """Scenarios that `player` wrote and may change."""
        return self.filter(author=player.pk) if player.is_authenticated else self.none()


class Scenario(models.Model):
    """A beginning that others can start from."""

    if TYPE_CHECKING:
        author_id: uuid.UUID | None

    slug = models.SlugField(primary_key=True, max_length=60)
    author = models.ForeignKey(
        Player,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="scenarios",
        help_text="Empty: the host's.",
    )
    title = models.CharField(max_length=80)
    tempt = models.CharField("tagline", max_length=160)
    rank = models.PositiveIntegerField(default=1000, help_text="Smaller comes first.")
    tags = models.JSONField(default=list, blank=True)
    placeholders = models.JSONField(
        default=list, blank=True, help_text='A list of {"name", "question", "default"}.'
    )
    opening = models.TextField(validators=[MaxLengthValidator(LONGEST_OPENING)])
    more_openings = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="Other openings, of which the player may choose one.",
    )
    leads_to = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="Names of scenarios: the player goes on to one of them instead of beginning.",
    )
    memory = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_MEMORY)])
    authors_note = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_NOTE)])
    first_actions = models.JSONField(
        default=list, blank=True, help_text='A list of {"kind", "text"}.'
    )
    world = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="The beginning state of the world, as game.state.beginnings writes it.",
    )
    visibility = models.CharField(
        max_length=10, choices=Visibility, default=Visibility.PUBLIC, db_index=True
    )
    hidden = models.BooleanField(default=False, help_text="By a moderator: its author alone reads.")
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.TEEN)
    created = models.DateTimeField(db_default=Now(), editable=False)
    changed = models.DateTimeField(db_default=Now(), editable=False)
    # Aggregated from Begun (game.library.ratings), for sorting lists.
    begun_by = models.PositiveIntegerField(default=0, editable=False)
    rated_by = models.PositiveIntegerField(default=0, editable=False)
    stars = models.PositiveIntegerField(default=0, editable=False, help_text="All together.")

    # The content before the author last saved it, in the format of scenario files; for undo.
    previous = models.JSONField(null=True, editable=False)
    # When it was deleted: it can be restored for a while (game.library.trash).
    deleted = models.DateTimeField(null=True, blank=True, editable=False)

    objects = LiveManager.from_queryset(ScenarioQuerySet)()
    with_deleted = ScenarioQuerySet.as_manager()

    class Meta:
        ordering = ["rank", "title"]

    def __str__(self) -> str:
        return self.title

    @property
    def rating(self) -> float | None:
        """The mean of its ratings, 1 to 5; None without any."""
        return self.stars / self.rated_by if self.rated_by else None


class Begun(models.Model):
    """A player has begun a scenario, and may therefore rate it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="begun")
    scenario = models.ForeignKey(Scenario, on_delete=models.CASCADE, related_name="begun")
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "begun"
        constraints = [
            models.UniqueConstraint(fields=["player", "scenario"], name="begun_once"),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__range=(1, 5)), name="one_to_five"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scenario_id} by {self.player_id}"
