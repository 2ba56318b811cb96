"""Consents to train on adventures, and training runs that were started from the admin."""

import uuid
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from game.models.adventures import Adventure
from game.models.players import Player
from inference.finetune.recipe import parse_recipe
from inference.finetune.trouble import RecipeError


class TrainingConsent(models.Model):
    """The owner allows training on an adventure. Withdrawing it deletes the row."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID
        player_id: uuid.UUID

    adventure = models.OneToOneField(
        Adventure, primary_key=True, on_delete=models.CASCADE, related_name="training_consent"
    )
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="+")
    given = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "training consents"

    def __str__(self) -> str:
        return f"consent for {self.adventure_id}"


class TrainingRun(models.Model):
    """A training of a narrator. Its files are in DATA_DIR/finetune, by its id."""

    class Status(models.TextChoices):
        """A run is WAITING until a worker takes it."""

        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    recipe = models.TextField(
        validators=[MaxLengthValidator(20_000)], help_text=_("As params.yaml has it.")
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING, editable=False)
    stage = models.CharField(max_length=20, blank=True, editable=False)
    progress = models.JSONField(default=dict, blank=True, editable=False)
    message = models.CharField(max_length=500, blank=True, editable=False)
    stop_asked = models.BooleanField(default=False, editable=False)
    by = models.ForeignKey(
        Player, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(db_default=Now(), editable=False)
    heard = models.DateTimeField(null=True, editable=False)  # the worker's last heartbeat
    ended = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError for a recipe that cannot be read."""
        try:
            parse_recipe(self.recipe, str(_("recipe")))
        except RecipeError as error:
            raise ValidationError({"recipe": str(error)}) from error
