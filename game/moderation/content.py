"""Hides, unpublishes, deletes and restores what was shared. Only called by `actions`.

Private stories are never changed: of a shared adventure the link is deleted.
"""

from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.models import Case, Scenario, Share, Visibility


class NothingShared(Exception):
    """There is nothing to hide or restore. The message is for staff."""


def lock_content(case: Case) -> Scenario | Share:
    """The scenario or link of a case, locked. Raises NothingShared."""
    found: Scenario | Share | None = None
    if case.subject == Case.Subject.SCENARIO:
        found = (
            Scenario.with_deleted.select_for_update(of=("self",)).filter(pk=case.subject_id).first()
        )
    elif case.subject == Case.Subject.SHARE:
        found = Share.objects.select_for_update(of=("self",)).filter(pk=case.subject_id).first()
    if found is None:
        raise NothingShared(
            _("This is a private adventure: nobody else can see it.")
            if case.subject == Case.Subject.STORY
            else _("It was already deleted.")
        )
    return found


def hide(case: Case) -> dict[str, Any]:
    """Hide the content from all but its author and staff. Returns its state before."""
    found = lock_content(case)
    before = {"hidden": found.hidden}
    found.hidden = True
    found.save(update_fields=["hidden"])
    return before


def unpublish(case: Case) -> dict[str, Any]:
    """Make a scenario a draft, or a link lead nowhere. Returns the state before."""
    found = lock_content(case)
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
    """Delete the content permanently. Adventures begun from a scenario stay."""
    lock_content(case).delete()


def restore(case: Case, before: dict[str, Any]) -> None:
    """Return the content to a state that `hide` or `unpublish` returned."""
    found = lock_content(case)
    if "hidden" in before:
        found.hidden = before["hidden"]
        found.save(update_fields=["hidden"])
    if "visibility" in before and isinstance(found, Scenario):
        found.visibility = before["visibility"]
        found.save(update_fields=["visibility"])
    if before.get("revoked") is False and isinstance(found, Share):
        found.revoked = None
        found.save(update_fields=["revoked"])
