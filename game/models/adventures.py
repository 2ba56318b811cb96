"""Adventures, their members, and the commands that changed them."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from game.models.audience import Audience
from game.models.limits import (
    LONGEST_CHARACTER,
    LONGEST_DESCRIPTION,
    LONGEST_MEMORY,
    LONGEST_NOTE,
)
from game.models.players import Player
from game.models.scenarios import Scenario


class AdventureQuerySet(models.QuerySet["Adventure"]):
    """Adventures by who may use them. Every look-up by a player uses one of these."""

    def of(self, player: Any) -> "AdventureQuerySet":
        """The adventures that `player` owns: what other members may not see or do uses this."""
        return self.with_deleted_of(player).filter(deleted__isnull=True)

    def with_deleted_of(self, player: Any) -> "AdventureQuerySet":
        """As `of`, with deleted adventures that can still be restored."""
        return self.with_member(player, [Membership.Role.OWNER])

    def playable_by(self, player: Any) -> "AdventureQuerySet":
        """The adventures in which `player` may act: as owner or as player."""
        return self.with_member(player, Membership.ACTING).filter(deleted__isnull=True)

    def readable_by(self, player: Any) -> "AdventureQuerySet":
        """The adventures whose story `player` may read: in any role."""
        return self.with_member(player, list(Membership.Role)).filter(deleted__isnull=True)

    def with_member(
        self, player: Any, roles: "Sequence[Membership.Role | str]"
    ) -> "AdventureQuerySet":
        """The adventures, deleted ones too, in which `player` has one of these roles."""
        if not player.is_authenticated:
            return self.none()
        return self.filter(membership__player_id=player.pk, membership__role__in=roles)


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
    """A player's role in an adventure, and the character they play. The owner is its first member.

    Whoever leaves or is removed has no row: nothing of the adventure is theirs to look up.
    """

    if TYPE_CHECKING:
        player_id: uuid.UUID
        adventure_id: uuid.UUID
        card_id: uuid.UUID | None

    class Role(models.TextChoices):
        """What a member may do."""

        OWNER = "owner", _("Owner")
        PLAYER = "player", _("Player")
        SPECTATOR = "spectator", _("Spectator")

    # Those who act in the story.
    ACTING: ClassVar[list[Role]] = [Role.OWNER, Role.PLAYER]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    player = models.ForeignKey(Player, on_delete=models.CASCADE)
    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE)
    role = models.CharField(max_length=20, choices=Role, default=Role.OWNER)
    # db_default: for hosts of the version before, during a rolling update.
    character = models.CharField(
        max_length=LONGEST_CHARACTER, blank=True, default="", db_default=""
    )
    description = models.CharField(
        max_length=LONGEST_DESCRIPTION, blank=True, default="", db_default=""
    )
    card = models.ForeignKey(
        "StoryCard", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    joined = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["joined", "pk"]
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
