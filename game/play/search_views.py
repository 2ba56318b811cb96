"""Search within an adventure, on the server, since a page has only some of its turns."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from game.accounts.limits import limited
from game.play import search
from game.play.requests import readable_adventure, wants_json

HITS_PER_PAGE = 30


@never_cache
@require_safe
@limited("search", reads=True)
def search_adventure(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The matches of `?q=` as a page, as a part of one (`?part`), or as JSON."""
    found = readable_adventure(request, adventure_id)
    q = search.normalise_query(request.GET.get("q", ""))
    enough = search.is_long_enough(q)
    problem = ""
    ids: list[UUID] = []
    try:
        if enough:
            with search.time_limit():
                ids = search.turns_with(found, q)
    except search.SearchTooSlow:
        problem = _("This search takes too long. Try longer or fewer words.")
        if wants_json(request):
            return JsonResponse({"message": problem}, status=422)
    page = Paginator(ids, HITS_PER_PAGE).get_page(request.GET.get("page"))
    hits = search.hits(found, list(page.object_list), q)
    if wants_json(request):
        return JsonResponse(
            {
                "found": page.paginator.count,
                "next": page.next_page_number() if page.has_next() else None,
                "hits": [
                    {
                        "turn": str(hit.turn),
                        "number": hit.number,
                        "before": hit.passage.before,
                        "match": hit.passage.found,
                        "after": hit.passage.after,
                        "here": hit.here,
                    }
                    for hit in hits
                ],
            }
        )
    part = "part" in request.GET
    template = "adventures/search_part.html" if part else "adventures/search.html"
    context = {
        "adventure": found,
        "q": q,
        "problem": problem,
        "short": bool(q) and not enough,
        "shortest": search.SHORTEST,
        "page": page,
        "hits": hits,
    }
    return render(request, template, context, status=422 if problem else 200)
