"""Audiences of stories, and limits of players."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Audience(models.TextChoices):
    """For whom a story is, from the narrowest to the widest. The host's rules may differ."""

    EVERYONE = "everyone", _("everyone")
    TEEN = "teen", _("teens and adults")
    MATURE = "mature", _("adults")


def within(limit: str) -> list[str]:
    """The audiences up to `limit`, which somebody with this limit may read."""
    order = list(Audience.values)
    return order[: order.index(limit) + 1]
