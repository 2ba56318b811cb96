"""Who may read scenarios and shares, as query conditions that the models' querysets use.

Moderators hide a scenario or a share by its `hidden`. No page has a condition of its own.
"""

from typing import Any

from django.db import models
from django.db.models import Q


class Visibility(models.TextChoices):
    """Who may read a scenario."""

    PRIVATE = "private"
    UNLISTED = "unlisted"  # everybody who has its URL
    PUBLIC = "public"  # everybody; it is listed


def public_scenario() -> Q:
    """Scenarios that are listed for all."""
    return Q(visibility=Visibility.PUBLIC, hidden=False)


def scenario_readable_by(player: Any) -> Q:
    """Scenarios whose page `player` (also an AnonymousUser) may open and begin from.

    Authors read their own in any state. Staff read hidden ones, and nobody's drafts.
    """
    published = Q(visibility__in=[Visibility.PUBLIC, Visibility.UNLISTED])
    if not player.is_authenticated:
        return published & Q(hidden=False)
    if player.is_staff:
        return published | Q(author=player.pk)
    return (published & Q(hidden=False)) | Q(author=player.pk)


def share_readable_by(player: Any) -> Q:
    """Shared paths that `player` may read by their link. Staff read hidden ones as well."""
    there = Q(revoked__isnull=True, deleted__isnull=True, adventure__deleted__isnull=True)
    return there if player.is_staff else there & Q(hidden=False)
