"""The authentication backend: finds the player of a name or address, and checks the password."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from django.http import HttpRequest

from game.models import Player


class OneLook(AuthenticationBackend):
    """Finds the player by name or e-mail address, and checks the password exactly once.

    allauth's own backend checks an address's password twice, a name's once and an unknown name's
    once, so response times would tell which addresses have an account here. A name never contains
    an @ (game.accounts.names), so there is at most one candidate.
    """

    def _authenticate(self, request: HttpRequest | None, **credentials: Any) -> Player | None:
        login = credentials.get("username") or credentials.get("email") or ""
        found = candidate(login)
        if found is None or not found.has_usable_password():
            return None  # allauth then hashes the password all the same
        checked: Player | None = self._check_password(found, credentials.get("password") or "")
        return checked


def candidate(login: str) -> Player | None:
    """The player whose password is checked: by address if `login` has an @, else by name."""
    if "@" in login:
        players: list[Player] = filter_users_by_email(login, prefer_verified=True, for_login=True)
        if players:
            return players[0]
    named: Player | None = get_user_by_username(login)
    return named
