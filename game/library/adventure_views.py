"""The pages of a player's adventures: find, rename, archive, copy, delete and restore.

Each look-up uses the player's own adventures, so another player's is a 404.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.accounts.limits import too_many, too_many_response
from game.guests import ensure_player
from game.library import archive, copies, trash
from game.library.limits import LimitMet
from game.library.previews import AdventurePreview, preview_of
from game.library.scenario_views import with_preview_fields
from game.models import Adventure
from game.play import adventures, search
from game.play.forms import RenameForm
from game.play.protocol import Refused
from game.play.requests import own_adventure, readable_adventures

ADVENTURES_PER_PAGE = 30


@never_cache
@require_safe
def list_adventures(request: HttpRequest) -> HttpResponse:
    """The player's adventures, searched with `?q=`; with `?archived` those in the archive."""
    q = search.normalise_query(request.GET.get("q", ""))
    if q and too_many(request, "search", reads=True):
        return too_many_response(request)
    archived = "archived" in request.GET
    mine = readable_adventures(request)
    shelf = mine.filter(archived=archived)
    problem = ""
    stories: list[search.StoryHits] | None = None
    try:
        if q:
            with search.time_limit():
                stories = search.find_stories(titles_of(shelf), q)
    except search.SearchTooSlow:
        problem = _("This search takes too long. Try longer or fewer words.")
        stories = []
    shown: Any = with_preview_fields(shelf) if stories is None else stories
    page = Paginator(shown, ADVENTURES_PER_PAGE).get_page(request.GET.get("page"))
    if stories is None:
        cards = [preview_of(each) for each in page.object_list]
    else:
        cards = found_cards(shelf, list(page.object_list), q)
    deleted = [
        trash.Deleted(
            each.title,
            each.deleted,
            reverse("restore", args=[each.pk]),
            reverse("purge", args=[each.pk]),
        )
        for each in archive.deleted_of(request.user)
        if each.deleted is not None
    ]
    return render(
        request,
        "adventures/list.html",
        {
            "here": "adventures",
            "cards": cards,
            "problem": problem,
            "page": page,
            "q": q,
            "archived": archived,
            "put_away": mine.filter(archived=True).count(),
            "any": mine.exists(),
            "deleted": deleted,
            "hours": trash.HOURS,
        },
        status=422 if problem else 200,
    )


def titles_of(adventures: QuerySet[Adventure]) -> dict[UUID, str]:
    """By adventure the titles that a search looks at: its own, and its scenario's."""
    rows = adventures.values_list("pk", "title", "scenario__title")
    return {pk: f"{title}\n{scenario or ''}" for pk, title, scenario in rows}


def found_cards(
    shelf: QuerySet[Adventure], stories: list[search.StoryHits], q: str
) -> list[AdventurePreview]:
    """The previews of adventures that were found, with the passages in them."""
    passages = search.story_passages(stories, q)
    found = with_preview_fields(shelf).in_bulk([story.adventure for story in stories])
    return [
        preview_of(found[story.adventure], passages[story.adventure], story.count)
        for story in stories
        if story.adventure in found
    ]


@require_POST
def rename(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Change the title of an adventure."""
    found = own_adventure(request, adventure_id)
    form = RenameForm(request.POST)
    if form.is_valid():
        try:
            adventures.rename(found.pk, form.cleaned_data["title"], ensure_player(request))
        except Refused as refused:
            messages.error(request, refused.message)
    else:
        messages.error(request, _("A title has 1 to 120 characters. The title was not changed."))
    return redirect("adventures")


@require_POST
def archive_adventure(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Archive an adventure (`archived=on`), or take it out of the archive."""
    found = own_adventure(request, adventure_id)
    archived = request.POST.get("archived") == "on"
    archive.set_archived(found.pk, archived)
    named = {"title": found.title}
    if archived:
        messages.success(request, _("“%(title)s” was archived.") % named)
    else:
        messages.success(request, _("“%(title)s” was restored.") % named)
    return redirect("adventures")


@require_POST
def duplicate(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Copy the whole tree, or with `what=path` only the path to the head."""
    found = own_adventure(request, adventure_id)
    only_path = request.POST.get("what") == "path"
    try:
        copy = copies.duplicate(ensure_player(request), found, only_path=only_path)
    except LimitMet as full:
        messages.error(request, str(full))
    else:
        messages.success(request, _("“%(title)s” was created.") % {"title": copy.title})
    return redirect("adventures")


@never_cache
def delete(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """On GET the confirmation page, on POST delete. The adventure can be restored for a day."""
    found = own_adventure(request, adventure_id)
    if request.method != "POST":
        context = {"adventure": found, "hours": trash.HOURS}
        return render(request, "adventures/confirm_delete.html", context)
    try:
        archive.delete(found.pk)
    except Refused as refused:  # a turn is under way and cannot be stopped, since Redis is down
        messages.error(request, refused.message)
        return redirect("adventures")
    url = reverse("restore", args=[found.pk])
    trash.announce_with_undo(request, trash.deleted_message(found.title), url)
    return redirect("adventures")


@require_POST
def restore(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Restore a deleted adventure."""
    found = get_object_or_404(archive.deleted_of(request.user), pk=adventure_id)
    archive.restore(found.pk)
    messages.success(request, trash.restored_message(found.title))
    return redirect("adventures")


@require_POST
def purge(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Delete an adventure permanently that was deleted before."""
    found = get_object_or_404(archive.deleted_of(request.user), pk=adventure_id)
    adventures.purge(found.pk)
    messages.success(request, _("“%(title)s” was permanently deleted.") % {"title": found.title})
    return redirect("adventures")
