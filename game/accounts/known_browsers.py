"""Known browsers: those where somebody has logged in to an account before.

Wrong passwords are limited by address, and by address and name together. Strangers who try names at
an address that they share with a player would use these limits up, so a known browser is counted by
itself. It holds a signed cookie that names its accounts, and nothing else depends on that cookie.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from game.accounts.backend import candidate
from game.accounts.limits import count
from game.models import Player

COOKIE = "known_browser"
SALT = "game.known-browser"
LASTS = 2 * 365 * 24 * 3600  # seconds
ACCOUNTS = 8  # that one browser remembers; of more, the oldest go
TRIES, WINDOW = 10, 300  # wrong passwords in so many seconds


def accounts_of(request: HttpRequest) -> dict[str, str]:
    """The accounts that this browser has logged in to, each with the number it is counted by."""
    try:
        found: dict[str, str] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LASTS
        )
    except signing.BadSignature:
        return {}
    return found


def known_as(request: HttpRequest, login: str) -> str | None:
    """The number that this browser's tries for an account are counted by; None for a stranger."""
    here = request.user.pk if isinstance(request.user, Player) else None
    accounts = accounts_of(request)
    if not accounts and here is None:
        return None
    player = candidate(login)
    if player is None:
        return None
    if str(player.pk) in accounts:
        return accounts[str(player.pk)]
    return f"session-{here}" if player.pk == here else None


def may_try(number: str) -> bool:
    """Count one more try of a known browser. Whether it was one too many of its own."""
    return count(tries_key(number), WINDOW) <= TRIES


def forget_tries(number: str) -> None:
    """Reset the count of wrong passwords of a known browser."""
    cache.delete(tries_key(number))


def tries_key(number: str) -> str:
    """The cache's key of that count."""
    return f"known_browser:{number}"


def never_locked(request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
    """For django-axes: a known browser is not kept out by what others did at its address."""
    login = login_of(credentials or {})
    return bool(login) and known_as(request, login) is not None


def counted_name(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str:
    """For django-axes: one account is one name, however it is spelled."""
    login = login_of(credentials or {})
    player = candidate(login) if login else None
    return (player.username if player else login).lower()


def login_of(credentials: dict[str, Any]) -> str:
    """The name or address in a login form's data."""
    return str(credentials.get("username") or credentials.get("email") or "")


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Make this browser known to the account that is logged in, where it is not yet."""
    player = request.user
    if not isinstance(player, Player) or player.is_guest or settings.ACCOUNTS == "single":
        return
    accounts = accounts_of(request)
    if str(player.pk) in accounts:
        return
    accounts[str(player.pk)] = secrets.token_urlsafe(16)
    kept = dict(list(accounts.items())[-ACCOUNTS:])
    response.set_cookie(
        COOKIE,
        signing.dumps(kept, salt=SALT),
        max_age=LASTS,
        path=settings.SESSION_COOKIE_PATH,
        httponly=True,
        samesite="Lax",
    )
