"""How often one may do what costs the host something: per address, and per player.

Counted in the cache, on Redis: while that is away nothing is, and nobody is kept from playing.
allauth counts by itself what has to do with accounts (ACCOUNT_RATE_LIMITS). Whoever sits at the
machine itself is not counted by address.
"""

import ipaddress
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from game import ip

SECONDS = {"m": 60, "h": 3600, "d": 86400}
View = Callable[..., HttpResponseBase]


def limited(action: str, *, reads: bool = False) -> Callable[[View], View]:
    """Refuse with 429 what comes more often than settings.LIMITS[action] says.

    With `reads` a GET counts as well.
    """

    def decorator(view: View) -> View:
        @wraps(view)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if too_many(request, action, reads=reads):
                return too_many_response(request)
            return view(request, *args, **kwargs)

        return counted

    return decorator


def too_many(request: HttpRequest, action: str, *, reads: bool = False) -> bool:
    """Count one more. Whether that was one too many."""
    if request.method == "GET" and not reads:
        return False
    for rate in settings.LIMITS[action].split(","):
        most, window, per = rate.split("/")
        whose = counted_as(request, per)
        if whose is not None and count(f"{action}:{rate}:{whose}", SECONDS[window]) > int(most):
            return True
    return False


def too_many_of(player: Any, action: str) -> bool:
    """Count one more of a player's, where no request says so. Whether that was one too many."""
    for rate in settings.LIMITS[action].split(","):
        most, window, per = rate.split("/")
        if per != "user":
            continue
        if count(f"{action}:{rate}:{player.pk}", SECONDS[window]) > int(most):
            return True
    return False


def counted_as(request: HttpRequest, per: str) -> str | None:
    if per == "user":
        return str(request.user.pk) if request.user.is_authenticated else None
    return None if is_here(request) else network_of(address_of(request) or "")


def count(key: str, seconds: int) -> int:
    """How many there were in this window, this one included. It begins with its first."""
    if cache.add(key, 1, seconds):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # it ended between the two
        cache.set(key, 1, seconds)
        return 1


def network_of(address: str) -> str:
    """A home has a whole /64 of IPv6 addresses, and is one all the same."""
    try:
        found = ip.parsed(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


def is_here(request: HttpRequest) -> bool:
    """Whether the request comes from the machine that Grue runs on."""
    try:
        return ip.parsed(address_of(request) or "").is_loopback
    except ValueError:
        return False


def address_of(request: HttpRequest) -> str | None:
    """Whence a request comes, past the proxies that the host trusts. None where nobody says so."""
    return ip.plain(get_client_ip(request) or "") or None


def home_of(request: HttpRequest) -> str | None:
    """For django-axes, which keeps an address: the first one of a home's network."""
    address = address_of(request)
    return network_of(address).partition("/")[0] if address else None


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """django-axes' answer, which says nothing of whether there is such an account."""
    return render(request, "429.html", status=429)


def too_many_response(request: HttpRequest) -> HttpResponse:
    """The answer 429, as JSON or as a page."""
    if request.headers.get("Accept") == "application/json":
        message = _("Too many attempts. Try again later.")
        return JsonResponse({"message": message}, status=429)
    return render(request, "429.html", status=429)
