"""Preferences of players, which hold in all their adventures and on all their devices."""

from django.db import models

from game.models.players import Player


class Taste(models.Model):
    """A player's preferences for replies and pages, the same on every device."""

    class Length(models.TextChoices):
        """How long replies are; USUAL leaves it to the narrator."""

        SHORT = "short"
        USUAL = "usual"
        LONG = "long"

    class Temperature(models.TextChoices):
        """How surprising replies are; USUAL leaves it to the narrator."""

        STEADY = "steady"
        USUAL = "usual"
        WILD = "wild"

    player = models.OneToOneField(Player, primary_key=True, on_delete=models.CASCADE)
    length = models.CharField(max_length=10, choices=Length, default=Length.USUAL)
    temperature = models.CharField(max_length=10, choices=Temperature, default=Temperature.USUAL)
    # Settings of static/js/looks.js: theme, font, text, width. Only those that were changed.
    looks = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.length}, {self.temperature}"
