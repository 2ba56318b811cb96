"""Pages of an adventure: playing, reading, its turns, tree and plot."""

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

from game.chapters import chapters
from game.guests import ensure_player
from game.library.previews import paragraphs
from game.models import Adventure, Audience, Membership, Player, Turn
from game.play import adventures, edits, search, snapshots, tree
from game.play.forms import NarratorForm, PlotForm
from game.play.option_views import narrator_form, pending_default_data
from game.play.protocol import Refused
from game.play.requests import (
    json_errors,
    own_adventure,
    playable_adventure,
    readable_adventure,
    role_of,
    wants_json,
)
from game.play.wording import said_by, shown_turn
from game.tastes.sampling import taste_of
from inference.reply import shown_action

OFFLINE_TURNS = 300  # turns that a browser keeps for reading without a network
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
    "suggestions",
    "table",
    "tableview",
    "turnrange",
    "turnview",
    "visibleturns",
    "waiting",
    "windowtitle",
]


@never_cache
@require_safe
def adventure(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The play page. `?before=<turn>` shows the turns before that one, without JavaScript.

    With `?turn=<turn>` it opens at that turn, on any branch.
    """
    found = readable_adventure(request, adventure_id)
    role = role_of(request, found)
    opens_at = None
    if "before" in request.GET:
        turns_data = snapshots.turns_before(found, turn_from_query(request, found, "before"))
        earlier = bool(turns_data) and turns_data[0].parent is not None
    elif "turn" in request.GET:
        turn = turn_from_query(request, found, "turn")
        opens_at = {
            "turn": str(turn.pk),
            "here": search.on_path(turn.pk, found.head_id),
            "words": search.normalise_query(request.GET.get("q", "")),
        }
        turns_data = snapshots.turns_up_to(turn)
        earlier = turns_data[0].parent is not None
    else:
        snapshot = snapshots.snapshot(found.pk)
        turns_data, earlier = snapshot.turns, snapshot.earlier
    last = UUID(turns_data[-1].id) if turns_data else None
    headings = {str(pk): title for pk, title in chapters.headings_at(found, last).items()}
    rendered = [
        {
            **turn.model_dump(),
            "said_by": said_by(turn.character, turn.shown),
            "paragraphs": paragraphs(turn.reply),
            "heading": headings.get(turn.id),
        }
        for turn in turns_data
    ]
    return render(
        request,
        "adventures/play.html",
        {
            "adventure": found,
            "narrator": snapshots.adventure_data(found)["narrator"],
            "coming": pending_default_data(found),
            "taste": taste_of(ensure_player(request)),
            "narrator_form": narrator_choice(found, ensure_player(request)),
            "audiences": Audience.choices,
            "role": role,
            "owner": role == Membership.Role.OWNER,
            "turns": rendered,
            "earlier": earlier,
            "at_opening": len(turns_data) == 1,
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
                "chapters": reverse("chapters", args=[found.pk]),
                "opens_at": opens_at,
            },
        },
    )


def narrator_choice(found: Adventure, player: Player) -> NarratorForm | None:
    """The form for choosing a narrator; None if there is no choice."""
    try:
        form = narrator_form(found, player)
    except Http404:
        return None
    return form if form.offers_more_than_one else None


def turn_from_query(request: HttpRequest, found: Adventure, name: str) -> Turn:
    """The turn that the parameter `name` has the id of. Raises Http404."""
    try:
        return get_object_or_404(found.turns, pk=UUID(request.GET.get(name, "")))
    except ValueError:
        raise Http404("That is no turn.") from None


@never_cache
@require_safe
def turns(request: HttpRequest, adventure_id: UUID) -> JsonResponse:
    """The turns before `?before=<turn>`, as JSON."""
    found = readable_adventure(request, adventure_id)
    turns_data = snapshots.turns_before(found, turn_from_query(request, found, "before"))
    return JsonResponse(
        {
            "turns": [turn.model_dump(mode="json") for turn in turns_data],
            "earlier": bool(turns_data) and turns_data[0].parent is not None,
        }
    )


@never_cache
@require_safe
def versions(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> JsonResponse:
    """The earlier versions of a turn's texts, newest first, as JSON."""
    found = playable_adventure(request, adventure_id)
    turn = get_object_or_404(found.turns, pk=turn_id)
    return JsonResponse({"versions": edits.versions_data(turn)})


@never_cache
@require_safe
def turn_tree(request: HttpRequest, adventure_id: UUID) -> JsonResponse:
    """All turns of the tree with their first words, as JSON."""
    found = readable_adventure(request, adventure_id)
    # Only the first words leave the database, since there may be thousands of turns.
    length = FIRST_WORDS + 1
    every = found.turns.order_by("created", "pk").values_list(
        "pk", "parent_id", "kind", "status", Left("action", length), Left("reply", length)
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
    """The beginning of a text; `cut` is set if that is not all of it."""
    if len(text) <= FIRST_WORDS:
        return {"words": text}
    return {"words": f"{text[:FIRST_WORDS].rstrip()}…", "cut": True}


@never_cache
@require_safe
def whole_words(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> JsonResponse:
    """The whole text of which the tree has the first words: a turn's action, else its reply."""
    found = readable_adventure(request, adventure_id)
    turn = get_object_or_404(found.turns, pk=turn_id)
    return JsonResponse({"words": turn.action or turn.reply})


@never_cache
@require_safe
def read(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The path to the head without controls, to read, to hear and to print.

    With `?kept` only the last turns, as browsers keep them for reading offline.
    """
    found = readable_adventure(request, adventure_id)
    assert found.head_id is not None
    offline = "kept" in request.GET
    most = OFFLINE_TURNS if offline else tree.LONGEST_PATH
    path = tree.turns_in_order(tree.path_ids(found.head_id, most))
    headings = chapters.headings_at(found)
    rendered = [
        {
            "id": turn.pk,
            "heading": headings.get(turn.pk),
            "kind": turn.kind,
            "shown": shown_turn(turn),
            "said_by": said_by(turn.character, shown_turn(turn)),
            "paragraphs": paragraphs(turn.reply),
        }
        for turn in path
    ]
    earlier = path[0].parent_id is not None
    return render(
        request,
        "adventures/read.html",
        {"adventure": found, "turns": rendered, "kept": offline, "earlier": earlier},
    )


def set_plot(request: HttpRequest, found: Adventure, form: PlotForm) -> bool:
    """Change the plot. False if it breaks a rule, in which case the form has the error."""
    try:
        adventures.set_plot(found.pk, **form.cleaned_data, player=ensure_player(request))
    except Refused as refused:
        form.add_error(None, refused.message)
        return False
    return True


@never_cache
def plot(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Memory and author's note: a page, or saved from the play page as JSON."""
    found = own_adventure(request, adventure_id)
    if request.method == "POST":
        form = PlotForm(request.POST)
        if form.is_valid() and set_plot(request, found, form):
            if wants_json(request):
                return JsonResponse({"saved": True})
            messages.success(request, _("Saved. Takes effect with the next turn."))
            return redirect("adventure", found.pk)
        if wants_json(request):
            return json_errors(request, form) or HttpResponse(status=422)
    else:
        form = PlotForm(initial={"memory": found.memory, "authors_note": found.authors_note})
    return render(
        request,
        "adventures/plot.html",
        {"adventure": found, "form": form},
        status=422 if form.errors else 200,
    )
