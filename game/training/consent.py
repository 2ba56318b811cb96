"""An owner's word that narrators may learn from an adventure."""

from uuid import UUID

from django.db.models import F, QuerySet

from game.models import Adventure, Membership, Player, TrainingConsent


def is_given(adventure_id: UUID) -> bool:
    return TrainingConsent.objects.filter(adventure=adventure_id).exists()


def is_theirs_to_give(adventure: Adventure, player: Player) -> bool:
    """Whether `player` owns it. Others who play in it have no say."""
    owner = Membership.Role.OWNER
    return Membership.objects.filter(adventure=adventure, player=player, role=owner).exists()


def give(adventure: Adventure, player: Player) -> None:
    """Let narrators learn from it. Said twice, the first time counts."""
    TrainingConsent.objects.get_or_create(adventure=adventure, defaults={"player": player})


def take_back(adventure: Adventure) -> None:
    """The next collection leaves it out. What was trained already cannot be unlearned."""
    TrainingConsent.objects.filter(adventure=adventure).delete()


def adventures_with_consent() -> QuerySet[Adventure]:
    """Those that may be learned from now, in the order of the consents.

    Not what lies in the bin, nor what a moderator has hidden, nor anything of a player who was shut
    out or who no longer owns it.
    """
    return (
        Adventure.objects.filter(
            training_consent__isnull=False,
            deleted__isnull=True,
            training_consent__player__is_active=True,
            membership__player=F("training_consent__player"),
            membership__role=Membership.Role.OWNER,
        )
        .exclude(shares__hidden=True)
        .order_by("training_consent__given", "pk")
    )
