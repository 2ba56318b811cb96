"""What the views of an adventure share: whose it is, who asks, and which answer was asked for.

Each look-up goes through `own_adventures`: what is not yours is not there.
"""

from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404

from game.models import Adventure, Membership, Player


def own_adventures(request: HttpRequest) -> QuerySet[Adventure]:
    """The adventures of whoever asks, newest first."""
    return Adventure.objects.of(request.user)


def own_adventure(request: HttpRequest, adventure_id: UUID) -> Adventure:
    """One of them, with its head and scenario. Raises Http404."""
    found = own_adventures(request).select_related("head", "scenario")
    return get_object_or_404(found, pk=adventure_id)


def known_player(request: HttpRequest) -> Player:
    """Whoever asks. Raises Http404 for somebody who has never played: nothing is theirs."""
    if not isinstance(request.user, Player):
        raise Http404("Nobody has played in this browser.")
    return request.user


def is_owner(request: HttpRequest, adventure: Adventure) -> bool:
    """Whether whoever asks owns an adventure, and does not only take part in it."""
    return Membership.objects.filter(
        adventure=adventure, player=known_player(request), role=Membership.Role.OWNER
    ).exists()


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks, which is answered with JSON instead of a page."""
    return request.headers.get("Accept") == "application/json"


def json_errors(request: HttpRequest, form: forms.Form) -> JsonResponse | None:
    """What is wrong with a form, as JSON where that was asked for; else None."""
    if not form.errors or not wants_json(request):
        return None
    lines = [str(line) for errors in form.errors.values() for line in errors]
    return JsonResponse({"message": " ".join(lines)}, status=422)
