"""The audit log of staff's actions. It only grows: a database trigger refuses any other change."""

from typing import Any
from uuid import UUID

from game.models import AuditEntry, Case, Player


def record(
    action: str,
    by: Player | None,
    *,
    case: Case | None = None,
    player: UUID | None = None,
    subject: str = "",
    reason: str = "",
    details: dict[str, Any] | None = None,
    undoes: int | None = None,
) -> AuditEntry:
    """Record an action, in the transaction that carries it out. Returns its entry."""
    return AuditEntry.objects.create(
        deed=action,
        actor=by.pk if by else None,
        case=case.pk if case else None,
        player=player or (case.player_id if case else None),
        subject=subject or (f"{case.subject} {case.subject_id}".strip() if case else ""),
        reason=reason,
        details=details or {},
        undoes=undoes,
    )
