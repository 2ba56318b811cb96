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
    """Store a new invite. Returns it with its link's token, which is stored nowhere."""
    token = secrets.token_urlsafe(24)
    invite = Invite.objects.create(
        digest=digest(token),
        note=note[:80],
        made_by=by,
        expires=expires or timezone.now() + timedelta(days=DAYS),
    )
    return invite, token


def path(token: str) -> str:
    """The path of an invite's link."""
    return reverse("invited", args=[token])


def digest(token: str) -> str:
    """The SHA-256 of a token, which the database stores in its place."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: str) -> Invite | None:
    """The unused, unexpired invite of a token, if there is one."""
    return Invite.objects.filter(digest=digest(token), used__isnull=True, expires__gt=Now()).first()


def hold(request: HttpRequest, token: str) -> None:
    """Store an invite's token in the visitor's session until they sign up."""
    request.session[SESSION_KEY] = token


def invite_of(request: HttpRequest) -> Invite | None:
    """The invite in this session, while it can be used."""
    return find(request.session.get(SESSION_KEY, ""))


def use(request: HttpRequest, player: Player) -> None:
    """Mark the session's invite as used by the new player.

    Raises ImmediateHttpResponse (403) if it was used or has expired meanwhile: of two sign-ups at
    the same time the second fails, and its transaction is rolled back.
    """
    token = request.session.pop(SESSION_KEY, "")
    free = Invite.objects.filter(digest=digest(token), used__isnull=True, expires__gt=Now())
    if not free.update(used=Now(), used_by=player):
        # Raised inside the transaction that made the player: that is undone.
        raise ImmediateHttpResponse(render(request, "account/signup_closed.html", status=403))
