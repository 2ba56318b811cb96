"""The admin's pages of appeals."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from game.models import Appeal, AuditEntry, Player
from game.moderation import appeals
from game.moderation.admin.base import ReadOnly, staff_of
from game.moderation.forms import AnswerForm


class StateFilter(admin.SimpleListFilter):
    """Open or decided appeals."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices beside "All"."""
        return [("open", _("Open")), ("decided", _("Decided"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Appeal]) -> QuerySet[Appeal]:
        """The appeals of the chosen state."""
        if self.value() is None:
            return queryset
        return queryset.filter(decided__isnull=self.value() == "open")


@admin.register(Appeal)
class AppealAdmin(ReadOnly):
    """Appeals: the decision, the player's text, and the answer."""

    list_display = ("deed", "player", "created", "decided", "granted")
    list_filter = (StateFilter,)
    list_select_related = ("notice__player",)
    ordering = ("decided", "created")

    @admin.display(description=_("against"))
    def deed(self, appeal: Appeal) -> str:
        """The decision that is appealed."""
        return f"{appeal.notice.deed}: {appeal.notice.about or appeal.notice.rule}"

    @admin.display(description=_("player"))
    def player(self, appeal: Appeal) -> str:
        """Who appeals."""
        return str(appeal.notice.player)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """On GET the appeal, on POST the answer."""
        appeal = self.get_object(request, object_id)
        if appeal is None:
            raise Http404(_("Appeal not found."))
        if not self.has_view_permission(request, appeal):
            raise PermissionDenied
        if request.method == "POST":
            return self.answer(request, appeal)
        return self.page(request, appeal, AnswerForm())

    def answer(self, request: HttpRequest, appeal: Appeal) -> HttpResponse:
        """Decide the appeal. Raises PermissionDenied."""
        staff = staff_of(request)
        if not staff.has_perm("game.sanction"):
            raise PermissionDenied
        form = AnswerForm(request.POST)
        if not form.is_valid():
            return self.page(request, appeal, form, 422)
        granted = form.cleaned_data["decision"] == "grant"
        try:
            appeals.decide_appeal(appeal, staff, granted, form.cleaned_data["answer"])
        except appeals.AppealRefused as problem:
            messages.error(request, str(problem))
            return self.page(request, appeal, form, 422)
        messages.success(request, _("Decided. The player reads your answer."))
        return redirect("admin:game_appeal_changelist")

    def page(
        self, request: HttpRequest, appeal: Appeal, form: AnswerForm, status: int = 200
    ) -> HttpResponse:
        """Render an appeal with the form for its answer."""
        entry = AuditEntry.objects.filter(pk=appeal.notice.entry or 0).first()
        decider = Player.objects.filter(pk=entry.actor).first() if entry and entry.actor else None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Appeal"),
            "opts": self.opts,
            "appeal": appeal,
            "notice": appeal.notice,
            "entry": entry,
            "decider": decider,
            "may_answer": appeal.decided is None
            and appeals.may_decide_appeal(appeal.notice, staff_of(request)),
            "form": form,
        }
        return TemplateResponse(request, "admin/game/appeal/appeal.html", context, status=status)
