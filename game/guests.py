"""Guests: players made when they begin an adventure, not when they look around."""

import uuid

from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth import login
from django.http import HttpRequest

from game.accounts.limits import too_many, too_many_response
from game.models import Player

BACKEND = "django.contrib.auth.backends.ModelBackend"


def ensure_player(request: HttpRequest) -> Player:
    """Who plays in this browser. A visitor becomes a guest, kept by the session's cookie.

    Where too many guests come from one address, the answer is that it is too often.
    """
    if isinstance(request.user, Player):
        return request.user
    if too_many(request, "guest"):
        raise ImmediateHttpResponse(too_many_response(request))
    guest = Player(username=f"guest-{uuid.uuid4().hex}", is_guest=True)
    guest.set_unusable_password()
    guest.save()
    login(request, guest, backend=BACKEND)
    return guest
