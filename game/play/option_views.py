"""Pages of an adventure's options, narrator, sampling and summary, and of turns' prompt reports.

They answer in JSON if the request accepts it. Another player's adventure is a 404.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.models import Adventure, Player, TurnContext
from game.play import adventures, narration, summaries
from game.play.context import summary_at
from game.play.context_views import context_data, sampling_labels
from game.play.forms import NarratorForm, OptionsForm, SummaryForm
from game.play.protocol import Refused
from game.play.requests import (
    json_errors,
    own_adventure,
    readable_adventure,
    require_player,
    wants_json,
)
from game.play.snapshots import narrator_data
from game.tastes.writer import WriterSettings, settings_of
from game.tastes.writer_form import CUSTOM, WriterForm
from inference.contract.sampling import SETTING_NAMES, Setting
from inference.engines.abilities import UNSUPPORTED, ignored_by
from inference.narrators import Narrator, NarratorsError

logger = logging.getLogger(__name__)

ORIGINS = {
    "memory": _("memory"),
    "card": _("card"),
    "story": _("story"),
    "summary": _("summary"),
    "earlier": _("remembered"),
    "world": _("world"),
    "note": _("author’s note"),
    "action": _("action"),
    "dice": _("dice"),
    "told": _("start of the reply"),
    "frame": _("format"),
}


# Settings whose names are translated; DRY, top-k and others are the same in every language.
SETTINGS: dict[Setting, Any] = {
    "stop": _("stop strings"),
    "repetition_penalty": _("repetition penalty"),
    "frequency_penalty": _("frequency penalty"),
    "presence_penalty": _("presence penalty"),
    "logit_bias": _("logit bias"),
}


def setting_names(settings: Iterable[Setting]) -> str:
    """Settings as players read them, separated by commas."""
    return ", ".join(str(SETTINGS.get(each, SETTING_NAMES[each])) for each in settings)


@never_cache
@require_safe
def context(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> HttpResponse:
    """A turn's prompt report as JSON; with `?part` as a part of a page, coloured by origin."""
    stored = get_object_or_404(
        TurnContext.objects.select_related("turn"),
        turn=turn_id,
        turn__adventure__in=Adventure.objects.of(request.user).filter(pk=adventure_id),
    )
    data = context_data(stored)
    if "part" not in request.GET:
        return JsonResponse(data)
    origins = {part["origin"] for part in data["parts"]}
    legend = {origin: name for origin, name in ORIGINS.items() if origin in origins}
    lost = {ORIGINS.get(origin, origin): length for origin, length in data["cut"].items()}
    return render(
        request,
        "adventures/context_part.html",
        {
            "context": data,
            "adventure_id": adventure_id,
            "legend": legend,
            "lost": lost,
            "sampling": sampling_labels(data["sampling"]),
            "ignored": setting_names(data["ignored"]),
            "left_out": Counter(data["banned"]).items(),
        },
    )


@require_POST
def options(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Switch `dice`, `summarise` or `suggestions` to `on` or `off`."""
    found = own_adventure(request, adventure_id)
    form = OptionsForm(request.POST)
    if not form.is_valid():
        return json_errors(request, form) or redirect("adventure", found.pk)
    chosen = form.changes()
    if chosen:
        adventures.set_options(found.pk, chosen)
    if wants_json(request):
        found.refresh_from_db()
        names = ("dice", "summarise", "suggestions")
        return JsonResponse({name: getattr(found, name) for name in names})
    back = "summary" if request.POST.get("back") == "summary" else "adventure"
    return redirect(back, found.pk)


@never_cache
@require_safe
def narrator_part(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The current narrator, and the default that is still loading, as parts of the page."""
    found = readable_adventure(request, adventure_id)
    context = {
        "adventure": found,
        "narrator": narrator_data(found),
        "coming": pending_default_data(found),
    }
    return render(request, "adventures/narrator_part.html", context)


@require_POST
def narrator(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Choose a narrator for the next turns."""
    found = own_adventure(request, adventure_id)
    form = narrator_form(found, require_player(request), request.POST)
    if form.is_valid():
        adventures.set_narrator(found.pk, form.cleaned_data["narrator"])
    elif wants_json(request):
        return json_errors(request, form) or HttpResponse(status=422)
    else:
        for error in form.errors["narrator"]:
            messages.warning(request, str(error))
    if wants_json(request):
        found.refresh_from_db()
        return JsonResponse({"narrator": narrator_data(found)})
    return redirect("adventure", found.pk)


def pending_default_data(adventure: Adventure) -> dict[str, str]:
    """Messages about a default that is not ready: for everybody, and for the operator."""
    try:
        found = None if adventure.narrator else narration.pending_default()
        if found is None:
            return {"line": "", "why": ""}
        narrator, state = found
        names = {"name": narrator.shown_name, "now": narration.default().shown_name}
    except NarratorsError as problem:
        logger.warning("%s", problem)
        return {"line": "", "why": ""}
    line = why = ""
    if state.kind == "fetching":
        line = gettext("%(name)s is being fetched: %(percent)s %%. %(now)s tells until then.")
    elif state.kind == "loading":
        line = gettext("%(name)s is being loaded. %(now)s tells until then.")
    elif state.kind == "failed":
        why = gettext("%(name)s is not used: %(why)s. It is tried again.")
    else:
        why = gettext("%(name)s is not used: %(why)s.")
    values = {**names, "percent": state.percent, "why": state.why}
    return {"line": line % values, "why": why % values}


def narrator_form(
    adventure: Adventure, player: Player, data: Mapping[str, Any] | None = None
) -> NarratorForm:
    """The form with the narrators offered to a player. Raises Http404 if the file is invalid."""
    try:
        every = narration.narrators()
        offered, default = narration.offered_to(player), narration.default()
    except NarratorsError as problem:
        logger.warning("%s", problem)
        raise Http404("The list of narrators cannot be read.") from None
    if adventure.narrator in every and adventure.narrator not in [one.name for one in offered]:
        offered.append(every.get(adventure.narrator))
    return NarratorForm(offered, default, data, adventure.narrator)


@never_cache
def writer(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The sampling settings of an adventure. Raises PermissionDenied for all but its owner."""
    found = own_adventure(request, adventure_id)
    narrator = current_narrator(found)
    own = narrator.sampling if narrator else None
    data = request.POST if request.method == "POST" else None
    form = WriterForm(own, settings_of(found), data)
    if data is not None and form.is_valid():
        adventures.set_sampling(found.pk, form.settings)
        if not wants_json(request):
            messages.success(request, _("Saved. Takes effect with the next turn."))
            return redirect("writer", found.pk)
        found.refresh_from_db()
    if form.errors and wants_json(request):
        return json_errors(request, form) or HttpResponse(status=422)
    settings = settings_of(found)
    if wants_json(request):
        return JsonResponse(
            {
                "sampling": settings.model_dump(mode="json"),
                "ignored": ignored_settings(narrator, settings),
            }
        )
    template = "adventures/writer_part.html" if "part" in request.GET else "adventures/writer.html"
    return render(
        request,
        template,
        {
            "adventure": found,
            "form": form,
            "narrator": narrator,
            "custom": [form[name] for name in CUSTOM],
            "others": [form[name] for name in ("max_tokens", "banned", "worn", "logit_bias")],
            "unknown": setting_names(sorted(unsupported_settings(narrator))),
        },
        status=422 if form.errors else 200,
    )


def current_narrator(adventure: Adventure) -> Narrator | None:
    """The narrator of the next turn; None if there is none."""
    try:
        return narration.narrator_of(adventure)
    except Refused:
        return None


def unsupported_settings(narrator: Narrator | None) -> frozenset[Setting]:
    """The settings in the form that the narrator's engine is known to ignore."""
    cannot = UNSUPPORTED.get(narrator.engine, frozenset()) if narrator else frozenset()
    return cannot & {"dry", "xtc", "logit_bias"}


def ignored_settings(narrator: Narrator | None, settings: WriterSettings) -> list[Setting]:
    """The settings in force that the narrator's engine ignores."""
    if narrator is None:
        return []
    sampling = narrator.sampling.model_copy(update=settings.values(narrator.sampling))
    return list(ignored_by(narrator.engine, sampling))


@never_cache
def summary(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The summary that holds at the head: on GET its form, on POST the player's text for it."""
    found = own_adventure(request, adventure_id)
    if request.method != "POST":
        form = SummaryForm(initial={"text": summary_data(found)["text"]}, label_suffix="")
    else:
        form = SummaryForm(request.POST, label_suffix="")
        if form.is_valid():
            try:
                summaries.write(found.pk, require_player(request), form.cleaned_data["text"])
            except Refused as refused:
                form.add_error(None, refused.message)
            if not form.errors and not wants_json(request):
                messages.success(request, _("Saved. Takes effect with the next turn."))
                return redirect("summary", found.pk)
    if form.errors and wants_json(request):
        return json_errors(request, form) or HttpResponse(status=422)
    if wants_json(request):
        return JsonResponse(summary_data(found))
    template = (
        "adventures/summary_part.html" if "part" in request.GET else "adventures/summary.html"
    )
    return render(
        request,
        template,
        {"adventure": found, "form": form, "summary": summary_data(found)},
        status=422 if form.errors else 200,
    )


def summary_data(adventure: Adventure) -> dict[str, Any]:
    """The summary that holds at the head; `own` counts the code points that a player wrote."""
    assert adventure.head_id is not None
    summary = summary_at(adventure.head_id)
    if summary is None:
        return {"text": "", "by": None, "own": 0, "turn": None, "summarise": adventure.summarise}
    return {
        "text": summary.text,
        "by": summary.by,
        "own": summary.own,
        "turn": str(summary.turn_id),
        "summarise": adventure.summarise,
    }
