"""Redacts the cases of a deleted player: the decisions stay, none of the player's words do.

Preserved texts stay too. Notices, sanctions and reports are deleted with the account.
"""

from django.db.models import Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat

from game.models import Case, Player


def redact_cases(player: Player) -> None:
    """Remove the player's words from their cases, before the account is deleted."""
    theirs = Case.objects.filter(player=player)
    theirs.update(excerpt="", key=Concat(Value("gone "), Cast("pk", CharField())))
