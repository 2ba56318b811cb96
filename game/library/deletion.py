"""What the library does when a player goes."""

from django.db import transaction

from game.library import ratings
from game.models import Adventure, Begun, Player, Scenario, Share, Visibility
from game.play import adventures


def forget_player(player: Player, keep_public: bool = True) -> None:
    """End what the library has of a player whose account is about to be deleted.

    Links to their stories lead nowhere from now on, their ratings no longer count, drafts and
    scenarios by link are deleted, and so are public ones without `keep_public`; those that are
    kept no longer name their author. What they had deleted already is ended for good. Their other
    adventures are for whoever deletes the account.
    """
    with transaction.atomic():
        Share.objects.filter(player=player).delete()
        begun = list(Begun.objects.filter(player=player).values_list("scenario_id", flat=True))
        Begun.objects.filter(player=player).delete()
        ratings.count(begun)
        theirs = Scenario.with_deleted.all().of(player)
        (theirs.exclude(visibility=Visibility.PUBLIC) if keep_public else theirs).delete()
        theirs.update(author=None)
    gone = Adventure.objects.with_deleted_of(player).filter(deleted__isnull=False)
    for each in list(gone.values_list("pk", flat=True)):
        adventures.purge(each)
