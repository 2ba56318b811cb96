"""An owner's word that narrators may learn from an adventure."""

from uuid import UUID

from django.db.models import F, QuerySet

from game.models import Adventure, Case, Membership, Player, Sanction, TrainingConsent
from game.moderation.standing import SUSPENDING

DISMISSED = "dismiss"  # the outcome of a case that came to nothing


def is_given(adventure_id: UUID) -> bool:
    return TrainingConsent.objects.filter(adventure=adventure_id).exists()


def is_theirs_to_give(adventure: Adventure, player: Player) -> bool:
    """Whether `player` owns it. Others who play in it have no say."""
    owner = Membership.Role.OWNER
    return Membership.objects.filter(adventure=adventure, player=player, role=owner).exists()


def give(adventure: Adventure, player: Player) -> None:
    """Let narrators learn from it. Said twice, the first time counts."""
    TrainingConsent.objects.get_or_create(adventure=adventure, defaults={"player": player})


def withdraw(adventure: Adventure) -> None:
    """The next collection leaves it out. What was trained already cannot be unlearned."""
    TrainingConsent.objects.filter(adventure=adventure).delete()


def adventures_with_consent() -> QuerySet[Adventure]:
    """Those that may be learned from now, in the order of the consents.

    Not what lies in the bin, what moderators hid or have a case about that was not dismissed, or
    anything of a player who was shut out or no longer owns it.
    """
    cases = Case.objects.exclude(outcome=DISMISSED).filter(adventure__isnull=False)
    suspensions = Sanction.objects.in_force().filter(kind__in=SUSPENDING)
    return (
        Adventure.objects.filter(
            training_consent__isnull=False,
            deleted__isnull=True,
            training_consent__player__is_active=True,
            membership__player=F("training_consent__player"),
            membership__role=Membership.Role.OWNER,
        )
        .exclude(shares__hidden=True)
        .exclude(pk__in=cases.values("adventure"))
        .exclude(training_consent__player__in=suspensions.values("player"))
        .order_by("training_consent__given", "pk")
    )
