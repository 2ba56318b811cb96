"""Helpers of the views of an adventure: who may ask, the player, and the format of the response.

Each look-up uses one of these, so the adventure of somebody else is a 404. What only the owner may
see or do is a 403 for other members, who know that the adventure is there.
"""

from collections.abc import Sequence
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from game.models import Adventure, Membership, Player
from game.play.protocol import Refused

UNPROCESSABLE, TOO_MANY_REQUESTS = 422, 429


def readable_adventures(request: HttpRequest) -> QuerySet[Adventure]:
    """The adventures that the player is a member of, newest first; none for a visitor.

    Each has the player's role as `members_role`.
    """
    found = Adventure.objects.readable_by(request.user)
    return found.annotate(members_role=F("membership__role"))


def own_adventure(request: HttpRequest, adventure_id: UUID) -> Adventure:
    """An adventure that the player owns, with its head and scenario.

    Raises Http404, and PermissionDenied for its other members.
    """
    return adventure_for(request, adventure_id, [Membership.Role.OWNER])


def playable_adventure(request: HttpRequest, adventure_id: UUID) -> Adventure:
    """An adventure in which the player acts, as owner or player.

    Raises Http404, and PermissionDenied for its spectators.
    """
    return adventure_for(request, adventure_id, Membership.ACTING)


def readable_adventure(request: HttpRequest, adventure_id: UUID) -> Adventure:
    """An adventure whose story the player may read, in any role. Raises Http404."""
    return adventure_for(request, adventure_id, list(Membership.Role))


def adventure_for(
    request: HttpRequest, adventure_id: UUID, roles: Sequence[Membership.Role]
) -> Adventure:
    """An adventure of which the player is a member in one of these roles.

    Raises Http404 for everybody else, and PermissionDenied for members in another role.
    """
    readable = readable_adventures(request).select_related("head", "scenario")
    found = get_object_or_404(readable, pk=adventure_id)
    if vars(found)["members_role"] not in roles:
        raise PermissionDenied(_("Only the owner of this adventure can do this."))
    return found


def require_player(request: HttpRequest) -> Player:
    """The player of the request. Raises Http404 for a visitor, who owns nothing."""
    if not isinstance(request.user, Player):
        raise Http404("Nobody has played in this browser.")
    return request.user


def role_of(request: HttpRequest, adventure: Adventure) -> str:
    """The player's role in the adventure; "" for who is no member."""
    theirs = Membership.objects.filter(adventure=adventure, player=require_player(request))
    return theirs.values_list("role", flat=True).first() or ""


def is_owner(request: HttpRequest, adventure: Adventure) -> bool:
    """Whether the player owns the adventure, and is not only a member."""
    return role_of(request, adventure) == Membership.Role.OWNER


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
