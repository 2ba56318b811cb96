"""The operator's page of narrators: those offered, those to install, and servers to connect."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from game.accounts.limits import limited
from game.installed import installation
from game.installed.installation import CannotInstall
from game.models import InstalledNarrator, Player
from game.moderation import narrators
from game.moderation.admin.base import ReadOnly, staff_of
from game.moderation.forms import ConnectForm, SourceForm

PAGE = "admin:game_installednarrator_changelist"


@admin.register(InstalledNarrator)
class InstalledNarratorAdmin(ReadOnly):
    """The page of narrators, for those with the permission to operate the host."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Needs the permission to operate the host."""
        return request.user.has_perm("game.operate")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same, for the admin's index."""
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Django's URLs, and those of progress and of connecting a server."""
        view, name = self.admin_site.admin_view, "game_installednarrator"
        own = [
            path("progress/", view(self.progress), name=f"{name}_progress"),
            path("connect/", view(self.connect), name=f"{name}_connect"),
        ]
        return own + super().get_urls()

    def context(self, request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
        """The admin's context with a title."""
        site = self.admin_site.each_context(request)
        return {**site, "title": title, "opts": self.opts, **more}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The page of narrators in place of Django's list."""
        return cast(HttpResponse, narrators_page(request, self))

    def progress(self, request: HttpRequest) -> HttpResponse:
        """The progress of all jobs as JSON, for the page's script. Raises PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse({"narrators": [row.as_json() for row in narrators.installed_rows()]})

    def connect(self, request: HttpRequest) -> HttpResponseBase:
        """The page for connecting a server."""
        return server_page(request, self)


@never_cache
@limited("narrators")
def narrators_page(request: HttpRequest, site: InstalledNarratorAdmin) -> HttpResponse:
    """On GET the narrators, on POST what the pressed button asks for."""
    if not site.has_view_permission(request):
        raise PermissionDenied
    form = SourceForm()
    if request.method == "POST":
        form = SourceForm(request.POST)
        try:
            if done := handle_button(staff_of(request), request, form):
                messages.success(request, done)
                return redirect(PAGE)
        except CannotInstall as problem:
            if "source" not in request.POST:
                messages.error(request, str(problem))
                return redirect(PAGE)
            form.add_error("source", str(problem))
    context = site.context(request, _("Narrators"), form=form, **narrators.page_context())
    answer = TemplateResponse(request, "admin/game/installednarrator/page.html", context)
    answer.status_code = 422 if form.errors else 200
    return answer


def handle_button(by: Player, request: HttpRequest, form: SourceForm) -> str:
    """Do what the pressed button asks for. Returns a message; "" if nothing was done.

    Raises CannotInstall.
    """
    posted = request.POST
    if name := posted.get("install"):
        installation.install_entry(by, name)
        return _("Installing. Players are offered it once it has been tried.")
    if file := posted.get("file"):
        installation.install_file(by, narrators.found_file(file))
        return _("Installing. Players are offered it once it has been tried.")
    if name := posted.get("retry"):
        installation.retry(by, name)
        return _("Trying again.")
    if name := posted.get("save"):
        installation.save(by, name)
        return _("Saved. Players are offered it.")
    if name := posted.get("remove"):
        installation.remove(by, name)
        return _("Removing. The default narrator takes over its adventures.")
    if "default" in posted:
        installation.make_default(by, posted["default"])
        return _("Saved. It tells new adventures, and those that chose no narrator.")
    if "source" in posted and form.is_valid():
        installation.install_source(by, form.cleaned_data["source"], form.cleaned_data["name"])
        return _("Installing. Players are offered it once it has been tried.")
    return ""


@never_cache
@sensitive_post_parameters("key")
@limited("narrators")
def server_page(request: HttpRequest, site: InstalledNarratorAdmin) -> HttpResponse:
    """The form for connecting a server; `?name=` fills in one that was tested before."""
    if not site.has_view_permission(request):
        raise PermissionDenied
    again = InstalledNarrator.objects.filter(
        name=request.GET.get("name", "")[:40],
        entry__engine="openai",
        state__in=(InstalledNarrator.State.FAILED, InstalledNarrator.State.TESTED),
    ).first()
    form = ConnectForm(initial=narrators.server_fields(again) if again else None)
    if request.method == "POST":
        form = ConnectForm(request.POST)
        if form.is_valid():
            data = form.cleaned_data
            try:
                installation.connect(
                    staff_of(request),
                    name=data["title"],
                    title=data["title"],
                    address=data["address"],
                    model=data["model"],
                    key=data["key"],
                    chat=data["kind"] == "chat",
                )
                messages.success(request, _("Testing. Save it once it has answered."))
                return redirect(PAGE)
            except CannotInstall as problem:
                form.add_error(None, str(problem))
    context = site.context(
        request, _("Connect a server"), form=form, back=reverse(PAGE), again=again
    )
    answer = TemplateResponse(request, "admin/game/installednarrator/connect.html", context)
    answer.status_code = 422 if form.errors else 200
    return answer
