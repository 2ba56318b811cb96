"""Pages for writing scenarios: drafts, preview, publishing, import and export.

Each look-up uses the player's own scenarios, so another author's is a 404.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.accounts.limits import limited
from game.guests import ensure_player
from game.library import trash, writing
from game.library.limits import MOST_SCENARIOS, LimitMet
from game.library.placeholders import fill_placeholders
from game.library.previews import paragraphs
from game.library.writing_forms import ROWS, ScenarioForms
from game.models import Scenario, Visibility
from game.play.protocol import Refused
from game.scenarios import ScenarioError, ScenarioFile
from inference.reply import shown_action

PUBLISHED_MESSAGES = {
    Visibility.PUBLIC: gettext_lazy("Published."),
    Visibility.UNLISTED: gettext_lazy("Published by link."),
    Visibility.PRIVATE: gettext_lazy("Unpublished. Adventures begun from it continue."),
}


def own_scenario(request: HttpRequest, slug: str) -> Scenario:
    """The scenario, if the player wrote it. Raises Http404."""
    return get_object_or_404(Scenario.objects.of(request.user), slug=slug)


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """The player's scenarios, last changed first, and the deleted ones that can be restored."""
    theirs = Scenario.objects.all().of(request.user).order_by("-changed", "slug")
    deleted = [
        trash.Deleted(each.title, each.deleted, reverse("restore_scenario", args=[each.slug]))
        for each in writing.deleted_of(request.user)
        if each.deleted is not None
    ]
    return render(
        request,
        "library/my_scenarios.html",
        {
            "here": "scenarios",
            "scenarios": theirs,
            "most": MOST_SCENARIOS,
            "deleted": deleted,
            "hours": trash.HOURS,
        },
    )


@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """The form of a new scenario."""
    return writing_page(request, None)


@never_cache
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """The form of a scenario that the player wrote."""
    return writing_page(request, own_scenario(request, slug))


def writing_page(request: HttpRequest, scenario: Scenario | None) -> HttpResponse:
    """Save the form, show its preview (`do=preview`), or add a row (`do=more-...`)."""
    if request.method != "POST":
        return render_form(request, scenario, ScenarioForms(None, scenario))
    button = request.POST.get("do", "save")
    forms = ScenarioForms(with_more_rows(request.POST, button.removeprefix("more-")), scenario)
    if not forms.is_valid():
        return render_form(request, scenario, forms, 422 if button.startswith("save") else 200)
    if button not in ("save", "save-anyway"):
        return render_form(request, scenario, forms)
    warned = writing.warnings(forms.file)
    if warned and button == "save" and scenario and scenario.visibility != Visibility.PRIVATE:
        # Ask first: it is published, so others would see the mistakes at once.
        return render_form(request, scenario, forms, 422, unsaved=True)
    try:
        saved = writing.write(ensure_player(request), forms.file, scenario)
    except (ScenarioError, LimitMet, Refused) as problem:
        forms.problem = str(problem)
        return render_form(request, scenario, forms, 422)
    if warned:
        messages.warning(request, _("Saved. Check this before you publish: %s") % " ".join(warned))
    elif scenario is None:
        messages.success(request, _("Saved as a draft."))
    else:
        trash.announce_with_undo(request, _("Saved."), reverse("undo_scenario", args=[saved.slug]))
    return redirect("scenario", saved.slug)


def with_more_rows(data: QueryDict, name: str) -> QueryDict:
    """The form's data with one more empty row of a formset, if `name` is one."""
    if name not in ROWS:
        return data
    more = data.copy()
    total = f"{name}-TOTAL_FORMS"
    count = data.get(total, "0")
    more[total] = str(int(count) + 1) if count.isdecimal() and len(count) < 4 else "1"
    return more


def render_form(
    request: HttpRequest,
    scenario: Scenario | None,
    forms: ScenarioForms,
    status: int = 200,
    *,
    unsaved: bool = False,
) -> HttpResponse:
    """Render the form with its preview and warnings; `unsaved` asks whether to save anyway."""
    file: ScenarioFile | None = getattr(forms, "file", None)
    content = file.model_dump() if file else scenario and writing.content_of(scenario)
    context = {
        "here": "scenarios",
        "scenario": scenario,
        "forms": forms,
        "preview": preview_of(content) if content else None,
        "warnings": writing.warnings(file) if file and not forms.problem else [],
        "unsaved": unsaved,
    }
    return render(request, "library/scenario_form.html", context, status=status)


def preview_of(content: dict[str, Any]) -> dict[str, Any]:
    """How a scenario's content reads with the default answers."""
    answers = {each["name"]: each["default"] for each in content["placeholders"]}
    return {
        "title": content["title"],
        "tempt": content["tempt"],
        "opening": paragraphs(fill_placeholders(content["opening"], answers)),
        "actions": [
            shown_action(each["kind"], fill_placeholders(each["text"], answers))
            for each in content["first_actions"]
        ],
    }


@require_POST
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Set who can read a scenario: `visibility=public`, `unlisted` or `private`.

    If it has warnings they are shown first; `anyway` publishes all the same.
    """
    found = own_scenario(request, slug)
    visibility = request.POST.get("visibility", "")
    if visibility not in Visibility.values:
        messages.error(request, _("Choose who can see it. Nothing was changed."))
    elif (
        visibility != Visibility.PRIVATE
        and "anyway" not in request.POST
        and (warned := writing.warnings_of(found))
    ):
        context = {"scenario": found, "visibility": visibility, "warnings": warned}
        return render(request, "library/check_scenario.html", context, status=422)
    else:
        try:
            writing.publish(found, Visibility(visibility))
            messages.success(request, PUBLISHED_MESSAGES[Visibility(visibility)])
        except Refused as refused:
            messages.error(request, refused.message)
    return redirect("scenario", slug)


@never_cache
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """On GET the confirmation page, on POST delete."""
    found = own_scenario(request, slug)
    if request.method != "POST":
        context = {"scenario": found, "hours": trash.HOURS}
        return render(request, "library/delete_scenario.html", context)
    writing.delete(found)
    url = reverse("restore_scenario", args=[slug])
    trash.announce_with_undo(request, trash.deleted_message(found.title), url)
    return redirect("my_scenarios")


@require_POST
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    """Restore a deleted scenario."""
    found = get_object_or_404(writing.deleted_of(request.user), slug=slug)
    try:
        writing.restore(ensure_player(request), found)
    except LimitMet as full:
        messages.error(request, str(full))
    else:
        messages.success(request, trash.restored_message(found.title))
    return redirect("my_scenarios")


@require_POST
def undo(request: HttpRequest, slug: str) -> HttpResponse:
    """Swap the scenario's content with the one before its last save."""
    found = own_scenario(request, slug)
    try:
        undone = writing.undo(ensure_player(request), found)
    except (ScenarioError, LimitMet, Refused) as problem:
        messages.error(request, str(problem))
    else:
        if undone:
            message = _("The version before is restored.")
            trash.announce_with_undo(request, message, reverse("undo_scenario", args=[slug]))
        else:
            messages.error(request, _("There is no earlier version of this scenario."))
    return redirect("scenario", slug)


@never_cache
@require_safe
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """Download the scenario as a file."""
    found = own_scenario(request, slug)
    return HttpResponse(
        writing.as_yaml(found),
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{slug}.yaml"'},
    )


@require_POST
@limited("import")
def import_scenario(request: HttpRequest) -> HttpResponse:
    """Store an uploaded scenario file as a draft."""
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > writing.LONGEST_FILE:
        most = writing.LONGEST_FILE // 1024 // 1024
        messages.error(
            request, _("Choose a scenario file of at most %(most)d MiB.") % {"most": most}
        )
        return redirect("my_scenarios")
    try:
        found = writing.from_yaml(file.read())
        scenario = writing.write(ensure_player(request), found)  # no guest for an unreadable file
    except (ScenarioError, LimitMet, Refused) as problem:
        message = _("Import failed. %(problem)s") % {"problem": problem}
        messages.error(request, message)
        return redirect("my_scenarios")
    messages.success(request, _("Imported as a draft."))
    return redirect("scenario", scenario.slug)
