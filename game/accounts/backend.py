"""Who a name and a password are."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from django.http import HttpRequest

from game.models import Player


class OneLook(AuthenticationBackend):
    """Finds the player by name or e-mail address, and looks at the password once.

    allauth's own looks at the password of an address twice, of a name once, and of nobody once: how
    long the answer takes then tells which addresses have an account here. A name never holds an @
    (game.accounts.names), so that there is one candidate at most.
    """

    def _authenticate(self, request: HttpRequest | None, **credentials: Any) -> Player | None:
        login = credentials.get("username") or credentials.get("email") or ""
        found = candidate(login)
        if found is None or not found.has_usable_password():
            return None  # allauth then hashes the password all the same
        checked: Player | None = self._check_password(found, credentials.get("password") or "")
        return checked


def candidate(login: str) -> Player | None:
    """The one player whose password is looked at."""
    if "@" in login:
        players: list[Player] = filter_users_by_email(login, prefer_verified=True, for_login=True)
        if players:
            return players[0]
    named: Player | None = get_user_by_username(login)
    return named
