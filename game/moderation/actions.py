"""Moderation actions: each is one function, which runs in one transaction and is audited.

An action about a case decides it. A sanction needs an excerpt that the player wrote: nobody is
sanctioned for the narrator's words (`NotThePlayersWords`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from game.models import AuditEntry, Case, Player, Preserved, Sanction, Words
from game.models.moderation import LONGEST_EXCERPT
from game.moderation import audit, cases, content, notices, preservation
from game.moderation.authorship import contains_excerpt, players_words
from game.moderation.cases import claimed_by_another, reported_scenario
from game.play.protocol import clean_text

LONGEST_REASON = 1_000
UNDOABLE = ("dismiss", "hide", "unpublish", "warn", "mute", "suspend", "ban")


class ActionRefused(Exception):
    """An action is not possible. The message is for staff."""


class NotThePlayersWords(ActionRefused):
    """A player was to be sanctioned for words that they did not write."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "These are not this player’s words. Players are not sanctioned for what the "
                "narrator wrote."
            )
        )


@contextmanager
def lock_for_decision(case: Case, by: Player) -> Iterator[Case]:
    """The case, locked. Raises ActionRefused while somebody else has claimed it."""
    with transaction.atomic():
        locked = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
        other = claimed_by_another(locked, by)
        if other is not None:
            raise ActionRefused(_("This case is assigned to %(who)s.") % {"who": other})
        try:
            yield locked
        except content.NothingShared as problem:
            raise ActionRefused(str(problem)) from None


def close_case(case: Case, by: Player, outcome: str, upheld: bool) -> None:
    """Take the case out of the queue, and mark its reports as upheld or not."""
    if case.decided is None:
        case.decided, case.decided_by, case.outcome = timezone.now(), by, outcome
        case.reports.update(upheld=upheld)
    case.claimed_by, case.claimed_until = None, None
    case.save()


def clean_reason(reason: str) -> str:
    """A reason as it is stored: cleaned, and cut to LONGEST_REASON."""
    return clean_text(reason)[:LONGEST_REASON]


# Actions on what was shared


def dismiss(case: Case, by: Player, reason: str = "") -> AuditEntry:
    """Close a case without consequences."""
    with lock_for_decision(case, by) as case:
        close_case(case, by, "dismiss", upheld=False)
        return audit.record("dismiss", by, case=case, reason=clean_reason(reason))


def hide(case: Case, by: Player, reason: str = "", note: str = "") -> AuditEntry:
    """Hide what was shared: only its author and staff can read it."""
    return about_content("hide", case, by, reason, note)


def unpublish(case: Case, by: Player, reason: str = "", note: str = "") -> AuditEntry:
    """Make a scenario a draft, or delete the link of a shared story."""
    return about_content("unpublish", case, by, reason, note)


def delete(case: Case, by: Player, reason: str = "", note: str = "") -> AuditEntry:
    """Delete what was shared, permanently."""
    return about_content("delete", case, by, reason, note)


def about_content(action: str, case: Case, by: Player, reason: str, note: str) -> AuditEntry:
    """Hide, unpublish or delete what a case is about, close the case, and notify its author."""
    with lock_for_decision(case, by) as case:
        before: dict[str, Any] = {}
        about = cases.describe(case)
        match action:
            case "hide":
                before = content.hide(case)
            case "unpublish":
                before = content.unpublish(case)
            case _:
                content.delete(case)
        close_case(case, by, action, upheld=True)
        entry = audit.record(
            action, by, case=case, reason=clean_reason(reason), details={"before": before}
        )
        if case.player is not None:
            notice = notices.notify(
                case.player, action, entry, case=case, excerpt=case.excerpt, note=note
            )
            notice.about = about[:160]  # described before it was deleted
            notice.save(update_fields=["about"])
        return entry


# Actions on players


def warn(case: Case, by: Player, excerpt: str = "", reason: str = "", note: str = "") -> AuditEntry:
    """Warn the player."""
    return sanction(Sanction.Kind.WARNING, "warn", case, by, excerpt, reason, note, None)


def mute(
    case: Case,
    by: Player,
    excerpt: str = "",
    reason: str = "",
    note: str = "",
    time: timedelta | None = None,
) -> AuditEntry:
    """Block publishing and sharing for a time (None: permanently)."""
    return sanction(Sanction.Kind.MUTE, "mute", case, by, excerpt, reason, note, end_of(time))


def suspend(
    case: Case, by: Player, time: timedelta, excerpt: str = "", reason: str = "", note: str = ""
) -> AuditEntry:
    """Suspend the player for a time. Their adventures stay theirs."""
    return sanction(
        Sanction.Kind.SUSPENSION, "suspend", case, by, excerpt, reason, note, end_of(time)
    )


def ban(case: Case, by: Player, excerpt: str = "", reason: str = "", note: str = "") -> AuditEntry:
    """Ban the player permanently. They can still take their data and delete the account."""
    return sanction(Sanction.Kind.BAN, "ban", case, by, excerpt, reason, note, None)


def end_of(time: timedelta | None) -> datetime | None:
    """When a sanction of this length ends; None for a permanent one."""
    return None if time is None else timezone.now() + time


def sanction(
    kind: Sanction.Kind,
    action: str,
    case: Case,
    by: Player,
    excerpt: str,
    reason: str,
    note: str,
    until: datetime | None,
) -> AuditEntry:
    """Sanction the player of a case, close the case, and notify the player.

    Raises ActionRefused, and NotThePlayersWords if the player did not write the excerpt.
    """
    with lock_for_decision(case, by) as case:
        player = case.player
        if player is None:
            raise ActionRefused(_("The author no longer has an account here."))
        if player.is_staff and not by.is_superuser:
            raise ActionRefused(_("This player is staff: only the operator can do that."))
        excerpt = (excerpt or case.excerpt)[:LONGEST_EXCERPT]
        if not is_players_text(case, excerpt):
            raise NotThePlayersWords
        created = Sanction.objects.create(player=player, case=case, kind=kind, until=until, by=by)
        close_case(case, by, action, upheld=True)
        entry = audit.record(
            action,
            by,
            case=case,
            reason=clean_reason(reason),
            details={
                "sanction": str(created.pk),
                "until": until.isoformat() if until else None,
            },
        )
        notices.notify(
            player, action, entry, case=case, sanction=created, excerpt=excerpt, note=note
        )
        return entry


def is_players_text(case: Case, excerpt: str) -> bool:
    """Whether the player of a case wrote an excerpt."""
    if case.subject == Case.Subject.SCENARIO:
        scenario = reported_scenario(case)
        return scenario is None or scenario.author_id == case.player_id
    if case.words != Words.PLAYER:
        return False
    if case.turn is None:
        return case.subject == Case.Subject.STORY  # a rule found it in the player's text
    theirs = case.turn.player_id in (None, case.player_id)
    own = [*players_words(case.turn), *cases.shared_titles(case)]
    return theirs and contains_excerpt(own, excerpt)


# Preservation


def preserve(case: Case, by: Player, reason: str) -> Preserved:
    """Preserve the text of a case as it is, and hide what was shared. Raises ActionRefused."""
    if not clean_reason(reason):
        raise ActionRefused(_("Say why the text has to be preserved."))
    with lock_for_decision(case, by) as case:
        preserved = preservation.preserve_text(case, by, clean_reason(reason))
        before: dict[str, Any] = {}
        if case.subject != Case.Subject.STORY:
            before = content.hide(case)
        audit.record(
            "preserve",
            by,
            case=case,
            reason=clean_reason(reason),
            details={"preserved": str(preserved.pk), "digest": preserved.digest, "before": before},
        )
        return preserved


# Undoing


def undo(entry: AuditEntry, by: Player, reason: str = "") -> AuditEntry:
    """Undo an action. Raises ActionRefused if it cannot be undone, or was undone already."""
    if entry.deed not in UNDOABLE:
        raise ActionRefused(_("This cannot be undone."))
    try:
        with transaction.atomic():
            undo_entry = audit.record(
                "undo",
                by,
                player=entry.player,
                subject=entry.subject,
                reason=clean_reason(reason),
                details={"deed": entry.deed},
                undoes=entry.pk,
            )
            reverse_action(entry)
            notify_of_undo(entry, undo_entry)
            return undo_entry
    except IntegrityError:
        raise ActionRefused(_("This was already undone.")) from None
    except content.NothingShared as problem:
        raise ActionRefused(str(problem)) from None


def reverse_action(entry: AuditEntry) -> None:
    """Reverse what the action of an audit entry changed."""
    case = Case.objects.filter(pk=entry.case).first() if entry.case else None
    if sanction_id := entry.details.get("sanction"):
        Sanction.objects.filter(pk=sanction_id, lifted__isnull=True).update(lifted=Now())
    elif (before := entry.details.get("before")) and case is not None:
        content.restore(case, before)
    elif entry.deed == "dismiss" and case is not None:
        reopen(case)


def reopen(case: Case) -> None:
    """Return a case to the queue. Raises ActionRefused if the text has another open case."""
    if Case.objects.filter(key=case.key, decided__isnull=True).exists():
        raise ActionRefused(_("There is another open case about the same text."))
    case.reports.update(upheld=None)
    Case.objects.filter(pk=case.pk).update(
        decided=None, decided_by=None, outcome="", weight=F("weight")
    )


def notify_of_undo(entry: AuditEntry, undo_entry: AuditEntry) -> None:
    """Notify the player that an action was undone."""
    player = Player.objects.filter(pk=entry.player).first() if entry.player else None
    if player is not None and entry.deed != "dismiss":
        case = Case.objects.filter(pk=entry.case).first() if entry.case else None
        notices.notify(player, "undo", undo_entry, case=case, note="")


def undo_if_possible(entry_id: int, by: Player, reason: str) -> bool:
    """Undo the action that an appeal was about. False if it cannot be undone any more."""
    entry = AuditEntry.objects.filter(pk=entry_id).first()
    if entry is None:
        return False
    try:
        undo(entry, by, reason)
    except ActionRefused:
        return False
    return True
