"""What a player likes, kept for every adventure and every device that they sign in on."""

from django.db import models

from game.models.players import Player


class Taste(models.Model):
    """How stories are told to a player, and how pages look to them."""

    class Length(models.TextChoices):
        SHORT = "short"
        USUAL = "usual"
        LONG = "long"

    class Temperature(models.TextChoices):
        STEADY = "steady"
        USUAL = "usual"
        WILD = "wild"

    player = models.OneToOneField(Player, primary_key=True, on_delete=models.CASCADE)
    length = models.CharField(max_length=10, choices=Length, default=Length.USUAL)
    temperature = models.CharField(max_length=10, choices=Temperature, default=Temperature.USUAL)
    # What static/js/looks.js knows of: theme, font, text, width. Only what was chosen.
    looks = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.length}, {self.temperature}"
