"""Moderation in Django's admin. Everything that is done here is a call of game.moderation."""

from game.moderation.admin import appeals, cases, narrators, operation, records

__all__ = ["appeals", "cases", "narrators", "operation", "records"]
