"""What Postgres holds: fields, constraints, cheap properties. Behaviour is in turns.py."""

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

LONGEST_TEXT = 4_000  # code points in one action or reply, as PROTOCOL.md says
LONGEST_MEMORY = 8_000
LONGEST_NOTE = 2_000
LONGEST_SUMMARY = 4_000


class Player(AbstractUser):
    """Someone who plays. A guest has no password and lives in one browser's session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_guest = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.username


class Scenario(models.Model):
    """A beginning that others can start from."""

    slug = models.SlugField(primary_key=True, max_length=60)
    title = models.CharField(max_length=80)
    tempt = models.CharField("a line to tempt", max_length=160)
    rank = models.PositiveIntegerField(default=1000, help_text="Smaller comes first.")
    tags = models.JSONField(default=list, blank=True)
    placeholders = models.JSONField(
        default=list, blank=True, help_text='A list of {"name", "question", "default"}.'
    )
    opening = models.TextField(validators=[MaxLengthValidator(LONGEST_TEXT)])
    memory = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_MEMORY)])
    authors_note = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_NOTE)])
    first_actions = models.JSONField(
        default=list, blank=True, help_text='A list of {"kind", "text"}.'
    )
    listed = models.BooleanField(default=True)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["rank", "title"]

    def __str__(self) -> str:
        return self.title


class AdventureQuerySet(models.QuerySet["Adventure"]):
    def of(self, player: Any) -> "AdventureQuerySet":
        """The adventures that `player` is a member of. Every look-up goes through here."""
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
    dice = models.BooleanField(default=False, help_text="Whether dice decide how actions go.")
    head = models.ForeignKey(
        "Turn", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    # Raised by every transaction that changes the adventure; events and snapshots carry it.
    version = models.PositiveBigIntegerField(default=0, editable=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    changed = models.DateTimeField(db_default=Now(), editable=False)

    objects = AdventureQuerySet.as_manager()

    class Meta:
        ordering = ["-changed"]

    def __str__(self) -> str:
        return self.title


class Membership(models.Model):
    """Who may do what in an adventure. The owner is its first member."""

    class Role(models.TextChoices):
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


class Kind(models.TextChoices):
    OPENING = "opening"
    DO = "do"
    SAY = "say"
    STORY = "story"
    CONTINUE = "continue"


class Status(models.TextChoices):
    """How far a turn is. Whether a queued one is running already is read from its lease."""

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
    # The child that was played last: where redo leads.
    last_child = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    player = models.ForeignKey(Player, null=True, blank=True, on_delete=models.SET_NULL)
    kind = models.CharField(max_length=10, choices=Kind)
    action = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_TEXT)])
    reply = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_TEXT)])
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
    """What the narrator was given for a turn, and how it told it."""

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="context"
    )
    # As inference.details packs it. Kilobytes: the story in it is references.
    details = models.TextField(editable=False)
    tokens = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    first_token_seconds = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"context of {self.turn_id}"


class Summary(models.Model):
    """What happened up to a turn, in few words. It holds for the turn's descendants."""

    class By(models.TextChoices):
        EXTRACT = "extract"  # sentences of the story
        NARRATOR = "narrator"
        PLAYER = "player"

    if TYPE_CHECKING:
        turn_id: uuid.UUID

    turn = models.OneToOneField(
        Turn, primary_key=True, on_delete=models.CASCADE, related_name="summary"
    )
    text = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_SUMMARY)])
    # How much of its beginning are a player's own words: a machine adds to them and keeps them.
    own = models.PositiveIntegerField(default=0)
    by = models.CharField(max_length=10, choices=By)
    changed = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "summaries"

    def __str__(self) -> str:
        return f"summary up to {self.turn_id}"


class Edit(models.Model):
    """Text that an edit replaced. Nothing written is lost."""

    class Field(models.TextChoices):
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


class Command(models.Model):
    """A command that changed something. Sent again, it gets the same outcome."""

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


class StoryCardQuerySet(models.QuerySet["StoryCard"]):
    def of(self, player: Any) -> "StoryCardQuerySet":
        """The cards in the adventures that `player` is a member of, and no scenario's."""
        return self.filter(adventure__in=Adventure.objects.of(player))


class StoryCard(models.Model):
    """Lore that enters the prompt when one of its keys is mentioned."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID | None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scenario = models.ForeignKey(
        Scenario, null=True, blank=True, on_delete=models.CASCADE, related_name="cards"
    )
    adventure = models.ForeignKey(
        Adventure, null=True, blank=True, on_delete=models.CASCADE, related_name="cards"
    )
    title = models.CharField(max_length=80)
    keys = models.JSONField(default=list, blank=True, help_text="A list of words.")
    text = models.TextField(validators=[MaxLengthValidator(LONGEST_NOTE)])
    pinned = models.BooleanField(default=False)

    objects = StoryCardQuerySet.as_manager()

    class Meta:
        ordering = ["title"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scenario__isnull=True, adventure__isnull=False)
                | Q(scenario__isnull=False, adventure__isnull=True),
                name="card_of_one_story",
            ),
        ]

    def __str__(self) -> str:
        return self.title
