"""Reports and cases, decisions with their sanctions and notices, and the audit log."""

import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import ExpressionWrapper, F, FloatField, Q, QuerySet
from django.db.models.functions import Extract, Now
from django.utils.translation import gettext_lazy as _

from game.models.adventures import Adventure
from game.models.players import Player
from game.models.turns import Turn

LONGEST_REASON = 1_000
LONGEST_EXCERPT = 1_000
# Added to a case's score for each day that it is open, so that old reports rise.
WEIGHT_OF_A_DAY = 10.0


class Words(models.TextChoices):
    """Who wrote a text. Nobody is sanctioned for the narrator's words."""

    PLAYER = "player", _("the player’s words")
    NARRATOR = "narrator", _("the narrator’s words")


class CaseQuerySet(models.QuerySet["Case"]):
    """Cases in the order of the moderators' queue."""

    def waiting(self) -> QuerySet["Case"]:
        """Open cases with their `score`, highest first."""
        return self.filter(decided__isnull=True).by_score()

    def by_score(self) -> QuerySet["Case"]:
        """Cases with their `score`, highest first, then the oldest."""
        return self.scored().order_by(F("score").desc(), "opened")

    def scored(self) -> QuerySet["Case"]:
        """Cases with `score`: their weight plus WEIGHT_OF_A_DAY for each day that they are open."""
        age = ExpressionWrapper(
            Extract(Now() - F("opened"), "epoch") / 86_400.0, output_field=FloatField()
        )
        return self.annotate(
            score=ExpressionWrapper(F("weight") + age * WEIGHT_OF_A_DAY, output_field=FloatField())
        )


class Case(models.Model):
    """A text that moderators should look at. All reports of one text are one case."""

    class Subject(models.TextChoices):
        """What the text belongs to."""

        SCENARIO = "scenario", _("a scenario")
        SHARE = "share", _("a shared adventure")
        STORY = "story", _("an adventure, found by a rule")

    if TYPE_CHECKING:
        turn_id: uuid.UUID | None
        adventure_id: uuid.UUID | None
        player_id: uuid.UUID | None
        claimed_by_id: uuid.UUID | None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=200, editable=False)  # of the text; one open case for each
    subject = models.CharField(max_length=10, choices=Subject)
    subject_id = models.CharField(max_length=64, blank=True)
    adventure = models.ForeignKey(
        Adventure, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    turn = models.ForeignKey(
        Turn, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    player = models.ForeignKey(
        Player, null=True, blank=True, on_delete=models.SET_NULL, related_name="cases"
    )
    words = models.CharField(max_length=10, choices=Words)
    kind = models.CharField(max_length=20)  # the gravest of its reports' kinds
    rule = models.CharField(max_length=40, blank=True)  # the rule that opened the case, if one did
    excerpt = models.TextField(blank=True)
    weight = models.FloatField(default=0)
    opened = models.DateTimeField(db_default=Now(), editable=False)
    claimed_by = models.ForeignKey(
        Player, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    decided = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        Player, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    outcome = models.CharField(max_length=20, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(decided__isnull=True), name="one_open_case"
            ),
        ]
        indexes = [
            models.Index(
                fields=["opened"], condition=Q(decided__isnull=True), name="cases_waiting"
            ),
        ]
        # Given to the groups of game/moderation/roles.py.
        default_permissions = ("view",)
        permissions = [
            ("decide_case", "Can claim cases, dismiss, hide, unpublish, warn and mute"),
            ("sanction", "Can delete, suspend, ban, undo, and decide appeals"),
            ("open_story", "Can open a whole story, with a reason"),
            ("preserve", "Can preserve a text for the law"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.subject_id}"


class Report(models.Model):
    """A reader's complaint."""

    class Kind(models.TextChoices):
        """What a reader complains of, from the gravest to the least grave."""

        MINORS = "minors", _("Sexual content about minors")
        THREAT = "threat", _("A threat against a real person")
        PRIVATE = "private", _("Somebody’s private data")
        HARM = "harm", _("Instructions to hurt oneself or others")
        HATE = "hate", _("Hatred of people for what they are")
        SEXUAL = "sexual", _("Too explicit for its readers")
        COPIED = "copied", _("Somebody else’s work")
        SPAM = "spam", _("Advertising or spam")
        OTHER = "other", _("Something else")

    if TYPE_CHECKING:
        player_id: uuid.UUID | None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="reports")
    player = models.ForeignKey(
        Player, null=True, blank=True, on_delete=models.CASCADE, related_name="reports"
    )
    # A keyed digest that identifies a reader without an account, to count and merge reports.
    reader = models.CharField(max_length=64, blank=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    reason = models.TextField(blank=True)
    weight = models.FloatField(default=0)
    created = models.DateTimeField(db_default=Now(), editable=False)
    upheld = models.BooleanField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["case", "player"], name="reported_once"),
        ]
        indexes = [models.Index(fields=["reader", "created"], name="reports_of_a_reader")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class SanctionQuerySet(models.QuerySet["Sanction"]):
    """Sanctions by whether they hold."""

    def in_force(self) -> "SanctionQuerySet":
        """Sanctions that were not lifted and have not expired."""
        return self.filter(lifted__isnull=True).filter(Q(until__isnull=True) | Q(until__gt=Now()))


class Sanction(models.Model):
    """What a player may not do, and until when."""

    class Kind(models.TextChoices):
        """From a warning, which forbids nothing, to a ban."""

        WARNING = "warning", _("warning")
        MUTE = "mute", _("publishing blocked")
        SUSPENSION = "suspension", _("suspension")
        BAN = "ban", _("ban")

    if TYPE_CHECKING:
        player_id: uuid.UUID
        by_id: uuid.UUID | None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="sanctions")
    case = models.ForeignKey(Case, null=True, on_delete=models.SET_NULL, related_name="sanctions")
    kind = models.CharField(max_length=12, choices=Kind)
    until = models.DateTimeField(null=True, blank=True, help_text="Empty: permanent.")
    by = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(db_default=Now(), editable=False)
    lifted = models.DateTimeField(null=True, blank=True)

    objects = SanctionQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        ordering = ["-created"]
        indexes = [
            models.Index(
                fields=["player"], condition=Q(lifted__isnull=True), name="sanctions_in_force"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Notice(models.Model):
    """What a player is told of a decision: the rule, the words, and what was done."""

    if TYPE_CHECKING:
        player_id: uuid.UUID

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="notices")
    case = models.ForeignKey(Case, null=True, on_delete=models.SET_NULL, related_name="notices")
    sanction = models.ForeignKey(
        Sanction, null=True, on_delete=models.CASCADE, related_name="notices"
    )
    entry = models.BigIntegerField(null=True)  # of the audit log; an appeal may undo it
    deed = models.CharField(max_length=20)
    about = models.CharField(max_length=160, blank=True)
    rule = models.CharField(max_length=80, blank=True)
    excerpt = models.TextField(blank=True)
    note = models.TextField(blank=True)
    until = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(db_default=Now(), editable=False)
    seen = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.deed} {self.id}"


class Appeal(models.Model):
    """A player's one answer to a notice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    notice = models.OneToOneField(Notice, on_delete=models.CASCADE, related_name="appeal")
    text = models.TextField()
    created = models.DateTimeField(db_default=Now(), editable=False)
    decided = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL, related_name="+")
    granted = models.BooleanField(null=True, blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        default_permissions = ("view",)
        ordering = ["created"]

    def __str__(self) -> str:
        return f"appeal {self.id}"


class AuditEntry(models.Model):
    """An action of staff. A database trigger forbids to change or delete entries.

    No foreign key leads from here: of a deleted player only the id is left.
    """

    at = models.DateTimeField(db_default=Now(), editable=False)
    actor = models.UUIDField(null=True)
    deed = models.CharField(max_length=30)
    case = models.UUIDField(null=True)
    player = models.UUIDField(null=True)
    subject = models.CharField(max_length=80, blank=True)
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)
    undoes = models.BigIntegerField(null=True)

    class Meta:
        default_permissions = ("view",)
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["undoes"], name="undone_once")]

    def __str__(self) -> str:
        return f"{self.deed} {self.pk}"


class RuleHit(models.Model):
    """A rule matched these words; `severity` says whether that had a consequence.

    Only the matched words are stored, nothing of the text around them.
    """

    rule = models.CharField(max_length=40)
    version = models.CharField(max_length=40)
    severity = models.CharField(max_length=10)
    place = models.CharField(max_length=12)  # action, edit, plot, card, answer, scenario, reply …
    words = models.CharField(max_length=300)
    whose = models.CharField(max_length=10, choices=Words)
    player = models.ForeignKey(
        Player, null=True, on_delete=models.CASCADE, related_name="rule_hits"
    )
    adventure = models.ForeignKey(Adventure, null=True, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-created"]
        indexes = [models.Index(fields=["rule", "created"], name="hits_of_a_rule")]

    def __str__(self) -> str:
        return f"{self.rule} {self.pk}"


class Preserved(models.Model):
    """A copy of a text, kept because the law may ask for it, even after its account is deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, null=True, on_delete=models.SET_NULL, related_name="preserved")
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    reason = models.TextField()
    by = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "preserved"
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"preserved {self.id}"


class Operation(models.Model):
    """Settings of the running host: paused or not, and which narrators are off. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    paused = models.BooleanField(default=False)
    message = models.CharField(max_length=300, blank=True)
    narrators_off = models.JSONField(default=list, blank=True)
    changed = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        permissions = [("operate", "Can see how the host runs, pause it, and switch narrators")]
        verbose_name_plural = "operation"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_host")]

    def __str__(self) -> str:
        return "operation"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the one row, whatever key the instance has."""
        self.pk = 1
        super().save(*args, **kwargs)
