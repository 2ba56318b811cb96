"""The pages of one adventure: play, read, its turns and its plot."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from game.guests import ensure_player
from game.library.previews import paragraphs
from game.models import Adventure, Audience, Player, Turn
from game.play import adventures, edits, search, snapshots, tree
from game.play.forms import NarratorForm, PlotForm
from game.play.option_views import coming_shown, narrator_form
from game.play.protocol import Refused
from game.play.requests import is_owner, own_adventure
from game.tastes.sampling import taste_of
from inference.reply import shown_action

KEPT_OFFLINE = 300  # turns that can be read without a network
FIRST_WORDS = 80  # code points of a turn in the tree

MODULES = [
    "alerts",
    "aloud",
    "announce",
    "autoscroll",
    "commands",
    "controls",
    "drafts",
    "entry",
    "i18n",
    "narratorprogress",
    "page",
    "panel",
    "passages",
    "prose",
    "scrollposition",
    "serviceworker",
    "shortcuts",
    "sidepanel",
    "socket",
    "store",
    "story",
    "storyview",
    "turnrange",
    "turnview",
    "visibleturns",
    "waiting",
    "windowtitle",
]


@never_cache
@require_safe
def adventure(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Play; with `?before=<turn>` the turns before that one, to read without JavaScript.

    With `?turn=<turn>` the page opens at that turn, on whatever branch it is.
    """
    found = own_adventure(request, adventure_id)
    opens_at = None
    if "before" in request.GET:
        shown = snapshots.turns_before(found, turn_named(request, found, "before"))
        earlier = bool(shown) and shown[0].parent is not None
    elif "turn" in request.GET:
        turn = turn_named(request, found, "turn")
        opens_at = {
            "turn": str(turn.pk),
            "here": search.on_path(turn.pk, found.head_id),
            "words": search.asked(request.GET.get("q", "")),
        }
        shown = snapshots.turns_up_to(turn)
        earlier = shown[0].parent is not None
    else:
        snapshot = snapshots.snapshot(found.pk)
        shown, earlier = snapshot.turns, snapshot.earlier
    drawn = [{**turn.model_dump(), "paragraphs": paragraphs(turn.reply)} for turn in shown]
    return render(
        request,
        "adventures/play.html",
        {
            "adventure": found,
            "narrator": snapshots.adventure_shown(found)["narrator"],
            "coming": coming_shown(found),
            "taste": taste_of(ensure_player(request)),
            "narrator_form": choice_of_narrators(found, ensure_player(request)),
            "audiences": Audience.choices,
            "owner": is_owner(request, found),
            "turns": drawn,
            "earlier": earlier,
            "at_opening": len(shown) == 1,
            "elsewhere": opens_at is not None and not opens_at["here"],
            "first_actions": [
                {**action, "shown": shown_action(action["kind"], action["text"])}
                for action in found.first_actions
            ],
            "form": PlotForm(initial={"memory": found.memory, "authors_note": found.authors_note}),
            "modules": [f"js/{name}.js" for name in MODULES],
            "page_data": {
                "id": str(found.pk),
                "socket": reverse("socket", args=[found.pk]),
                "turns": reverse("turns", args=[found.pk]),
                "versions": reverse("versions", args=[found.pk, found.pk]),
                "tree": reverse("tree", args=[found.pk]),
                "opens_at": opens_at,
            },
        },
    )


def choice_of_narrators(found: Adventure, player: Player) -> NarratorForm | None:
    """What the page offers to choose from; None where there is no choice."""
    try:
        form = narrator_form(found, player)
    except Http404:
        return None
    return form if form.offers_more_than_one else None


def turn_named(request: HttpRequest, found: Adventure, name: str) -> Turn:
    """The turn that `?name=` gives. Raises Http404."""
    try:
        return get_object_or_404(found.turns, pk=UUID(request.GET.get(name, "")))
    except ValueError:
        raise Http404("That is no turn.") from None


@never_cache
@require_safe
def turns(request: HttpRequest, adventure_id: UUID) -> JsonResponse:
    """The turns before `?before=<turn>`, as JSON."""
    found = own_adventure(request, adventure_id)
    shown = snapshots.turns_before(found, turn_named(request, found, "before"))
    return JsonResponse(
        {
            "turns": [turn.model_dump(mode="json") for turn in shown],
            "earlier": bool(shown) and shown[0].parent is not None,
        }
    )


@never_cache
@require_safe
def versions(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> JsonResponse:
    """The earlier versions of a turn's texts, newest first. An edit with one's text restores it."""
    found = own_adventure(request, adventure_id)
    turn = get_object_or_404(found.turns, pk=turn_id)
    return JsonResponse({"versions": edits.versions_shown(turn)})


@never_cache
@require_safe
def turn_tree(request: HttpRequest, adventure_id: UUID) -> JsonResponse:
    """All turns of the tree with their first words, as JSON."""
    found = own_adventure(request, adventure_id)
    # Thousands of turns: their first words alone leave the database.
    some = FIRST_WORDS + 1
    every = found.turns.order_by("created", "pk").values_list(
        "pk", "parent_id", "kind", "status", Left("action", some), Left("reply", some)
    )
    return JsonResponse(
        {
            "head": str(found.head_id),
            "turns": [
                {
                    "id": str(turn),
                    "parent": str(parent) if parent else None,
                    "kind": kind,
                    "status": status,
                    **first_words(action or reply),
                }
                for turn, parent, kind, status, action, reply in every
            ],
        }
    )


def first_words(text: str) -> dict[str, Any]:
    """The beginning of a text, and, where that is not all, that it is cut."""
    if len(text) <= FIRST_WORDS:
        return {"words": text}
    return {"words": f"{text[:FIRST_WORDS].rstrip()}…", "cut": True}


@never_cache
@require_safe
def whole_words(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> JsonResponse:
    """What the tree has the first words of: a turn's action, or its reply where there is none."""
    found = own_adventure(request, adventure_id)
    turn = get_object_or_404(found.turns, pk=turn_id)
    return JsonResponse({"words": turn.action or turn.reply})


@never_cache
@require_safe
def read(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The whole path to the head, without controls: to read, to hear and to print.

    With `?kept`, its last turns as a browser keeps them for when there is no network.
    """
    found = own_adventure(request, adventure_id)
    assert found.head_id is not None
    kept = "kept" in request.GET
    most = KEPT_OFFLINE if kept else tree.LONGEST_PATH
    path = tree.turns_in_order(tree.path_ids(found.head_id, most))
    drawn = [
        {
            "id": turn.pk,
            "kind": turn.kind,
            "shown": shown_action(turn.kind, turn.action),  # type: ignore[arg-type]
            "paragraphs": paragraphs(turn.reply),
        }
        for turn in path
    ]
    earlier = path[0].parent_id is not None
    return render(
        request,
        "adventures/read.html",
        {"adventure": found, "turns": drawn, "kept": kept, "earlier": earlier},
    )


def plot_is_set(request: HttpRequest, found: Adventure, form: PlotForm) -> bool:
    """Change the plot; where a rule stands against it, the form says so and keeps the words."""
    try:
        adventures.set_plot(found.pk, **form.cleaned_data, player=ensure_player(request))
    except Refused as refused:
        form.add_error(None, refused.message)
        return False
    return True


@never_cache
def plot(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Memory and author's note: a page of its own, or saved from the play page."""
    found = own_adventure(request, adventure_id)
    wants_json = request.headers.get("Accept") == "application/json"
    if request.method == "POST":
        form = PlotForm(request.POST)
        if form.is_valid() and plot_is_set(request, found, form):
            if wants_json:
                return JsonResponse({"saved": True})
            messages.success(request, _("Saved. Takes effect with the next turn."))
            return redirect("adventure", found.pk)
        if wants_json:
            message = " ".join(str(line) for lines in form.errors.values() for line in lines)
            return JsonResponse({"message": message}, status=422)
    else:
        form = PlotForm(initial={"memory": found.memory, "authors_note": found.authors_note})
    return render(
        request,
        "adventures/plot.html",
        {"adventure": found, "form": form},
        status=422 if form.errors else 200,
    )
