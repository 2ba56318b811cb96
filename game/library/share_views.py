"""Links to stories: pages for the players who make them, and for readers.

A link's page shows the texts of its path. Memory, author's note and cards are shown only if the
player shared them; the player is never named.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.addresses import in_full
from game.guests import ensure_player
from game.library import covers, linkcard, share_content, shares, trash
from game.library.excerpts import last_words
from game.library.limits import LimitMet
from game.library.previews import paragraphs
from game.models import Adventure, Share, Status, Turn
from game.play.wording import shown_turn

TURNS_PER_PAGE = 200


# Pages for the player


@never_cache
def share(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> HttpResponse:
    """Share the path up to a turn: on GET the confirmation page, on POST the link."""
    theirs = Adventure.objects.of(request.user).filter(pk=adventure_id)
    every = Turn.objects.select_related("adventure", "parent")
    turn = get_object_or_404(every, pk=turn_id, adventure__in=theirs)
    if turn.status == Status.QUEUED:  # it has no reply yet: share up to its parent
        assert turn.parent is not None, "an opening is never queued"
        turn = turn.parent
    if request.method != "POST":
        words = last_words(turn.reply)
        context = {"adventure": turn.adventure, "turn": turn, "words": words}
        return render(request, "library/create_share.html", context)
    wants_json = request.headers.get("Accept") == "application/json"
    try:
        made = shares.share(ensure_player(request), turn, request.POST.get("plot") == "on")
    except LimitMet as full:
        if wants_json:
            return JsonResponse({"message": str(full)}, status=422)
        messages.error(request, str(full))
        return redirect("shares")
    if wants_json:
        return JsonResponse({"url": share_url(request, made), "plot": made.plot})
    messages.success(
        request, _("Link created: the first one below. Anyone with the link can read it.")
    )
    return redirect("shares")


def share_url(request: HttpRequest, share: Share) -> str:
    """The absolute URL of a link."""
    return in_full(request, reverse("shared", args=[share.token]))


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """The player's links, and the deleted ones that can be restored."""
    live = Share.objects.of(request.user).select_related("texts").defer("texts__content")
    links = [{"share": each, "url": share_url(request, each)} for each in live]
    deleted = [
        trash.Deleted(each.adventure.title, each.deleted, reverse("restore_share", args=[each.pk]))
        for each in shares.deleted_of(request.user).select_related("adventure")
        if each.deleted is not None
    ]
    context = {"here": "adventures", "shares": links, "deleted": deleted, "hours": trash.HOURS}
    return render(request, "library/my_shares.html", context)


@require_POST
def update(request: HttpRequest, share_id: UUID) -> HttpResponse:
    """Replace a link's texts by those of the adventure as it is now."""
    theirs = Share.objects.of(request.user).select_related("player", "turn")
    found = get_object_or_404(theirs, pk=share_id)
    if not Adventure.objects.of(request.user).filter(pk=found.adventure_id).exists():
        messages.error(request, _("Only the owner of an adventure can update its links."))
        return redirect("shares")
    try:
        shares.update(found)
    except LimitMet as full:
        messages.error(request, str(full))
    else:
        messages.success(request, _("Link updated. It shows the adventure as it is now."))
    return redirect("shares")


@require_POST
def revoke(request: HttpRequest, share_id: UUID) -> HttpResponse:
    """Delete a link; it can be restored for a while."""
    found = get_object_or_404(Share.objects.of(request.user), pk=share_id)
    shares.revoke(found)
    message = _("Link deleted. It no longer works. You can restore it for %(hours)d hours.")
    trash.announce_with_undo(
        request, message % {"hours": trash.HOURS}, reverse("restore_share", args=[found.pk])
    )
    return redirect("shares")


@require_POST
def restore(request: HttpRequest, share_id: UUID) -> HttpResponse:
    """Restore a deleted link, at its old URL."""
    found = get_object_or_404(shares.deleted_of(request.user), pk=share_id)
    try:
        shares.restore(ensure_player(request), found)
    except LimitMet as full:
        messages.error(request, str(full))
    else:
        messages.success(request, _("The link works again."))
    return redirect("shares")


# Pages for readers


def by_link(
    view: Callable[Concatenate[HttpRequest, Share, ...], HttpResponse],
) -> Callable[Concatenate[HttpRequest, str, ...], HttpResponse]:
    """Pass the share of the token to the view; 404 without one. Nobody may index the response."""

    @wraps(view)
    def seen(request: HttpRequest, token: str, **more: Any) -> HttpResponse:
        readable = Share.objects.readable_by(request.user).select_related("adventure", "texts")
        answer = view(request, get_object_or_404(readable, token=token), **more)
        answer.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        # The URL is the key, so it must not leak. Not `no-referrer`: browsers would then send
        # forms with `Origin: null`, which fail Django's CSRF check.
        answer.headers["Referrer-Policy"] = "same-origin"
        return answer

    return never_cache(seen)


@require_safe
@by_link
def shared(request: HttpRequest, share: Share) -> HttpResponse:
    """The story up to the shared turn, to read."""
    texts = share_content.load(share)
    page = Paginator(texts.path, TURNS_PER_PAGE).get_page(request.GET.get("page"))
    headings = share_content.headings_of(texts)
    turns = [
        turn_context(turn, headings.get(turn.pk))
        for turn in share_content.turns_of(texts, page.object_list)
    ]
    return render(
        request,
        "library/shared_adventure.html",
        {
            "share": share,
            "adventure": share_content.adventure_of(share, texts),
            "turns": [
                turn
                for turn in turns
                if turn["shown"] or turn["paragraphs"] or turn["heading"] is not None
            ],
            "count": len(texts.turns),
            "page": page,
            "teaser": share.texts.teaser,
            "cards": share_content.visible_cards(texts),
            "image": in_full(request, reverse("shared_card", args=[share.token])),
        },
    )


def turn_context(turn: Turn, heading: str | None) -> dict[str, Any]:
    """What the template shows of a turn; `heading`: of the chapter that begins with it."""
    return {
        "heading": heading,
        "id": turn.pk,
        "kind": turn.kind,
        "shown": shown_turn(turn),
        "paragraphs": paragraphs(turn.reply),
    }


@require_safe
@by_link
def card(request: HttpRequest, share: Share) -> HttpResponse:
    """The picture of a link preview (PNG)."""
    texts = share.texts
    share.adventure.title = texts.title  # the cover is generated from it; not saved
    picture = linkcard.draw(texts.title, texts.teaser, covers.cover_of(share.adventure))
    return HttpResponse(picture, content_type="image/png")


@require_POST
@by_link
def play_on(request: HttpRequest, share: Share) -> HttpResponse:
    """Copy what the link shows into an adventure of the reader's; a visitor becomes a guest."""
    try:
        copy = shares.play_on(share, ensure_player(request))
    except LimitMet as full:
        messages.error(request, str(full))
        return redirect("shared", share.token)
    return redirect("adventure", copy.pk)
