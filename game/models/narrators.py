"""Narrators that the operator installed from the admin, beside those of the narrators file."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from game.models.players import Player

LONGEST_PROBLEM = 400
LONGEST_WHAT = 300


class InstalledNarrator(models.Model):
    """A narrator: its entry as in the narrators file, and the state of its installation."""

    class State(models.TextChoices):
        """Only READY narrators are offered to players."""

        INSTALLING = "installing", _("Installing")
        TESTED = "tested", _("Tested")  # a server that answers, and is not saved yet
        READY = "ready", _("Installed")
        FAILED = "failed", _("Failed")
        REMOVING = "removing", _("Removing")
        NOT_REMOVED = "not removed", _("Not removed")  # removing it failed

    name = models.CharField(primary_key=True, max_length=40)
    entry = models.JSONField()  # inference.narrators.Narrator
    adapt = models.BooleanField(default=False)  # format and context are taken from the model's file
    licence = models.CharField(max_length=60, blank=True)
    sealed_key = models.TextField(blank=True)  # of a server, encrypted with SECRET_KEY
    state = models.CharField(max_length=12, choices=State, default=State.INSTALLING)
    # Raised with every new job; reports of older attempts are ignored.
    attempt = models.PositiveIntegerField(default=1)
    problem = models.CharField(max_length=LONGEST_PROBLEM, blank=True)
    what = models.CharField(max_length=LONGEST_WHAT, blank=True)
    speed = models.FloatField(default=0)  # tokens per second, measured while installing; 0: unknown
    memory = models.BigIntegerField(default=0)  # bytes, measured while installing; 0: unknown
    # Used by adventures without a chosen narrator, in place of the narrators file's default.
    is_default = models.BooleanField(default=False)
    by = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL, related_name="+")
    added = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        verbose_name = "narrator"
        verbose_name_plural = "narrators"
        ordering = ["added", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name
