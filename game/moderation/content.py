"""How what was shared is taken out of sight, and restored. Called by actions alone.

Private stories are never touched: what is deleted of a shared adventure is its link.
"""

from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.models import Case, Scenario, Share, Visibility


class NothingThere(Exception):
    """There is nothing to hide or bring back. Its text tells staff."""


def subject_of(case: Case) -> Scenario | Share:
    """What was shared. Raises NothingThere."""
    found: Scenario | Share | None = None
    if case.subject == Case.Subject.SCENARIO:
        found = (
            Scenario.with_deleted.select_for_update(of=("self",)).filter(pk=case.subject_id).first()
        )
    elif case.subject == Case.Subject.SHARE:
        found = Share.objects.select_for_update(of=("self",)).filter(pk=case.subject_id).first()
    if found is None:
        raise NothingThere(
            _("This is a private adventure: nobody else can see it.")
            if case.subject == Case.Subject.STORY
            else _("It was already deleted.")
        )
    return found


def hide(case: Case) -> dict[str, Any]:
    """Nobody but its author (and staff) reads it. What it was before."""
    found = subject_of(case)
    before = {"hidden": found.hidden}
    found.hidden = True
    found.save(update_fields=["hidden"])
    return before


def unpublish(case: Case) -> dict[str, Any]:
    """A scenario becomes a draft; a shared adventure's link leads nowhere."""
    found = subject_of(case)
    if isinstance(found, Scenario):
        before: dict[str, Any] = {"visibility": found.visibility}
        found.visibility = Visibility.PRIVATE
        found.save(update_fields=["visibility"])
        return before
    before = {"revoked": found.revoked is not None}
    found.revoked = Now()
    found.save(update_fields=["revoked"])
    return before


def delete(case: Case) -> None:
    """For good. Adventures that were begun from a scenario have copies of their own."""
    subject_of(case).delete()


def restore(case: Case, before: dict[str, Any]) -> None:
    """As it was before it was hidden or unpublished."""
    found = subject_of(case)
    if "hidden" in before:
        found.hidden = before["hidden"]
        found.save(update_fields=["hidden"])
    if "visibility" in before and isinstance(found, Scenario):
        found.visibility = before["visibility"]
        found.save(update_fields=["visibility"])
    if before.get("revoked") is False and isinstance(found, Share):
        found.revoked = None
        found.save(update_fields=["revoked"])
