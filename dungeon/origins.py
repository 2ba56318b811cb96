"""Which pages may send requests and open sockets, and hints where a setting for them is missing.

A proxy in front hides what browsers see: the address, the scheme, the client. Where a setting is
missing, something fails far away from it, so the page says what is wrong, and the log names the
setting, once for each address.
"""

import logging
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.request import split_domain_port
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.defaults import bad_request as plain_bad_request

from dungeon import environment, hosts

logger = logging.getLogger(__name__)

MAX_LOGGED = 50  # lines of a kind: whoever invents addresses must not fill the log
logged: dict[str, set[str]] = {}


def log_once(kind: str, about: str, message: str, *arguments: str) -> None:
    """Log a warning unless one of this kind was logged for `about` before."""
    seen = logged.setdefault(kind, set())
    if about in seen or len(seen) >= MAX_LOGGED:
        return
    seen.add(about)
    logger.warning(message, *arguments)


def is_trusted(origin: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether pages of this origin may open sockets. `headers` are those of a request of theirs."""
    try:
        found = urlsplit(origin)
        if hosts.is_same_private_origin(found, headers):
            return True
        return bool(OriginValidator(None, settings.ALLOWED_ORIGINS).valid_origin(found))
    except ValueError:  # brackets that do not close, a port that is no number
        return False


def note_untrusted(origin: str) -> None:
    """Log that pages of this origin were refused, and which setting would let them in."""
    try:
        origin = environment.origin_of(origin)
    except ValueError:  # `null`, or nothing that a browser calls an origin: no setting is missing
        return
    log_once(
        "origin",
        origin,
        "pages at %s were refused: this address is not trusted. If it is one of this server's, set "
        "PUBLIC_URL=%s (or add it to CSRF_TRUSTED_ORIGINS)",
        origin,
        origin,
    )


@never_cache
@require_safe
def socket(request: HttpRequest, whose: UUID) -> HttpResponse:
    """Answers plain HTTP requests to a socket's address.

    A page that cannot open its socket asks here why; `?origin=` is its own. A socket request whose
    Upgrade header a proxy left out ends here too.
    """
    if "Sec-WebSocket-Key" in request.headers:
        log_once(
            "upgrade",
            "",
            "a socket came without its Upgrade header: the proxy before this server must pass "
            "WebSockets on (docs/operations.md, Behind a proxy)",
        )
        return HttpResponse("WebSockets do not get through.", status=426, content_type="text/plain")
    host = request.headers.get("Host", "").encode("latin1", "replace")
    trusted = is_trusted(request.GET.get("origin", ""), [(b"host", host)])
    return JsonResponse({"trusted": trusted})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form: because of its page's origin, or of its token."""
    if not reason.startswith("Origin checking failed"):
        return render(request, "403_csrf.html", status=403)
    note_untrusted(request.headers.get("Origin", ""))
    return render(request, "403_untrusted.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400. For an unknown host name the page says what to do; Django logs the setting."""
    if not isinstance(exception, DisallowedHost):
        return plain_bad_request(request, exception)
    raw = request.META.get("HTTP_HOST", "")
    name = (split_domain_port(raw)[0] or raw)[:100]  # without the port, as ALLOWED_HOSTS has it
    # Without the request: its pages ask for the name, which is what was refused.
    return HttpResponse(render_to_string("400.html", {"name": name}), status=400)


class ProxyHintsMiddleware:
    """Logs when there is a proxy without a setting for it, or a setting without its proxy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded = "X-Forwarded-For" in request.headers
        if forwarded and not settings.TRUSTED_PROXIES:
            log_once(
                "proxies",
                "",
                "requests come through a proxy (X-Forwarded-For), and TRUSTED_PROXIES is 0: all "
                "players count as one address in every limit. Set PUBLIC_URL, or TRUSTED_PROXIES=1",
            )
        schemeless = forwarded and "X-Forwarded-Proto" not in request.headers
        if schemeless and settings.SECURE_PROXY_SSL_HEADER:
            log_once(
                "scheme",
                "",
                "an https address is set, and the proxy does not send X-Forwarded-Proto: pages "
                "count as plain http, and cookies are not kept to https (docs/operations.md, "
                "Behind a proxy)",
            )
        return self.get_response(request)
