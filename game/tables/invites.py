"""Makes, finds, revokes and uses up invites."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from game.models import Adventure, TableInvite
from game.models.tables import CODE_LENGTH, CODE_SIGNS
from game.play.protocol import Refused

MOST_OPEN = 20  # invites of one adventure at the same time
DAYS = (1, 7, 30)  # how long an invite may last
MOST_USES = 1_000


@dataclass(frozen=True)
class InviteTerms:
    """What an invite is for: a role, how many days it lasts, how often it can be used."""

    role: str
    days: int
    most_uses: int | None = None  # None: no limit


def make(adventure: Adventure, terms: InviteTerms) -> TableInvite:
    """A new invite to an adventure, which is locked. Raises Refused if it has too many."""
    if open_invites(adventure).count() >= MOST_OPEN:
        raise Refused(
            "not_allowed",
            _("This adventure has %(most)d open invites, the maximum. Revoke one first.")
            % {"most": MOST_OPEN},
        )
    return TableInvite.objects.create(
        adventure=adventure,
        role=terms.role,
        expires=timezone.now() + timedelta(days=terms.days),
        most_uses=terms.most_uses,
    )


def open_invites(adventure: Adventure) -> QuerySet[TableInvite]:
    """The invites of an adventure that let somebody in now, newest first."""
    return TableInvite.objects.open().filter(adventure=adventure)


def revoke(adventure: Adventure, invite_id: Any = None) -> int:
    """Revoke an invite of the adventure, or all of them. Returns how many were open."""
    found = open_invites(adventure)
    if invite_id is not None:
        found = found.filter(pk=invite_id)
    # Not `found.update`: its condition joins the adventure.
    return TableInvite.objects.filter(pk__in=list(found.values_list("pk", flat=True))).update(
        revoked=Now()
    )


def find_by_token(token: str) -> TableInvite | None:
    """The open invite of a link, with its adventure; None if there is none."""
    return TableInvite.objects.open().filter(token=token).select_related("adventure").first()


def find_by_code(typed: str) -> TableInvite | None:
    """The open invite of a code as somebody typed it; None if there is none."""
    code = "".join(typed.split()).replace("-", "").upper()
    if len(code) != CODE_LENGTH or not set(code) <= set(CODE_SIGNS):
        return None
    return TableInvite.objects.open().filter(code=code).first()


def use(invite: TableInvite) -> None:
    """Count one use, in the transaction that makes the member.

    Raises Refused if it was revoked, has expired or was used up meanwhile.
    """
    still_open = TableInvite.objects.open().filter(pk=invite.pk).values("pk")
    if not TableInvite.objects.filter(pk__in=still_open).update(uses=F("uses") + 1):
        raise Refused("not_allowed", _("This invite is no longer valid. Ask for a new one."))
