"""Moderation actions: each is one call, in one transaction, with its line in the audit log.

An action about a case decides it. A sanction needs words of the player's own: for the narrator's,
nobody is sanctioned, whoever asks (`TheNarratorsWords`).
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
from game.moderation.authorship import players_words, wrote
from game.moderation.cases import held_by_another, scenario_of
from game.play.protocol import clean_text

LONGEST_REASON = 1_000
UNDOABLE = ("dismiss", "hide", "unpublish", "warn", "mute", "suspend", "ban")


class CannotBeDone(Exception):
    """Why an action cannot be done, in words for staff."""


class TheNarratorsWords(CannotBeDone):
    """Somebody was to be sanctioned for what a narrator told."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "These are not this player’s words. Players are not sanctioned for what the "
                "narrator wrote."
            )
        )


@contextmanager
def deciding(case: Case, by: Player) -> Iterator[Case]:
    """The case, locked. Raises CannotBeDone while somebody else looks at it."""
    with transaction.atomic():
        locked = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
        other = held_by_another(locked, by)
        if other is not None:
            raise CannotBeDone(_("This case is assigned to %(who)s.") % {"who": other})
        try:
            yield locked
        except content.NothingThere as problem:
            raise CannotBeDone(str(problem)) from None


def close(case: Case, by: Player, outcome: str, upheld: bool) -> None:
    """The case leaves the queue, and its reporters' records change."""
    if case.decided is None:
        case.decided, case.decided_by, case.outcome = timezone.now(), by, outcome
        case.reports.update(upheld=upheld)
    case.claimed_by, case.claimed_until = None, None
    case.save()


def said(reason: str) -> str:
    """A reason as it is stored: cleaned, and cut to LONGEST_REASON."""
    return clean_text(reason)[:LONGEST_REASON]


# About what was shared


def dismiss(case: Case, by: Player, reason: str = "") -> AuditEntry:
    """Nothing is wrong with it."""
    with deciding(case, by) as case:
        close(case, by, "dismiss", upheld=False)
        return audit.record("dismiss", by, case=case, reason=said(reason))


def hide(case: Case, by: Player, reason: str = "", note: str = "") -> AuditEntry:
    """Nobody but its author reads it any more."""
    return about_content("hide", case, by, reason, note)


def unpublish(case: Case, by: Player, reason: str = "", note: str = "") -> AuditEntry:
    """It is its author's draft again; a link to a story leads nowhere."""
    return about_content("unpublish", case, by, reason, note)


def delete(case: Case, by: Player, reason: str = "", note: str = "") -> AuditEntry:
    """For good: this cannot be undone."""
    return about_content("delete", case, by, reason, note)


def about_content(action: str, case: Case, by: Player, reason: str, note: str) -> AuditEntry:
    """Hide, unpublish or delete what a case is about, close the case, and notify its author."""
    with deciding(case, by) as case:
        before: dict[str, Any] = {}
        about = cases.about(case)
        match action:
            case "hide":
                before = content.hide(case)
            case "unpublish":
                before = content.unpublish(case)
            case _:
                content.delete(case)
        close(case, by, action, upheld=True)
        entry = audit.record(action, by, case=case, reason=said(reason), details={"before": before})
        if case.player is not None:
            notice = notices.notify(
                case.player, action, entry, case=case, excerpt=case.excerpt, note=note
            )
            notice.about = about[:160]  # as it was called before it went
            notice.save(update_fields=["about"])
        return entry


# About players


def warn(case: Case, by: Player, excerpt: str = "", reason: str = "", note: str = "") -> AuditEntry:
    """Tell the player that this was too far."""
    return sanction(Sanction.Kind.WARNING, "warn", case, by, excerpt, reason, note, None)


def mute(
    case: Case,
    by: Player,
    excerpt: str = "",
    reason: str = "",
    note: str = "",
    time: timedelta | None = None,
) -> AuditEntry:
    """The player plays on, and publishes nothing for a time, or for good."""
    return sanction(Sanction.Kind.MUTE, "mute", case, by, excerpt, reason, note, ends(time))


def suspend(
    case: Case, by: Player, time: timedelta, excerpt: str = "", reason: str = "", note: str = ""
) -> AuditEntry:
    """The player does not play for a time. Their stories stay theirs."""
    return sanction(
        Sanction.Kind.SUSPENSION, "suspend", case, by, excerpt, reason, note, ends(time)
    )


def ban(case: Case, by: Player, excerpt: str = "", reason: str = "", note: str = "") -> AuditEntry:
    """The player does not play here any more. They may take their data, and go."""
    return sanction(Sanction.Kind.BAN, "ban", case, by, excerpt, reason, note, None)


def ends(time: timedelta | None) -> datetime | None:
    """When a sanction of this length ends; None for one without end."""
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
    """Sanction the player of a case, close the case, and notify the player. Raises CannotBeDone."""
    with deciding(case, by) as case:
        player = case.player
        if player is None:
            raise CannotBeDone(_("The author no longer has an account here."))
        if player.is_staff and not by.is_superuser:
            raise CannotBeDone(_("This player is staff: only the operator can do that."))
        excerpt = (excerpt or case.excerpt)[:LONGEST_EXCERPT]
        if not players_own(case, excerpt):
            raise TheNarratorsWords
        made = Sanction.objects.create(player=player, case=case, kind=kind, until=until, by=by)
        close(case, by, action, upheld=True)
        entry = audit.record(
            action,
            by,
            case=case,
            reason=said(reason),
            details={
                "sanction": str(made.pk),
                "until": until.isoformat() if until else None,
            },
        )
        notices.notify(player, action, entry, case=case, sanction=made, excerpt=excerpt, note=note)
        return entry


def players_own(case: Case, excerpt: str) -> bool:
    """Whether an excerpt is what the player of a case wrote."""
    if case.subject == Case.Subject.SCENARIO:
        scenario = scenario_of(case)
        return scenario is None or scenario.author_id == case.player_id
    if case.words != Words.PLAYER:
        return False
    if case.turn is None:
        return case.subject == Case.Subject.STORY  # a rule found it in what they typed
    theirs = case.turn.player_id in (None, case.player_id)
    return theirs and wrote(players_words(case.turn), excerpt)


# For the law


def preserve(case: Case, by: Player, reason: str) -> Preserved:
    """Keep the text as it is, whatever happens to it here, and take it out of sight."""
    if not said(reason):
        raise CannotBeDone(_("Say why the text has to be preserved."))
    with deciding(case, by) as case:
        kept = preservation.preserve_text(case, by, said(reason))
        before: dict[str, Any] = {}
        if case.subject != Case.Subject.STORY:
            before = content.hide(case)
        audit.record(
            "preserve",
            by,
            case=case,
            reason=said(reason),
            details={"preserved": str(kept.pk), "digest": kept.digest, "before": before},
        )
        return kept


# Undoing


def undo(entry: AuditEntry, by: Player, reason: str = "") -> AuditEntry:
    """Undo an action. Raises CannotBeDone for one that cannot be, or was."""
    if entry.deed not in UNDOABLE:
        raise CannotBeDone(_("This cannot be undone."))
    try:
        with transaction.atomic():
            noted = audit.record(
                "undo",
                by,
                player=entry.player,
                subject=entry.subject,
                reason=said(reason),
                details={"deed": entry.deed},
                undoes=entry.pk,
            )
            reverse_action(entry)
            notify_of_undo(entry, noted)
            return noted
    except IntegrityError:
        raise CannotBeDone(_("This was already undone.")) from None
    except content.NothingThere as problem:
        raise CannotBeDone(str(problem)) from None


def reverse_action(entry: AuditEntry) -> None:
    """Reverse what the action of an audit entry changed."""
    case = Case.objects.filter(pk=entry.case).first() if entry.case else None
    if made := entry.details.get("sanction"):
        Sanction.objects.filter(pk=made, lifted__isnull=True).update(lifted=Now())
    elif (before := entry.details.get("before")) and case is not None:
        content.restore(case, before)
    elif entry.deed == "dismiss" and case is not None:
        reopen(case)


def reopen(case: Case) -> None:
    """Back into the queue, unless there is another open case about the same text."""
    if Case.objects.filter(key=case.key, decided__isnull=True).exists():
        raise CannotBeDone(_("There is another open case about the same text."))
    case.reports.update(upheld=None)
    Case.objects.filter(pk=case.pk).update(
        decided=None, decided_by=None, outcome="", weight=F("weight")
    )


def notify_of_undo(entry: AuditEntry, noted: AuditEntry) -> None:
    """Notify the player that an action was undone."""
    player = Player.objects.filter(pk=entry.player).first() if entry.player else None
    if player is not None and entry.deed != "dismiss":
        case = Case.objects.filter(pk=entry.case).first() if entry.case else None
        notices.notify(player, "undo", noted, case=case, note="")


def undo_if_possible(entry_id: int, by: Player, reason: str) -> bool:
    """Undo what an appeal was about. False where nothing of it can be undone any more."""
    entry = AuditEntry.objects.filter(pk=entry_id).first()
    if entry is None:
        return False
    try:
        undo(entry, by, reason)
    except CannotBeDone:
        return False
    return True
