"""Invites: one link, one account."""

import hashlib
import secrets
from datetime import datetime, timedelta

from allauth.core.exceptions import ImmediateHttpResponse
from django.db.models.functions import Now
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from game.models import Invite, Player

SESSION_KEY = "invite"
DAYS = 14


def make(
    note: str = "", by: Player | None = None, expires: datetime | None = None
) -> tuple[Invite, str]:
    """A new invite, and the token of its link, which nobody will see again."""
    token = secrets.token_urlsafe(24)
    invite = Invite.objects.create(
        digest=digest(token),
        note=note[:80],
        made_by=by,
        expires=expires or timezone.now() + timedelta(days=DAYS),
    )
    return invite, token


def path(token: str) -> str:
    return reverse("invited", args=[token])


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: str) -> Invite | None:
    """The invite of a link, while it can be used."""
    return Invite.objects.filter(digest=digest(token), used__isnull=True, expires__gt=Now()).first()


def hold(request: HttpRequest, token: str) -> None:
    """Keep an invite in the visitor's session until they sign up."""
    request.session[SESSION_KEY] = token


def held_by(request: HttpRequest) -> Invite | None:
    return find(request.session.get(SESSION_KEY, ""))


def use(request: HttpRequest, player: Player) -> None:
    """Spend the visitor's invite on a new player. Of two at once, the second finds it used."""
    token = request.session.pop(SESSION_KEY, "")
    free = Invite.objects.filter(digest=digest(token), used__isnull=True, expires__gt=Now())
    if not free.update(used=Now(), used_by=player):
        # Raised inside the transaction that made the player: that is undone.
        raise ImmediateHttpResponse(render(request, "account/signup_closed.html", status=403))
