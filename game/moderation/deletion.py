"""What moderation keeps of a player who goes: that something was decided, and none of their words.

What was preserved for the law stays. Notices, sanctions and reports go with the account.
"""

from django.db.models import Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat

from game.models import Case, Player


def forget_player(player: Player) -> None:
    """Called before the account is deleted."""
    theirs = Case.objects.filter(player=player)
    theirs.update(excerpt="", key=Concat(Value("gone "), Cast("pk", CharField())))
