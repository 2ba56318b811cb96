"""Adventures, their members, and the commands that changed them."""

import uuid
from typing import TYPE_CHECKING, Any

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.functions import Now

from game.models.audience import Audience
from game.models.limits import LONGEST_MEMORY, LONGEST_NOTE
from game.models.players import Player
from game.models.scenarios import Scenario


class AdventureQuerySet(models.QuerySet["Adventure"]):
    """Adventures by who may use them."""

    def of(self, player: Any) -> "AdventureQuerySet":
        """The adventures that `player` is a member of. Every look-up by a player uses this."""
        return self.with_deleted_of(player).filter(deleted__isnull=True)

    def with_deleted_of(self, player: Any) -> "AdventureQuerySet":
        """As `of`, with deleted adventures that can still be restored."""
        if not player.is_authenticated:
            return self.none()
        return self.filter(membership__player_id=player.pk)


class Adventure(models.Model):
    """One playthrough: a tree of turns and the place in it where the player stands."""

    if TYPE_CHECKING:
        scenario_id: str | None
        head_id: uuid.UUID | None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=120)
    scenario = models.ForeignKey(Scenario, null=True, blank=True, on_delete=models.SET_NULL)
    memory = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_MEMORY)])
    authors_note = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_NOTE)])
    first_actions = models.JSONField(default=list, blank=True)
    narrator = models.CharField(max_length=40, blank=True, help_text="Empty: the host's default.")
    summarise = models.BooleanField(
        default=True, help_text="Whether what happened before is summed up for the narrator."
    )
    # Validated by game.tastes.writer; empty unless the owner changed something.
    sampling = models.JSONField(default=dict, blank=True, editable=False)
    dice = models.BooleanField(default=False, help_text="Whether dice decide how actions go.")
    suggestions = models.BooleanField(
        default=False,
        db_default=False,  # for hosts of the version before, during a rolling update
        help_text="Whether the narrator suggests actions after its replies.",
    )
    archived = models.BooleanField(default=False, help_text="Out of sight, not out of the house.")
    # When it was deleted: it can be restored until game.library.tasks.tidy purges it.
    deleted = models.DateTimeField(null=True, blank=True, editable=False)
    copied = models.BooleanField(default=False, editable=False)
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.TEEN)
    head = models.ForeignKey(
        "Turn", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    # Raised by every transaction that changes the adventure; events and snapshots carry it.
    version = models.PositiveBigIntegerField(default=0, editable=False)
    # Bytes of its actions, replies and their earlier versions; see game.play.edits.
    size = models.PositiveBigIntegerField(default=0, editable=False)
    # The edit that undo or redo applies to: {turn, undone, versions: {field: id}}. Null after any
    # other change.
    last_edit = models.JSONField(null=True, editable=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    changed = models.DateTimeField(db_default=Now(), editable=False)

    objects = AdventureQuerySet.as_manager()

    # Whether the current change has raised this instance's version. Not stored.
    version_raised = False

    class Meta:
        ordering = ["-changed"]

    def __str__(self) -> str:
        return f"adventure {self.pk}"  # its title is the player's: the admin shows this

    def raise_version(self) -> None:
        """Raise the version, once per change. `change_adventure` stores it and sends the events."""
        if not self.version_raised:
            self.version_raised = True
            self.version += 1
            self.changed = Now()


class Membership(models.Model):
    """A player's role in an adventure. The owner is its first member."""

    class Role(models.TextChoices):
        """What a member may do."""

        OWNER = "owner"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    player = models.ForeignKey(Player, on_delete=models.CASCADE)
    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE)
    role = models.CharField(max_length=20, choices=Role, default=Role.OWNER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player", "adventure"], name="member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.player_id}"


class Command(models.Model):
    """A command that changed something, with its outcome: sent again, it gets the same one."""

    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE)
    key = models.UUIDField()
    player = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL)
    type = models.CharField(max_length=20)
    outcome = models.JSONField()
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["adventure", "key"], name="command_once"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"
