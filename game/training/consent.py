"""Consents: whether narrators may be trained on an adventure."""

from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from game.models import (
    Adventure,
    Case,
    Edit,
    Membership,
    Player,
    Sanction,
    TrainingConsent,
    Turn,
)
from game.moderation.standing import SUSPENDING

DISMISSED = "dismiss"  # the outcome of a case without consequences


def has_consent(adventure_id: UUID) -> bool:
    """Whether the owner has consented."""
    return TrainingConsent.objects.filter(adventure=adventure_id).exists()


def may_grant(adventure: Adventure, player: Player) -> bool:
    """Whether `player` owns the adventure. Other members cannot consent."""
    owner = Membership.Role.OWNER
    return Membership.objects.filter(adventure=adventure, player=player, role=owner).exists()


def grant(adventure: Adventure, player: Player) -> None:
    """Store the owner's consent. A second one changes nothing."""
    TrainingConsent.objects.get_or_create(adventure=adventure, defaults={"player": player})


def withdraw(adventure: Adventure) -> None:
    """Delete the consent. Later collections leave the adventure out; trained models stay."""
    TrainingConsent.objects.filter(adventure=adventure).delete()


def written_by_others() -> QuerySet[Turn]:
    """For a query of adventures: turns with words that are not by who consented.

    A turn with a character's name and no player is by somebody whose account is gone.
    """
    consenting = OuterRef("training_consent__player")
    gone = Q(player__isnull=True) & ~Q(character="")
    others = Q(player__isnull=False) & ~Q(player=consenting)
    in_part = Q(parts__isnull=False) & (
        Q(parts__player__isnull=True) | ~Q(parts__player=consenting)
    )
    return Turn.objects.filter(gone | others | in_part, adventure=OuterRef("pk"))


def edited_by_others() -> QuerySet[Edit]:
    """For a query of adventures: edits that are not by who consented."""
    edits = Edit.objects.filter(turn__adventure=OuterRef("pk"))
    return edits.exclude(by=OuterRef("training_consent__player"))


def adventures_with_consent() -> QuerySet[Adventure]:
    """The adventures that may be collected now, in the order of their consents.

    Left out are deleted ones, those that moderators hid or that have a case that was not dismissed,
    those of players who are suspended, inactive or no longer the owner, imported ones (other
    programs' narrators told them), and those in which somebody else has written, who consented to
    nothing.
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
        .exclude(imported__added=False)
        .exclude(pk__in=cases.values("adventure"))
        .exclude(training_consent__player__in=suspensions.values("player"))
        .exclude(Exists(written_by_others()))
        .exclude(Exists(edited_by_others()))
        .order_by("training_consent__given", "pk")
    )
