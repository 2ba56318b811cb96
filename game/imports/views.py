"""The page where players bring files, the report of each import, and the archive of everything."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.accounts.limits import limited
from game.guests import ensure_player
from game.imports import bundles, choices, importing, tasks
from game.imports import messages as texts
from game.imports.detection import FORMATS
from game.imports.importing import ImportProblem
from game.models import Import, Player
from game.play.requests import require_player, wants_json

MOST_SHOWN = 50  # imports on the page
MOST_TARGETS = 100  # adventures and scenarios to which cards can be added
MOST_FILES = 20  # in one request
LONGEST_REQUEST = 60.0  # seconds, after which no more of its files are read


@never_cache
@limited("import")
def import_files(request: HttpRequest) -> HttpResponse:
    """On GET the page; on POST take the files (`file`) or the text (`text`) that were sent."""
    if request.method != "POST":
        return import_page(request)
    taken, problems = [], []
    began = time.monotonic()
    for name, content in sent_files(request):
        try:
            refuse_more(request, time.monotonic() - began, len(content))
            opened = importing.open_file(name, content)
            taken.append(importing.take_file(ensure_player(request), opened))
        except ImportProblem as problem:
            problems.append(f"{name}: {problem}" if name else str(problem))
    if wants_json(request):
        if problems:
            return JsonResponse({"message": " ".join(problems)}, status=422)
        addresses = [reverse("import", args=[each.pk]) for each in taken]
        # A visitor who became a guest has another token from now on.
        return JsonResponse({"imports": addresses, "token": get_token(request)})
    if not taken and not problems:
        problems.append(_("Choose a file, or paste a text."))
    for each in problems:
        messages.error(request, each)
    return redirect("import_files")


def refuse_more(request: HttpRequest, seconds: float, size: int) -> None:
    """Raise ImportProblem before a file is read that would be refused, or takes too long."""
    if seconds > LONGEST_REQUEST:
        raise ImportProblem(_("Reading the files before it took too long. Send this one again."))
    if isinstance(request.user, Player):
        importing.refuse_too_many(request.user, size)


def sent_files(request: HttpRequest) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the files that were sent; the pasted text has no name."""
    for file in request.FILES.getlist("file")[:MOST_FILES]:
        yield str(file.name or ""), file.read()
    if pasted := request.POST.get("text", "").strip():
        yield "", pasted.encode("utf-8", "replace")


def import_page(request: HttpRequest) -> HttpResponse:
    """The page with the player's files."""
    player = request.user if isinstance(request.user, Player) else None
    found = list(own_imports(request).defer("content")[:MOST_SHOWN])
    context = {
        "here": "adventures",
        "imports": [shown(each) for each in found],
        "several": sum(each.state == Import.State.PREVIEW for each in found) > 1,
        "targets": targets_for(player, found),
        "size": importing.LARGEST // 1024**2,
    }
    return render(request, "imports/import.html", context)


def own_imports(request: HttpRequest) -> Any:
    """The player's imports, newest first; none for a visitor."""
    if not isinstance(request.user, Player):
        return Import.objects.none()
    return Import.objects.filter(player=request.user).order_by("-created", "pk")


def own_import(request: HttpRequest, import_id: UUID) -> Import:
    """One of the player's imports. Raises Http404."""
    found: Import = get_object_or_404(own_imports(request).defer("content"), pk=import_id)
    return found


def targets_for(player: Player | None, found: list[Import]) -> list[dict[str, str]]:
    """What cards can be added to, if one of these files waits for a choice."""
    if player is None or all(each.state != Import.State.PREVIEW for each in found):
        return []
    adventures, scenarios = choices.targets(player)
    return [
        *(
            {"value": f"adventure:{each.pk}", "title": each.title, "kind": "adventure"}
            for each in adventures[:MOST_TARGETS]
        ),
        *(
            {"value": f"scenario:{each.pk}", "title": each.title, "kind": "scenario"}
            for each in scenarios[:MOST_TARGETS]
        ),
    ]


def shown(found: Import) -> dict[str, Any]:
    """An import for its template."""
    form = FORMATS.get(found.format)
    about = found.report if found.state == Import.State.DONE else found.preview
    return {
        "row": found,
        "format": form.label if form else found.format,
        "ways": choices.ways(found.preview),
        "stories": about.get("stories", []),
        "notes": texts.lines_of(about.get("notes", [])),
        "made": made_by(found),
        "progress": importing.progress_of(found.pk),
    }


def made_by(found: Import) -> list[dict[str, Any]]:
    """The adventures and scenarios that an import made, or added cards to, and that are there."""
    if found.state != Import.State.DONE:
        return []
    rows = found.stories.select_related("adventure", "scenario").defer("kept")
    made = []
    for row in rows:
        story = row.adventure or row.scenario
        if story is not None and story.deleted is None:
            name = "adventure" if row.adventure else "scenario"
            made.append({"title": story.title, "kind": name, "url": reverse(name, args=[story.pk])})
    return made


@never_cache
@limited("import")
def one_import(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """On GET one import, its report or (`?part`) its part of the page; on POST start it."""
    found = own_import(request, import_id)
    if request.method != "POST":
        context = {
            "here": "adventures",
            "each": shown(found),
            "targets": targets_for(found.player, [found]),
        }
        name = "imports/row.html" if "part" in request.GET else "imports/report.html"
        answer = render(request, name, context)
        answer["X-Import-State"] = found.state
        return answer
    try:
        way, target = request.POST.get("way", ""), request.POST.get("target", "")
        importing.start(found, way, target, settings="settings" in request.POST)
    except ImportProblem as problem:
        if wants_json(request):
            return JsonResponse({"message": str(problem)}, status=422)
        messages.error(request, str(problem))
    else:
        tasks.request_on_commit()
    if wants_json(request):
        return JsonResponse({"state": Import.State.WAITING})
    return redirect("import_files")


@require_POST
def remove_import(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Remove a file that is not imported."""
    if not importing.remove(own_import(request, import_id)):
        messages.error(request, _("This file is being imported."))
    return redirect("import_files")


@never_cache
@require_safe
@login_required
@limited("data", reads=True)
def export_everything(request: HttpRequest) -> StreamingHttpResponse:
    """Everything of the player as one bundle, sent while it is made."""
    player = require_player(request)
    name = f"grue-{slugify(player.username) or 'player'}-{timezone.now():%Y-%m-%d}.grue"
    return bundle_response(bundles.everything_of(player), name)


def bundle_response(pieces: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """A bundle to download. Each piece is made in the request's own thread."""

    def take() -> bytes | None:
        return next(pieces, None)

    async def stream() -> AsyncIterator[bytes]:
        while (piece := await sync_to_async(take)()) is not None:
            yield piece

    return StreamingHttpResponse(
        stream(),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
