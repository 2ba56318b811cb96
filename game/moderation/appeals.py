"""Appeals: a player's one answer to a notice, and how staff decides it."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.models import Appeal, AuditEntry, Notice, Player
from game.moderation import actions, audit, notices
from game.play.protocol import clean_text

LONGEST_APPEAL = 2_000
APPEALABLE = ("hide", "delete", "unpublish", "warn", "mute", "suspend", "ban")
BACKEND = "django.contrib.auth.backends.ModelBackend"


class AppealRefused(Exception):
    """An appeal cannot be filed or decided. The message says why."""


def file_appeal(notice: Notice, text: str) -> Appeal:
    """Store a player's appeal of a notice. Raises AppealRefused."""
    text = clean_text(text)[:LONGEST_APPEAL]
    if notice.deed not in APPEALABLE:
        raise AppealRefused(_("There is no decision to appeal."))
    if not text:
        raise AppealRefused(_("Say in a few words why the decision is wrong."))
    with transaction.atomic():
        locked = Notice.objects.select_for_update().get(pk=notice.pk)
        if Appeal.objects.filter(notice=locked).exists():
            raise AppealRefused(_("You have already appealed this decision."))
        return Appeal.objects.create(notice=locked, text=text)


def may_decide_appeal(notice: Notice, staff: Player) -> bool:
    """Whether a member of staff may decide: another one than before, if there is another."""
    entry = AuditEntry.objects.filter(pk=notice.entry or 0).first()
    if entry is None or entry.actor != staff.pk:
        return True
    return not has_other_deciders(staff)


def has_other_deciders(staff: Player) -> bool:
    """Whether anybody else on this host may decide an appeal."""
    deciders = Player.objects.with_perm("game.sanction", backend=BACKEND, include_superusers=True)
    return deciders.filter(is_staff=True, is_active=True).exclude(pk=staff.pk).exists()


def decide_appeal(found: Appeal, by: Player, granted: bool, text: str) -> None:
    """Decide an appeal; a granted one undoes what was done. Raises AppealRefused."""
    with transaction.atomic():
        found = Appeal.objects.select_for_update(of=("self",)).get(pk=found.pk)
        if found.decided is not None:
            raise AppealRefused(_("This appeal was already decided."))
        notice = found.notice
        if not may_decide_appeal(notice, by):
            raise AppealRefused(
                _("You made this decision. Another moderator has to decide the appeal.")
            )
        found.granted, found.decided_by = granted, by
        found.answer = clean_text(text)[: notices.LONGEST_NOTE]
        found.decided = Now()
        found.save()
        entry = audit.record(
            "grant_appeal" if granted else "refuse_appeal",
            by,
            case=notice.case,
            player=notice.player_id,
            reason=found.answer,
            details={"notice": str(notice.pk)},
        )
        undone = False
        if granted and notice.entry is not None:
            undone = actions.undo_if_possible(notice.entry, by, _("The appeal was granted."))
        if not undone:
            notices.notify(
                notice.player, "grant" if granted else "refuse", entry, note=found.answer
            )
