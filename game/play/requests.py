"""Helpers of the views of an adventure: its owner, the player, and the format of the response.

Each look-up uses `own_adventures`, so another player's adventure is a 404.
"""

from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404

from game.models import Adventure, Membership, Player
from game.play.protocol import Refused

UNPROCESSABLE, TOO_MANY_REQUESTS = 422, 429


def own_adventures(request: HttpRequest) -> QuerySet[Adventure]:
    """The adventures of the player, newest first; none for a visitor."""
    return Adventure.objects.of(request.user)


def own_adventure(request: HttpRequest, adventure_id: UUID) -> Adventure:
    """One of the player's adventures, with its head and scenario. Raises Http404."""
    found = own_adventures(request).select_related("head", "scenario")
    return get_object_or_404(found, pk=adventure_id)


def require_player(request: HttpRequest) -> Player:
    """The player of the request. Raises Http404 for a visitor, who owns nothing."""
    if not isinstance(request.user, Player):
        raise Http404("Nobody has played in this browser.")
    return request.user


def is_owner(request: HttpRequest, adventure: Adventure) -> bool:
    """Whether the player owns the adventure, and is not only a member."""
    return Membership.objects.filter(
        adventure=adventure, player=require_player(request), role=Membership.Role.OWNER
    ).exists()


def wants_json(request: HttpRequest) -> bool:
    """Whether the request accepts JSON in place of a page."""
    return request.headers.get("Accept") == "application/json"


def json_errors(
    request: HttpRequest, form: forms.Form, status: int = UNPROCESSABLE
) -> JsonResponse | None:
    """The errors of a form as JSON, if the request accepts it and there are any; else None."""
    if not form.errors or not wants_json(request):
        return None
    messages = [str(message) for errors in form.errors.values() for message in errors]
    return JsonResponse({"message": " ".join(messages)}, status=status)


def status_of(refused: Refused) -> int:
    """The HTTP status of the answer to something that was refused."""
    return TOO_MANY_REQUESTS if refused.code == "too_many" else UNPROCESSABLE


def refusal_response(refused: Refused) -> JsonResponse:
    """The answer to something that was refused, as JSON."""
    return JsonResponse({"message": refused.message}, status=status_of(refused))
