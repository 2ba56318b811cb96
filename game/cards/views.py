"""The pages of an adventure's cards, which answer in JSON if the request accepts it.

Each look-up uses `own_cards`, so another player's card is a 404.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from game.accounts.limits import limited
from game.cards import cards
from game.cards.card_import import CardImportError, read_cards
from game.cards.forms import CardForm, initial_of
from game.library import trash
from game.models import Adventure, StoryCard
from game.play import search
from game.play.protocol import Refused
from game.play.requests import json_errors, own_adventure, require_player, wants_json

CARDS_PER_PAGE = 100
LONGEST_IMPORT = 2 * 1024 * 1024  # bytes


def own_cards(request: HttpRequest) -> QuerySet[StoryCard]:
    """The visible cards in the player's own adventures."""
    return StoryCard.objects.of(request.user).select_related("adventure")


def card_of(request: HttpRequest, adventure_id: UUID, card_id: UUID) -> StoryCard:
    """A card of the player's own adventure. Raises Http404."""
    return get_object_or_404(own_cards(request), pk=card_id, adventure=adventure_id)


def card_data(card: StoryCard) -> dict[str, Any]:
    """A card's fields in JSON and exports."""
    return {
        "id": str(card.pk),
        "title": card.title,
        "keys": card.keys,
        "text": card.text,
        "pinned": card.pinned,
        "options": card.options,
    }


@never_cache
def list_cards(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """On GET the cards, pinned ones first, searched with `?q=`; on POST add a card."""
    adventure = own_adventure(request, adventure_id)
    if request.method != "POST":
        return render_cards(request, adventure, CardForm(label_suffix=""))
    form = CardForm(request.POST, label_suffix="")
    if form.is_valid():
        try:
            added = cards.add_card(adventure.pk, require_player(request), form.card)
        except (cards.TooManyCards, Refused) as full:
            form.add_error(None, str(full))
        else:
            return respond(request, adventure, _("Card added."), card_data(added), 201)
    return json_errors(request, form) or render_cards(request, adventure, form, 422)


@never_cache
def card(request: HttpRequest, adventure_id: UUID, card_id: UUID) -> HttpResponse:
    """One card: its form on GET, its new fields on POST."""
    found = card_of(request, adventure_id, card_id)
    if request.method != "POST":
        if wants_json(request):
            return JsonResponse(card_data(found))
        form = CardForm(initial=initial_of(found), label_suffix="")
    else:
        form = CardForm(request.POST, label_suffix="", given=found.options)
        if form.is_valid():
            try:
                edited = cards.edit_card(found, require_player(request), form.card)
                return respond(request, found.adventure, _("Card saved."), card_data(edited))
            except (cards.TooManyCards, Refused) as refused:
                form.add_error(None, str(refused))
    return json_errors(request, form) or render(
        request,
        "adventures/card.html",
        {"adventure": found.adventure, "card": found, "form": form},
        status=422 if form.errors else 200,
    )


@require_POST
def reveal(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Make every hidden card visible. Raises PermissionDenied for all but the owner."""
    adventure = own_adventure(request, adventure_id)
    cards.reveal_all(adventure.pk, require_player(request))
    return respond(request, adventure, _("All cards are shown."), {"hidden": 0})


@require_POST
def pin(request: HttpRequest, adventure_id: UUID, card_id: UUID) -> HttpResponse:
    """Pin (`pinned=on`) or unpin a card."""
    found = card_of(request, adventure_id, card_id)
    pinned = request.POST.get("pinned") == "on"
    if not pinned and not found.keys:
        form = CardForm({"text": found.text})
        form.is_valid()
        adventure = own_adventure(request, adventure_id)
        return json_errors(request, form) or render_cards(request, adventure, form, 422)
    cards.pin_card(found, require_player(request), pinned)
    message = (
        _("Card pinned: the narrator always sees it.")
        if pinned
        else _("Card unpinned: the narrator sees it when one of its keys is mentioned.")
    )
    return respond(request, found.adventure, message, card_data(found))


@require_POST
def delete(request: HttpRequest, adventure_id: UUID, card_id: UUID) -> HttpResponse:
    """Delete a card; it can be restored for a while."""
    found = card_of(request, adventure_id, card_id)
    cards.delete_card(found, require_player(request))
    url = reverse("restore_card", args=[adventure_id, card_id])
    if wants_json(request):
        return JsonResponse({"deleted": str(card_id), "restore": url})
    trash.announce_with_undo(request, trash.deleted_message(found.title), url)
    return redirect("cards", adventure_id)


@require_POST
def restore(request: HttpRequest, adventure_id: UUID, card_id: UUID) -> HttpResponse:
    """Restore a deleted card, unless the adventure has too many cards by now."""
    adventure = own_adventure(request, adventure_id)
    found = get_object_or_404(cards.deleted_in(adventure), pk=card_id)
    try:
        cards.restore_card(found, require_player(request))
    except cards.TooManyCards as full:
        if wants_json(request):
            return JsonResponse({"message": str(full)}, status=422)
        messages.error(request, str(full))
        return redirect("cards", adventure_id)
    return respond(request, adventure, trash.restored_message(found.title), card_data(found))


@require_POST
@limited("import")
def import_cards(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Import cards from a file (`file`) or a text (`list`)."""
    adventure = own_adventure(request, adventure_id)
    form = forms.Form(request.POST)
    try:
        imported = read_cards(imported_file(request))
        added = cards.import_cards(adventure.pk, require_player(request), imported)
    except (CardImportError, Refused) as wrong:
        form.add_error(None, str(wrong))
        return json_errors(request, form) or render_cards(request, adventure, form, 422)
    message = _("Cards added: %(count)s.") % {"count": f"{added:,}"}
    if not wants_json(request):
        for problem in imported.problems[:20]:
            messages.warning(request, problem)
    return respond(
        request, adventure, message, {"added": added, "problems": imported.problems[:200]}
    )


def imported_file(request: HttpRequest) -> bytes:
    """The content that was sent. Raises CardImportError if it is too large."""
    file = request.FILES.get("file")
    if file is None:
        return request.POST.get("list", "").encode()
    if (file.size or 0) > LONGEST_IMPORT:
        raise CardImportError(
            _("That file is larger than %(size)s MiB.") % {"size": LONGEST_IMPORT // 1024 // 1024}
        )
    return bytes(file.read())


# Responses


def render_cards(
    request: HttpRequest, adventure: Adventure, form: forms.Form, status: int = 200
) -> HttpResponse:
    """The cards as a page, as a part of one (`?part`), or as JSON."""
    q = " ".join(request.GET.get("q", "").replace("\0", "").split())[:100]
    found = adventure.cards.seen().order_by("-pinned", "title", "pk")
    for word in q.split():
        found = found.filter(
            Q(title__icontains=word) | Q(text__icontains=word) | Q(keys__icontains=word)
        )
    page = Paginator(found, CARDS_PER_PAGE).get_page(request.GET.get("page"))
    cards_with_matches = [
        (each, search.passage(each.text, [q, *q.split()]) if q else None)
        for each in page.object_list
    ]
    if wants_json(request):
        return JsonResponse(
            {
                "cards": [card_data(each) for each in page.object_list],
                "found": page.paginator.count,
                "limit": cards.MOST_CARDS,
                "hidden": adventure.cards.filter(hidden=True).count(),
                "next": page.next_page_number() if page.has_next() else None,
            }
        )
    template = "adventures/cards_part.html" if "part" in request.GET else "adventures/cards.html"
    deleted = [
        trash.Deleted(
            each.title, each.deleted, reverse("restore_card", args=[adventure.pk, each.pk])
        )
        for each in cards.deleted_in(adventure)
        if each.deleted is not None
    ]
    context = {
        "adventure": adventure,
        "page": page,
        "cards": cards_with_matches,
        "q": q,
        "hidden": adventure.cards.filter(hidden=True).count(),
        "form": form,
        "deleted": deleted,
        "hours": trash.HOURS,
    }
    return render(request, template, context, status=status)


def respond(
    request: HttpRequest, adventure: Adventure | None, message: str, content: Any, status: int = 200
) -> HttpResponse:
    """The response to a change: `content` as JSON, or a redirect to the cards with a message."""
    assert adventure is not None
    if wants_json(request):
        return JsonResponse(content, status=status)
    messages.success(request, message)
    return redirect("cards", adventure.pk)
