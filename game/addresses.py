"""Addresses in full, to be handed on."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static


def in_full(request: HttpRequest, path: str) -> str:
    """The URL of a path that has its prefix: at PUBLIC_URL, if set, or as it was asked for."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_ORIGIN + path)
    return request.build_absolute_uri(path)


def for_pages(request: HttpRequest) -> dict[str, Any]:
    """For templates: the address of the picture that others show beside a link to us."""
    return {"card_address": lambda: in_full(request, static("img/card.png"))}
