"""The web app manifest, the service worker, and the page that it shows without a network."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from game.models import Player
from game.offline import files

PAGE = "#14110d"  # background of the theme "night"
ICONS = (
    ("img/grue.svg", "any", "image/svg+xml", "any"),
    ("img/icon-192.png", "192x192", "image/png", "any"),
    ("img/icon-512.png", "512x512", "image/png", "any"),
    ("img/maskable-512.png", "512x512", "image/png", "maskable"),
)


@require_safe
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> JsonResponse:
    """The web app manifest, in the language of the request."""
    icons = [
        {"src": static(name), "sizes": sizes, "type": kind, "purpose": purpose}
        for name, sizes, kind, purpose in ICONS
    ]
    return JsonResponse(
        {
            "id": reverse("home"),
            "name": "Grue",
            "short_name": "Grue",
            "description": _("A text adventure that you play in your own words."),
            "lang": get_language(),
            "start_url": reverse("home"),
            "scope": reverse("home"),
            "display": "standalone",
            "background_color": PAGE,
            "theme_color": PAGE,
            "categories": ["games", "entertainment"],
            "icons": icons,
            "shortcuts": [
                {"name": _("Your adventures"), "url": reverse("adventures")},
                {"name": _("Scenarios"), "url": reverse("scenarios")},
            ],
        },
        content_type="application/manifest+json",
    )


@never_cache
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker's code with its configuration: version and URLs of what it caches."""
    config = {
        "version": files.version(),
        "shell": files.shell(),
        "offline": reverse("offline"),
        "base": reverse("home"),
    }
    code = f"const KEPT = {json.dumps(config)};\n{files.source()}"
    return HttpResponse(code, content_type="text/javascript; charset=utf-8")


@require_safe
@never_cache
def offline(request: HttpRequest) -> HttpResponse:
    """The page shown without a network. It is cached by every browser, so it names no player."""
    return HttpResponse(render_to_string("offline/offline.html"))


def player_tag(request: HttpRequest) -> dict[str, Any]:
    """Template context: a keyed digest of the player's id, "" for visitors.

    A browser deletes its offline copy of a story when the tag has changed.
    """

    def tag() -> str:
        user = getattr(request, "user", None)
        if not isinstance(user, Player):
            return ""
        return salted_hmac("game.offline", str(user.pk)).hexdigest()[:16]

    return {"player_tag": tag}
