"""The admin's pages of cases: the queue, and a case with its actions."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from game.models import AuditEntry, Case, Notice, Player, Report
from game.moderation import actions, cases
from game.moderation.admin.base import ReadOnly, staff_of
from game.moderation.forms import ActionForm, OpenForm
from game.state import beginnings

# Each action's permission and label, in the order in which staff sees them.
ACTIONS: dict[str, tuple[str, Any]] = {
    "dismiss": ("decide_case", _("Dismiss: nothing is wrong")),
    "hide": ("decide_case", _("Hide it: only its author can see it")),
    "unpublish": ("decide_case", _("Unpublish it: back to a draft, or the link is deleted")),
    "warn": ("decide_case", _("Warn the player")),
    "mute": ("decide_case", _("Block publishing for some days")),
    "delete": ("sanction", _("Delete it permanently (cannot be undone)")),
    "suspend": ("sanction", _("Suspend the player for some days")),
    "ban": ("sanction", _("Ban the player")),
    "preserve": ("preserve", _("Escalate: preserve it as evidence, and hide it")),
}
ON_PLAYERS = ("warn", "mute", "suspend", "ban")
ON_CONTENT = ("hide", "unpublish", "delete")


def may_perform(staff: Player, action: str) -> bool:
    """Whether a member of staff has the permission for an action."""
    return staff.has_perm(f"game.{ACTIONS[action][0]}")


def offered_actions(staff: Player, case: Case | None = None) -> list[tuple[str, Any]]:
    """The actions that a member of staff may perform on a case, with their labels."""
    found = [
        (action, label) for action, (_perm, label) in ACTIONS.items() if may_perform(staff, action)
    ]
    if case is not None and case.subject == Case.Subject.STORY:
        found = [each for each in found if each[0] not in ON_CONTENT]
    if case is not None and (case.words != "player" or case.player_id is None):
        found = [each for each in found if each[0] not in ON_PLAYERS]
    return found


def perform_action(action: str, case: Case, by: Player, data: dict[str, Any]) -> None:
    """Perform an action with the data of its form. Raises actions.ActionRefused."""
    reason, note = data.get("reason", ""), data.get("note", "")
    excerpt, time = data.get("excerpt", ""), timedelta(days=data.get("days") or 7)
    match action:
        case "dismiss":
            actions.dismiss(case, by, reason)
        case "hide":
            actions.hide(case, by, reason, note)
        case "unpublish":
            actions.unpublish(case, by, reason, note)
        case "delete":
            actions.delete(case, by, reason, note)
        case "warn":
            actions.warn(case, by, excerpt, reason, note)
        case "mute":
            actions.mute(case, by, excerpt, reason, note, time)
        case "suspend":
            actions.suspend(case, by, time, excerpt, reason, note)
        case "ban":
            actions.ban(case, by, excerpt, reason, note)
        case "preserve":
            actions.preserve(case, by, reason)


class StateFilter(admin.SimpleListFilter):
    """Open cases by default, or decided ones, or all."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices beside "Open"."""
        return [("decided", _("Decided")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        """The links of the filter, with "Open" in place of Django's "All"."""
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("Open"),
        }
        for value, label in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        """The cases of the chosen state."""
        if self.value() == "all":
            return queryset
        return queryset.filter(decided__isnull=self.value() != "decided")


@admin.register(Case)
class CaseAdmin(ReadOnly):
    """The queue of cases, highest score first."""

    list_display = ("subject_text", "score", "report_count", "author", "age", "assigned_to")
    list_display_links = ("subject_text",)
    list_filter = (StateFilter, "subject", "kind", "words")
    list_per_page = 50
    actions = ("decide_together",)
    change_list_template = "admin/game/case/queue.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        """Cases with their score and number of reports."""
        found = Case.objects.by_score().annotate(times=Count("reports"))
        return found.select_related("claimed_by", "player")

    @admin.display(description=_("case"))
    def subject_text(self, case: Case) -> str:
        """What is complained of, and what the case is about."""
        return f"{label_of(case)}: {cases.describe(case)}"

    @admin.display(description=_("score"))
    def score(self, case: Any) -> str:
        """The score, rounded."""
        return f"{case.score:.0f}"

    @admin.display(description=_("reports"))
    def report_count(self, case: Any) -> int:
        """How many readers reported it."""
        return int(case.times)

    @admin.display(description=_("words"))
    def author(self, case: Case) -> str:
        """Whose words they are, coloured."""
        return format_html(
            '<span class="tag tag-{}">{}</span>', case.words, case.get_words_display()
        )

    @admin.display(description=_("waits"))
    def age(self, case: Case) -> str:
        """How long the case has waited, coloured by urgency; the outcome of a decided one."""
        if case.decided is not None:
            return case.outcome
        return format_html(
            '<span class="age age-{}">{}</span>',
            cases.urgency(case),
            timesince(case.opened, depth=1),
        )

    @admin.display(description=_("assigned to"))
    def assigned_to(self, case: Case) -> str:
        """Who has claimed the case now."""
        return str(case.claimed_by) if cases.claimed_by_another(case, Player()) else ""

    # Several cases at once
    def has_decide_permission(self, request: HttpRequest) -> bool:
        """For the admin's action that decides several cases."""
        return request.user.has_perm("game.decide_case")

    @admin.action(description=_("Resolve selected"), permissions=["decide"])
    def decide_together(self, request: HttpRequest, chosen: QuerySet[Case]) -> HttpResponse | None:
        """Ask for an action, then perform it on each case; a refusal leaves its case as it is."""
        staff = staff_of(request)
        form = ActionForm(
            offered_actions(staff), None, request.POST if "deed" in request.POST else None
        )
        if "deed" in request.POST and form.is_valid():
            done = 0
            for case in chosen:
                done += self.try_action(request, form.cleaned_data, case)
            messages.success(
                request, _("Done: %(done)d of %(all)d.") % {"done": done, "all": len(chosen)}
            )
            return None
        return TemplateResponse(
            request,
            "admin/game/case/decide_cases.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Resolve selected"),
                "opts": self.opts,
                "chosen": chosen,
                "form": form,
            },
        )

    def try_action(self, request: HttpRequest, data: dict[str, Any], case: Case) -> bool:
        """Perform an action. False if it was refused, with a message to staff."""
        try:
            perform_action(data["deed"], case, staff_of(request), data)
        except actions.ActionRefused as problem:
            messages.error(request, f"{label_of(case)}: {problem}")
            return False
        return True

    # One case

    def get_urls(self) -> list[URLPattern]:
        """Django's URLs, and that of the whole story."""
        own = [
            path(
                "<uuid:case_id>/story/",
                self.admin_site.admin_view(self.story),
                name="game_case_story",
            )
        ]
        return own + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """On GET the case, on POST a decision. Raises PermissionDenied and Http404."""
        case = self.get_object(request, object_id)
        if case is None:
            raise Http404(_("Case not found."))
        if not self.has_view_permission(request, case):
            raise PermissionDenied
        if request.method == "POST":
            return self.decide(request, case)
        return self.case_page(
            request, case, ActionForm(offered_actions(staff_of(request), case), case)
        )

    def case_page(
        self, request: HttpRequest, case: Case, form: ActionForm, status: int = 200
    ) -> HttpResponse:
        """Render a case with the form for its actions."""
        staff = staff_of(request)
        others = Case.objects.waiting().filter(player=case.player).exclude(pk=case.pk)
        scenario = cases.reported_scenario(case)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{label_of(case)}: {cases.describe(case)}",
            "opts": self.opts,
            "case": case,
            "about": cases.describe(case),
            "scenario": scenario,
            "scenario_world": beginnings.as_text(scenario.world) if scenario else "",
            "share": cases.reported_share(case),
            "rule": cases.rule_title(case),
            "reports": case.reports.select_related("player").order_by("created"),
            "turns": cases.reported_turns(case),
            "urgency": cases.urgency(case),
            "held_by": cases.claimed_by_another(case, staff),
            "form": form,
            "may_decide": staff.has_perm("game.decide_case"),
            "may_open": staff.has_perm("game.open_story"),
            "open_form": OpenForm(),
            "others": others[:10] if case.player else [],
            "record": earlier_sanctions(case),
            "log": AuditEntry.objects.filter(case=case.pk),
            "notices": Notice.objects.filter(case=case).select_related("appeal"),
        }
        return TemplateResponse(request, "admin/game/case/case.html", context, status=status)

    def decide(self, request: HttpRequest, case: Case) -> HttpResponse:
        """Claim or release a case, or perform an action on it."""
        staff = staff_of(request)
        here = redirect("admin:game_case_change", case.pk)
        if not staff.has_perm("game.decide_case"):
            raise PermissionDenied
        if "claim" in request.POST:
            try:
                cases.claim(case, staff)
            except cases.ClaimedByAnother as problem:
                messages.error(request, str(problem))
            return here
        if "release" in request.POST:
            cases.release(case, staff)
            return here
        form = ActionForm(offered_actions(staff, case), case, request.POST)
        if not form.is_valid():
            return self.case_page(request, case, form, 422)
        if not self.try_action(request, form.cleaned_data, case):
            return self.case_page(request, case, form, 422)
        messages.success(request, _("Done."))
        return redirect("admin:game_case_changelist")

    def story(self, request: HttpRequest, case_id: Any) -> HttpResponse:
        """Show the whole story after a POST with a reason; a GET shows nothing of it."""
        case = get_object_or_404(Case, pk=case_id)
        if not request.user.has_perm("game.open_story"):
            raise PermissionDenied
        form = OpenForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return redirect("admin:game_case_change", case.pk)
        try:
            story = cases.open_story(case, staff_of(request), **form.cleaned_data)
        except ValueError as problem:
            messages.error(request, str(problem))
            return redirect("admin:game_case_change", case.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": story.adventure.title,
            "opts": self.opts,
            "case": case,
            "turns": story.turns,
            "back": reverse("admin:game_case_change", args=[case.pk]),
        }
        return TemplateResponse(request, "admin/game/case/story.html", context)


def label_of(case: Case) -> str:
    """The rule or kind of complaint of a case."""
    if case.rule:
        return cases.rule_title(case)
    labels = dict(Report.Kind.choices)
    return str(labels.get(case.kind, case.kind))


def earlier_sanctions(case: Case) -> Any:
    """The last 20 sanctions of the case's player."""
    if case.player is None:
        return []
    return case.player.sanctions.select_related("case")[:20]
