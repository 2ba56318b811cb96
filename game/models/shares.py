"""Shares: paths of adventures that can be read by a link."""

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.functions import Now

from game.library import visibility
from game.models.adventures import Adventure
from game.models.players import Player
from game.models.turns import Turn


def new_token() -> str:
    """128 random bits, so that nobody can guess a link."""
    return secrets.token_urlsafe(16)


class ShareQuerySet(models.QuerySet["Share"]):
    """Links by who may read or manage them."""

    def readable_by(self, player: Any) -> "ShareQuerySet":
        """Links that `player` (or a visitor) may read, given their token."""
        return self.filter(visibility.share_readable_by(player))

    def of(self, player: Any) -> "ShareQuerySet":
        """Links that `player` made and has not deleted, newest first."""
        return self.with_deleted_of(player).filter(deleted__isnull=True).order_by("-created")

    def with_deleted_of(self, player: Any) -> "ShareQuerySet":
        """As `of`, in no order, with deleted links that can be restored."""
        if not player.is_authenticated:
            return self.none()
        return self.filter(player=player.pk, revoked__isnull=True, adventure__deleted__isnull=True)


class Share(models.Model):
    """The path of an adventure up to a turn, for whoever has the link."""

    if TYPE_CHECKING:
        adventure_id: uuid.UUID
        turn_id: uuid.UUID
        player_id: uuid.UUID

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    adventure = models.ForeignKey(Adventure, on_delete=models.CASCADE, related_name="shares")
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="shares")
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="shares")
    plot = models.BooleanField(
        default=False, help_text="Whether memory, author's note and cards are shown as well."
    )
    created = models.DateTimeField(db_default=Now(), editable=False)
    # By a moderator. Players' own deletions set it too in versions without undo.
    revoked = models.DateTimeField(null=True, blank=True)
    # When its player deleted it: it can be restored for a while (game.library.trash).
    deleted = models.DateTimeField(null=True, blank=True, editable=False)
    hidden = models.BooleanField(default=False, help_text="By a moderator: nobody reads it.")

    objects = ShareQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"share of {self.adventure_id}"


class ShareTexts(models.Model):
    """The texts that a link shows: as they were when it was made or last updated."""

    if TYPE_CHECKING:
        share_id: uuid.UUID

    share = models.OneToOneField(
        Share, primary_key=True, on_delete=models.CASCADE, related_name="texts"
    )
    title = models.CharField(max_length=120)
    teaser = models.TextField(blank=True)
    content = models.BinaryField()  # game.library.share_content packs it
    size = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 of the content before it is packed
    taken = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "shared texts"

    def __str__(self) -> str:
        return f"texts of share {self.share_id}"
