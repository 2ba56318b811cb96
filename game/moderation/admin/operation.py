"""The operator's page: figures of the host, pausing it, and narrators on and off."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from game.models import Operation
from game.moderation import operation, statistics
from game.moderation.admin.base import ReadOnly, staff_of
from game.moderation.forms import PauseForm
from game.play import narration
from inference.narrators import NarratorsError


@admin.register(Operation)
class OperationAdmin(ReadOnly):
    """The operator's page, for those with the permission to operate the host."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Needs the permission to operate the host."""
        return request.user.has_perm("game.operate")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same, for the admin's index."""
        return self.has_view_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """On GET the figures, on POST a change. Raises PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            self.change(request)
            return redirect("admin:game_operation_changelist")
        now = operation.state()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Operation"),
            "opts": self.opts,
            "pause_form": PauseForm(initial={"message": now.message}),
            **statistics.operation_figures(now),
        }
        return TemplateResponse(request, "admin/game/operation/page.html", context)

    def change(self, request: HttpRequest) -> None:
        """Pause, resume, or switch a narrator."""
        staff = staff_of(request)
        if "pause" in request.POST:
            form = PauseForm(request.POST)
            if form.is_valid():
                operation.pause(staff, form.cleaned_data["message"])
                messages.success(request, _("Paused. Replies in progress will finish."))
        elif "resume" in request.POST:
            operation.resume(staff)
            messages.success(request, _("Resumed."))
        elif name := request.POST.get("on") or request.POST.get("off"):
            self.switch(request, name, on="on" in request.POST)

    def switch(self, request: HttpRequest, name: str, on: bool) -> None:
        """Switch a narrator that exists on or off."""
        try:
            exists = name in narration.narrators()
        except NarratorsError as problem:
            messages.error(request, str(problem))
            return
        if not exists:
            messages.error(request, _("Narrator not found."))
            return
        operation.switch(staff_of(request), name, on)
        message = _("%(name)s is switched on.") if on else _("%(name)s is switched off.")
        messages.success(request, message % {"name": name})
