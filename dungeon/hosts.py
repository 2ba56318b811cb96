"""Which Host headers are answered, beyond the names in ALLOWED_HOSTS."""

from typing import Any
from urllib.parse import SplitResult

from django import setup
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http.request import split_domain_port

from dungeon import network


def is_allowed_address(host: str) -> bool:
    """Whether `host` is a private address, and PUBLISHED_HOST says that any of them may be ours."""
    return settings.PRIVATE_ADDRESSES_ALLOWED and network.is_private_address(host)


class Request(ASGIRequest):
    """A request that may also be addressed to a private address of the machine.

    ALLOWED_HOSTS holds names and whole addresses, not networks.
    """

    def get_host(self) -> str:
        """The Host header. Raises DisallowedHost."""
        try:
            return super().get_host()
        except DisallowedHost:
            raw = str(self.META.get("HTTP_HOST", ""))
            if is_allowed_address(split_domain_port(raw)[0]):
                return raw
            raise


class Handler(ASGIHandler):
    """Django's ASGI handler with Request as its class of requests."""

    request_class = Request


def get_application() -> ASGIHandler:
    """Django's get_asgi_application, with our requests."""
    setup(set_prefix=False)
    return Handler()


def is_same_private_origin(origin: SplitResult, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a socket's page came from the very private address that the socket asks for."""
    asked: Any = dict(headers).get(b"host", b"").decode("latin1").lower()
    return (
        origin.scheme == "http"
        and origin.netloc.lower() == asked
        and is_allowed_address(origin.hostname or "")
    )
