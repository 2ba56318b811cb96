"""What players are told of decisions, and their appeals: once for each notice."""

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.models import Appeal, AuditEntry, Case, Notice, Player, Sanction
from game.moderation import audit
from game.moderation.cases import about, rule_title
from game.play.protocol import clean_text

LONGEST_APPEAL = 2_000
LONGEST_NOTE = 1_000
APPEALABLE = ("hide", "delete", "unpublish", "warn", "mute", "suspend", "ban")


class NotNow(Exception):
    """Why there is no appeal, or nobody to decide it, in words."""


def tell(
    player: Player,
    deed: str,
    entry: AuditEntry,
    *,
    case: Case | None = None,
    sanction: Sanction | None = None,
    rule: str = "",
    excerpt: str = "",
    note: str = "",
) -> Notice:
    """Tell a player what was decided, in the transaction that does it."""
    return Notice.objects.create(
        player=player,
        case=case,
        sanction=sanction,
        entry=entry.pk,
        deed=deed,
        about=about(case)[:160] if case else "",
        rule=(rule or (rule_title(case) if case else ""))[:80],
        excerpt=excerpt,
        note=clean_text(note)[:LONGEST_NOTE],
        until=sanction.until if sanction else None,
    )


def notices_of(player: Player) -> QuerySet[Notice]:
    return Notice.objects.filter(player=player).select_related("appeal")


def mark_seen(player: Player) -> None:
    Notice.objects.filter(player=player, seen__isnull=True).update(seen=Now())


def unseen(player: Player) -> int:
    return Notice.objects.filter(player=player, seen__isnull=True).count()


def appeal(notice: Notice, text: str) -> Appeal:
    """A player's answer to a notice. Raises NotNow for a second one."""
    text = clean_text(text)[:LONGEST_APPEAL]
    if notice.deed not in APPEALABLE:
        raise NotNow(_("There is no decision to appeal."))
    if not text:
        raise NotNow(_("Say in a few words why the decision is wrong."))
    with transaction.atomic():
        locked = Notice.objects.select_for_update().get(pk=notice.pk)
        if Appeal.objects.filter(notice=locked).exists():
            raise NotNow(_("You have already appealed this decision."))
        return Appeal.objects.create(notice=locked, text=text)


def decided_by_another(notice: Notice, staff: Player) -> bool:
    """Whether this member of staff is another one than who decided; or there is no other."""
    entry = AuditEntry.objects.filter(pk=notice.entry or 0).first()
    if entry is None or entry.actor != staff.pk:
        return True
    return not others_who_decide(staff)


def others_who_decide(staff: Player) -> bool:
    """Whether there is anybody else on this host who may decide an appeal."""
    able = Player.objects.with_perm("game.sanction", backend=BACKEND, include_superusers=True)
    return able.filter(is_staff=True, is_active=True).exclude(pk=staff.pk).exists()


BACKEND = "django.contrib.auth.backends.ModelBackend"


def answer(found: Appeal, by: Player, granted: bool, text: str) -> None:
    """Decide an appeal; a granted one undoes what was done. Raises NotNow."""
    from game.moderation import actions  # noqa: PLC0415 - deeds tell players, and so know notices

    with transaction.atomic():
        found = Appeal.objects.select_for_update(of=("self",)).get(pk=found.pk)
        if found.decided is not None:
            raise NotNow(_("This appeal was already decided."))
        notice = found.notice
        if not decided_by_another(notice, by):
            raise NotNow(_("You made this decision. Another moderator has to decide the appeal."))
        found.granted, found.decided_by = granted, by
        found.answer = clean_text(text)[:LONGEST_NOTE]
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
            tell(notice.player, "grant" if granted else "refuse", entry, note=found.answer)
