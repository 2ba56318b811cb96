"""The admin's lists of audit entries, sanctions, rule hits and preserved texts."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from game.models import AuditEntry, Player, Preserved, RuleHit, Sanction
from game.moderation import actions
from game.moderation.admin.base import ReadOnly, staff_of


class Undoable(ReadOnly):
    """Rows whose actions can be undone from the list."""

    actions = ("undo",)

    def has_undo_permission(self, request: HttpRequest) -> bool:
        """For the admin's action that undoes rows."""
        return request.user.has_perm("game.sanction")

    def entry_of(self, row: Any) -> AuditEntry | None:
        """The audit entry of a row's action; None if there is none."""
        raise NotImplementedError

    @admin.action(description=_("Undo selected"), permissions=["undo"])
    def undo(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        """Undo the chosen rows' actions; staff reads which failed and why."""
        for row in chosen:
            entry = self.entry_of(row)
            try:
                if entry is None:
                    raise actions.ActionRefused(_("The log does not say what was done."))
                actions.undo(entry, staff_of(request))
            except actions.ActionRefused as problem:
                messages.error(request, f"{row}: {problem}")
            else:
                messages.success(request, _("Undone: %(what)s.") % {"what": row})


@admin.register(AuditEntry)
class AuditAdmin(Undoable):
    """The audit log."""

    list_display = ("at", "deed", "by", "about_player", "subject", "reason", "undoes")
    list_filter = ("deed", "at")
    search_fields = ("subject", "case", "player", "actor")
    show_full_result_count = False

    def entry_of(self, row: AuditEntry) -> AuditEntry | None:
        """The row itself."""
        return row

    @admin.display(description=_("by"))
    def by(self, entry: AuditEntry) -> str:
        """Who acted."""
        return player_name(entry.actor)

    @admin.display(description=_("player"))
    def about_player(self, entry: AuditEntry) -> str:
        """The player whom it concerned."""
        return player_name(entry.player)


def player_name(player: Any) -> str:
    """A player's name; the id of a deleted one."""
    if player is None:
        return ""
    found = Player.objects.filter(pk=player).values_list("username", flat=True).first()
    return found or str(player)


@admin.register(Sanction)
class SanctionAdmin(Undoable):
    """Sanctions, in force and lifted."""

    list_display = ("player", "kind", "created", "until", "by", "lifted")
    list_filter = ("kind", "created")
    list_select_related = ("player", "by")
    search_fields = ("player__username",)

    def entry_of(self, row: Sanction) -> AuditEntry | None:
        """The entry of the action that imposed the sanction."""
        return AuditEntry.objects.filter(details__sanction=str(row.pk)).first()


@admin.register(RuleHit)
class RuleHitAdmin(ReadOnly):
    """Hits of rules, for correcting a rule, or testing one in shadow mode."""

    list_display = ("created", "rule", "version", "severity", "place", "whose", "words")
    list_filter = ("rule", "severity", "place", "whose", "created")
    fields = ("created", "rule", "version", "severity", "place", "whose", "words")


@admin.register(Preserved)
class PreservedAdmin(ReadOnly):
    """Preserved texts."""

    list_display = ("created", "case", "by", "reason", "digest")
    fields = ("created", "by", "reason", "digest", "content")
