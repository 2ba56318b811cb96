"""Invites to play in an adventure or to watch it, and players who may not come back."""

import secrets
import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from game.models.adventures import Adventure
from game.models.players import Player

# Signs that nobody takes for another, and no vowels: a code spells no word.
CODE_SIGNS = "34679BCDFGHJKMNPQRSTVWXY"
CODE_LENGTH = 8


def new_code() -> str:
    """Eight random signs to type on another device: about 36 bits, so tries are limited."""
    return "".join(secrets.choice(CODE_SIGNS) for _each in range(CODE_LENGTH))


def new_token() -> str:
    """128 random bits, so that nobody can guess a link."""
    return secrets.token_urlsafe(16)


class TableInviteQuerySet(models.QuerySet["TableInvite"]):
    """Invites by whether they can be used."""

    def open(self) -> "TableInviteQuerySet":
        """Those that let somebody in now."""
        return self.filter(
            Q(most_uses__isnull=True) | Q(uses__lt=F("most_uses")),
            revoked__isnull=True,
            expires__gt=Now(),
            adventure__deleted__isnull=True,
        )


class TableInvite(models.Model):
    """A link and a code with which others join an adventure in a role."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID

    class Role(models.TextChoices):
        """As what one joins."""

        PLAYER = "player", _("Player")
        SPECTATOR = "spectator", _("Spectator")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE, related_name="table_invites")
    role = models.CharField(max_length=20, choices=Role)
    code = models.CharField(max_length=CODE_LENGTH, unique=True, default=new_code, editable=False)
    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    expires = models.DateTimeField()
    uses = models.PositiveIntegerField(default=0)
    most_uses = models.PositiveIntegerField(null=True, blank=True)  # None: no limit
    revoked = models.DateTimeField(null=True, blank=True)

    objects = TableInviteQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"invite to {self.adventure_id} as {self.role}"

    @property
    def spoken(self) -> str:
        """The code in two halves, as it is shown."""
        return f"{self.code[:4]}-{self.code[4:]}"


class TableBlock(models.Model):
    """A player who may not join an adventure again."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID
        player_id: uuid.UUID

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE, related_name="blocks")
    player = models.ForeignKey(Player, on_delete=models.CASCADE)
    # By which name the owner knows whom they blocked.
    character = models.CharField(max_length=40, blank=True)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.UniqueConstraint(fields=["adventure", "player"], name="blocked_once"),
        ]

    def __str__(self) -> str:
        return f"{self.player_id} blocked in {self.adventure_id}"


class Table(models.Model):
    """How those who play together take turns. Without a row an adventure has the defaults."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID
        turn_of_id: uuid.UUID | None
        master_id: uuid.UUID | None

    class Order(models.TextChoices):
        """Who may act when."""

        FREE = "free", _("anybody at any time")
        ROUND = "round", _("in turn, one after the other")
        TOGETHER = "together", _("all write, and it is told in one turn")
        VOTE = "vote", _("all propose, and the players vote")
        MASTER = "master", _("all propose, and a game master decides")

    class Changes(models.TextChoices):
        """Who may retry, undo, redo, edit and go to another turn."""

        OWNER = "owner", _("only the owner")
        ACTOR = "actor", _("the owner, and whoever acted in that turn")
        VOTE = "vote", _("more than half of the players together")

    adventure = models.OneToOneField(
        Adventure, primary_key=True, on_delete=models.CASCADE, related_name="table"
    )
    order = models.CharField(max_length=10, choices=Order, default=Order.FREE)
    seconds = models.PositiveIntegerField(default=0)  # to act in; 0: no limit
    changes = models.CharField(max_length=10, choices=Changes, default=Changes.OWNER)
    # The game master; the owner where nobody is named.
    master = models.ForeignKey(
        "Membership", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Whose turn it is after skips at this head; at another one it follows from who acted last.
    turn_of = models.ForeignKey(
        "Membership", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    turn_at = models.UUIDField(null=True, blank=True)
    skipped = models.PositiveIntegerField(default=0)  # in a row, because their time was up
    # When the time to act is up; the sweep goes on from there.
    until = models.DateTimeField(null=True, blank=True)
    # A change that waits for more players: {command, member, agreed: [member]}.
    asked = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["until"], condition=Q(until__isnull=False), name="tables_with_a_deadline"
            ),
        ]

    def __str__(self) -> str:
        return f"table of {self.adventure_id}"


class Proposal(models.Model):
    """What a member wants to do, until it is told, replaced or withdrawn."""

    if TYPE_CHECKING:
        member_id: uuid.UUID
        adventure_id: uuid.UUID

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE, related_name="proposals")
    member = models.OneToOneField("Membership", on_delete=models.CASCADE, related_name="proposal")
    kind = models.CharField(max_length=10)
    text = models.TextField(blank=True)
    # The ids of the members who voted for it. Each votes for one.
    voters = models.JSONField(default=list, blank=True)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["created"]

    def __str__(self) -> str:
        return f"proposal of {self.member_id}"


class TurnPart(models.Model):
    """One player's part of a turn that several wrote together."""

    if TYPE_CHECKING:
        player_id: uuid.UUID | None
        turn_id: uuid.UUID

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    turn = models.ForeignKey("Turn", on_delete=models.CASCADE, related_name="parts")
    player = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL)
    character = models.CharField(max_length=40)
    kind = models.CharField(max_length=10)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"part of {self.turn_id}"
