"""Guests: players without an account, made when a visitor begins an adventure."""

import uuid

from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth import login
from django.http import HttpRequest

from game.accounts.limits import too_many, too_many_response
from game.models import Player

BACKEND = "django.contrib.auth.backends.ModelBackend"


def ensure_player(request: HttpRequest) -> Player:
    """The player of this browser. A visitor becomes a guest, who lives in the session.

    Raises ImmediateHttpResponse (429) if too many guests were made from one address.
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
