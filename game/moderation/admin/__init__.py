"""Moderation in Django's admin. Everything that is done here is a call of game.moderation."""

from game.moderation.admin import appeals, cases, operation, records

__all__ = ["appeals", "cases", "operation", "records"]
