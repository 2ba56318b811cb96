"""Known browsers: those where somebody has logged in to an account before.

Wrong passwords are limited by address, and by address and name together. A stranger who shares an
address with a player could use these limits up, so a known browser has a counter of its own. It
holds a signed cookie that names its accounts, and nothing else depends on that cookie.
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
MAX_ACCOUNTS = 8  # per browser; the oldest are dropped
MAX_TRIES, WINDOW = 10, 300  # log-in attempts, seconds


def accounts_of(request: HttpRequest) -> dict[str, str]:
    """The accounts in this browser's cookie: the id of each with the name of its counter."""
    try:
        found: dict[str, str] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LASTS
        )
    except signing.BadSignature:
        return {}
    return found


def counter_of(request: HttpRequest, login: str) -> str | None:
    """The counter of this browser's log-in attempts to an account; None for an unknown browser."""
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


def count_try(number: str) -> bool:
    """Count one more log-in attempt. False once there are more than MAX_TRIES in the window."""
    return count(tries_key(number), WINDOW) <= MAX_TRIES


def forget_tries(number: str) -> None:
    """Reset the counter of a known browser."""
    cache.delete(tries_key(number))


def tries_key(number: str) -> str:
    """The cache key of a counter."""
    return f"known_browser:{number}"


def never_locked(request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
    """For django-axes: a known browser is not locked by failures of others at its address."""
    login = login_of(credentials or {})
    return bool(login) and counter_of(request, login) is not None


def counted_name(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str:
    """For django-axes: the account's own name, so that every spelling of it counts together."""
    login = login_of(credentials or {})
    player = candidate(login) if login else None
    return (player.username if player else login).lower()


def login_of(credentials: dict[str, Any]) -> str:
    """The name or address in the credentials of a login form; "" without either."""
    return str(credentials.get("username") or credentials.get("email") or "")


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the account that is logged in to this browser's cookie, if it is not there yet."""
    player = request.user
    if not isinstance(player, Player) or player.is_guest or settings.ACCOUNTS == "single":
        return
    accounts = accounts_of(request)
    if str(player.pk) in accounts:
        return
    accounts[str(player.pk)] = secrets.token_urlsafe(16)
    newest = dict(list(accounts.items())[-MAX_ACCOUNTS:])
    response.set_cookie(
        COOKIE,
        signing.dumps(newest, salt=SALT),
        max_age=LASTS,
        path=settings.SESSION_COOKIE_PATH,
        httponly=True,
        samesite="Lax",
    )
