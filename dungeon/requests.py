"""An id for each request, one log line for its answer, and limits on bodies and probes.

The log line has the route and not the path: paths contain the tokens of links.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port
from django.shortcuts import render
from django.utils.translation import gettext as _

from dungeon import network
from game import ip
from inference import tracing
from inference.log_context import about

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
FITS = re.compile(r"[A-Za-z0-9._-]{1,64}")
PROBES = {"healthz", "readyz", "metrics"}  # every few seconds, by machines


class RequestNameMiddleware:
    """Takes the request's id from X-Request-ID, or makes one, and returns it in the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        name = given if FITS.fullmatch(given) else uuid.uuid4().hex
        began = time.monotonic()
        method = request.method or ""
        with about(request=name), tracing.span(f"HTTP {method}", request=name) as span:
            response = self.get_response(request)
            match = request.resolver_match
            if match is not None:
                route, seconds = match.view_name, time.monotonic() - began
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", response.status_code)
                named = {"method": method, "route": route, "status": response.status_code}
                if "adventure_id" in match.kwargs:
                    named["adventure"] = match.kwargs["adventure_id"]
                logger.log(
                    logging.DEBUG if route in PROBES else logging.INFO,
                    "%s %s: %s in %.0f ms",
                    method,
                    route,
                    response.status_code,
                    seconds * 1000,
                    extra={**named, "seconds": round(seconds, 4)},
                )
        response.headers[HEADER] = name
        return response


class BodyLimitMiddleware:
    """Answers a request whose body the server did not read: it was over settings.BODY_LIMITS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = getattr(request, "scope", {}).get("body_refused")
        if most is None:
            return self.get_response(request)
        logger.info("%s: refused, with a body of more than %d bytes", request.method, most)
        size = most // 1024
        if request.headers.get("Accept") == "application/json":
            said = _("That is too much at once: at most %(size)d KiB can be sent here.")
            return JsonResponse({"message": said % {"size": size}}, status=413)
        return render(request, "413.html", {"size": size}, status=413)


class ProbeMiddleware:
    """Lets Prometheus and Kubernetes request PROBES by address, as they know no host name.

    Django answers a Host that is not in ALLOWED_HOSTS with 400, before any view. Here a literal
    address is accepted, if it is one of this machine or of a private network, as a pod's is. A name
    is not: a foreign page could point one at this server (DNS rebinding) and read the answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = request.path_info.strip("/") in PROBES and settings.ALLOWED_HOSTS
        if probe and is_asked_by_address(request):
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].removeprefix(".")
        return self.get_response(request)


def is_asked_by_address(request: HttpRequest) -> bool:
    """Whether a request names no host, or an address that may well be this machine's."""
    host = split_domain_port(request.META.get("HTTP_HOST", ""))[0].strip("[]")
    if not host:
        return "HTTP_HOST" not in request.META
    local = network.is_loopback(host) or network.is_private_address(host)
    return local or ip.plain(host) in network.lan_addresses()
