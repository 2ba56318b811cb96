"""Story cards, of scenarios and of adventures."""

import uuid
from typing import TYPE_CHECKING, Any

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q

from game.models.adventures import Adventure
from game.models.deletion import LiveManager
from game.models.limits import LONGEST_NOTE
from game.models.scenarios import Scenario


class StoryCardQuerySet(models.QuerySet["StoryCard"]):
    """Cards by who may see them."""

    def of(self, player: Any) -> "StoryCardQuerySet":
        """The cards that `player` may see in their adventures; never a scenario's."""
        return self.filter(adventure__in=Adventure.objects.of(player)).seen()

    def seen(self) -> "StoryCardQuerySet":
        """Cards that players may see: never hidden, or used by the narrator since."""
        return self.filter(hidden=False)


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
    options = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="As game.cards.options reads them; empty: all as usual.",
    )
    hidden = models.BooleanField(
        default=False, help_text="Players see it once the narrator has used it."
    )

    # When it was deleted: it can be restored for a while (game.library.trash).
    deleted = models.DateTimeField(null=True, blank=True, editable=False)

    objects = LiveManager.from_queryset(StoryCardQuerySet)()
    with_deleted = StoryCardQuerySet.as_manager()

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
