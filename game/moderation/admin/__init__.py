"""Moderation in Django's admin, which calls the functions of game.moderation."""

from game.moderation.admin import appeals, cases, narrators, operation, records

__all__ = ["appeals", "cases", "narrators", "operation", "records"]
