"""Absolute URLs, for links that leave this host."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static


def in_full(request: HttpRequest, path: str) -> str:
    """The absolute URL of a path: at PUBLIC_URL if it is set, else at the request's host."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_ORIGIN + path)
    return request.build_absolute_uri(path)


def for_pages(request: HttpRequest) -> dict[str, Any]:
    """Template context: the URL of the preview picture that other sites show beside our links."""
    return {"card_address": lambda: in_full(request, static("img/card.png"))}
