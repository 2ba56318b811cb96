"""Notices, which tell players of decisions. Their answers are in `appeals.py`."""

from django.db.models import QuerySet
from django.db.models.functions import Now

from game.models import AuditEntry, Case, Notice, Player, Sanction
from game.moderation.cases import describe, rule_title
from game.play.protocol import clean_text

LONGEST_NOTE = 1_000


def notify(
    player: Player,
    action: str,
    entry: AuditEntry,
    *,
    case: Case | None = None,
    sanction: Sanction | None = None,
    rule: str = "",
    excerpt: str = "",
    note: str = "",
) -> Notice:
    """Store a notice of a decision, in the transaction that makes it."""
    return Notice.objects.create(
        player=player,
        case=case,
        sanction=sanction,
        entry=entry.pk,
        deed=action,
        about=describe(case)[:160] if case else "",
        rule=(rule or (rule_title(case) if case else ""))[:80],
        excerpt=excerpt,
        note=clean_text(note)[:LONGEST_NOTE],
        until=sanction.until if sanction else None,
    )


def notices_of(player: Player) -> QuerySet[Notice]:
    """A player's notices, each with its appeal if there is one."""
    return Notice.objects.filter(player=player).select_related("appeal")


def mark_seen(player: Player) -> None:
    """Mark every notice of a player as seen."""
    Notice.objects.filter(player=player, seen__isnull=True).update(seen=Now())


def count_unseen(player: Player) -> int:
    """How many notices a player has not seen yet."""
    return Notice.objects.filter(player=player, seen__isnull=True).count()
