"""Deletes what the library has of a player whose account is deleted."""

from django.db import transaction

from game.library import ratings
from game.models import Adventure, Begun, Player, Scenario, Share, Visibility
from game.play import adventures


def delete_player_content(player: Player, keep_public: bool = True) -> None:
    """Delete a player's links, ratings, drafts and deleted adventures before the account goes.

    Scenarios by link are deleted, public ones only without `keep_public`; those that are kept no
    longer name their author. The caller deletes the player's other adventures.
    """
    with transaction.atomic():
        Share.objects.filter(player=player).delete()
        begun = list(Begun.objects.filter(player=player).values_list("scenario_id", flat=True))
        Begun.objects.filter(player=player).delete()
        ratings.count(begun)
        theirs = Scenario.with_deleted.all().of(player)
        (theirs.exclude(visibility=Visibility.PUBLIC) if keep_public else theirs).delete()
        theirs.update(author=None)
    trashed = Adventure.objects.with_deleted_of(player).filter(deleted__isnull=False)
    for each in list(trashed.values_list("pk", flat=True)):
        adventures.purge(each)
