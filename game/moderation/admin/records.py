"""What was done, found and kept: lists to read, and actions to undo."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from game.models import AuditEntry, Player, Preserved, RuleHit, Sanction
from game.moderation import actions
from game.moderation.admin.base import ReadOnly, staff_of


class Undoing(ReadOnly):
    """Rows whose actions can be undone from the list."""

    actions = ("undo",)

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("game.sanction")

    def entry_of(self, row: Any) -> AuditEntry | None:
        raise NotImplementedError

    @admin.action(description=_("Undo selected"), permissions=["undo"])
    def undo(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        for row in chosen:
            entry = self.entry_of(row)
            try:
                if entry is None:
                    raise actions.CannotBeDone(_("The log does not say what was done."))
                actions.undo(entry, staff_of(request))
            except actions.CannotBeDone as problem:
                messages.error(request, f"{row}: {problem}")
            else:
                messages.success(request, _("Undone: %(what)s.") % {"what": row})


@admin.register(AuditEntry)
class AuditAdmin(Undoing):
    list_display = ("at", "deed", "by", "about_player", "subject", "reason", "undoes")
    list_filter = ("deed", "at")
    search_fields = ("subject", "case", "player", "actor")
    show_full_result_count = False

    def entry_of(self, row: AuditEntry) -> AuditEntry | None:
        return row

    @admin.display(description=_("by"))
    def by(self, entry: AuditEntry) -> str:
        return named(entry.actor)

    @admin.display(description=_("player"))
    def about_player(self, entry: AuditEntry) -> str:
        return named(entry.player)


def named(player: Any) -> str:
    """A player by name; by id where they are gone."""
    if player is None:
        return ""
    found = Player.objects.filter(pk=player).values_list("username", flat=True).first()
    return found or str(player)


@admin.register(Sanction)
class SanctionAdmin(Undoing):
    list_display = ("player", "kind", "created", "until", "by", "lifted")
    list_filter = ("kind", "created")
    list_select_related = ("player", "by")
    search_fields = ("player__username",)

    def entry_of(self, row: Sanction) -> AuditEntry | None:
        return AuditEntry.objects.filter(details__sanction=str(row.pk)).first()


@admin.register(RuleHit)
class RuleHitAdmin(ReadOnly):
    """Which rules find what: to mend a rule, and to try one in the shadow."""

    list_display = ("created", "rule", "version", "severity", "place", "whose", "words")
    list_filter = ("rule", "severity", "place", "whose", "created")
    fields = ("created", "rule", "version", "severity", "place", "whose", "words")


@admin.register(Preserved)
class PreservedAdmin(ReadOnly):
    list_display = ("created", "case", "by", "reason", "digest")
    fields = ("created", "by", "reason", "digest", "content")
