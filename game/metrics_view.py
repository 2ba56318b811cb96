"""`GET /metrics`, for a Prometheus that has the token or is on a private network."""

import hmac
import ipaddress
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from game import ip, metrics

# Not `is_private`, which includes all unrouted addresses, also those for documentation.
PRIVATE = [
    ipaddress.ip_network(each)
    for each in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]


@never_cache
@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """This process' metrics in Prometheus' text format; 404 for those who may not read them."""
    if not may_read(request):
        raise Http404("No metrics for you.")
    register_metrics()
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """Whether the caller sent METRICS_TOKEN; without a token, whether it is on a private network.

    A request that a proxy forwarded may come from anywhere, whatever the proxy's address is.
    """
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "Via")):
        return False
    try:
        caller = ip.parsed(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(caller in network for network in PRIVATE)


@cache
def register_metrics() -> None:
    """Register the game's metrics, once in a process."""
    metrics.register()
