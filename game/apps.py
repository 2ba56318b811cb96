"""The Django app of the game."""

from django.apps import AppConfig


class GameConfig(AppConfig):
    """One app for all of `game/`, with label "game"."""

    name = "game"
