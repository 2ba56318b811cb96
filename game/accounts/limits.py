"""Rate limits per address and per player, for requests that cost the host something.

Counters are in the cache, on Redis: while Redis is down nothing is limited, and nobody is kept from
playing. allauth has its own limits for accounts (ACCOUNT_RATE_LIMITS). Requests from the machine
that Grue runs on are not counted by address.
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
    """A decorator that answers 429 when settings.LIMITS[action] is exceeded.

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
    """Count one request. True if it exceeds a limit of settings.LIMITS[action]."""
    if request.method == "GET" and not reads:
        return False
    for rate in settings.LIMITS[action].split(","):
        most, window, per = rate.split("/")
        whose = counted_subject(request, per)
        if whose is not None and count(f"{action}:{rate}:{whose}", SECONDS[window]) > int(most):
            return True
    return False


def too_many_of(player: Any, action: str) -> bool:
    """Count one action of a player, without a request. True if it exceeds a limit per player."""
    for rate in settings.LIMITS[action].split(","):
        most, window, per = rate.split("/")
        if per != "user":
            continue
        if count(f"{action}:{rate}:{player.pk}", SECONDS[window]) > int(most):
            return True
    return False


def counted_subject(request: HttpRequest, per: str) -> str | None:
    """Whose requests are counted together: a player's id, or an address's network.

    None for who is not counted: visitors where the limit is per player, and this machine itself.
    """
    if per == "user":
        return str(request.user.pk) if request.user.is_authenticated else None
    return None if is_here(request) else network_of(address_of(request) or "")


def count(key: str, seconds: int) -> int:
    """Count one more under a key, and return how many there are in its window.

    The window begins with the first and lasts `seconds`.
    """
    if cache.add(key, 1, seconds):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # the counter expired between the two calls
        cache.set(key, 1, seconds)
        return 1


def network_of(address: str) -> str:
    """An IPv6 address's /64 network, since one home has all of it; an IPv4 address as it is."""
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
    """The client's address, past the proxies that the host trusts; None if nobody names one."""
    return ip.plain(get_client_ip(request) or "") or None


def home_of(request: HttpRequest) -> str | None:
    """For django-axes, which stores an address: the first one of the client's network."""
    address = address_of(request)
    return network_of(address).partition("/")[0] if address else None


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """For django-axes: the answer 429, the same whether or not the account exists."""
    return render(request, "429.html", status=429)


def too_many_response(request: HttpRequest) -> HttpResponse:
    """The answer 429, as JSON or as a page."""
    if request.headers.get("Accept") == "application/json":
        message = _("Too many attempts. Try again later.")
        return JsonResponse({"message": message}, status=429)
    return render(request, "429.html", status=429)
