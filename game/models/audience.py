"""For whom a story is told."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Audience(models.TextChoices):
    """For whom a story is: the rules of the host may differ. From the narrowest to the widest."""

    EVERYONE = "everyone", _("everyone")
    TEEN = "teen", _("teens and adults")
    MATURE = "mature", _("adults")


def within(limit: str) -> list[str]:
    """The audiences that somebody with this limit may read for."""
    order = list(Audience.values)
    return order[: order.index(limit) + 1]
