"""The manifest, the service worker, and the page that it shows where there is no network."""

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

PAGE = "#14110d"  # of the theme night
ICONS = (
    ("img/grue.svg", "any", "image/svg+xml", "any"),
    ("img/icon-192.png", "192x192", "image/png", "any"),
    ("img/icon-512.png", "512x512", "image/png", "any"),
    ("img/maskable-512.png", "512x512", "image/png", "maskable"),
)


@require_safe
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> JsonResponse:
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
    """static/worker/worker.js, with what it keeps and under which name."""
    kept = {
        "version": files.version(),
        "shell": files.shell(),
        "offline": reverse("offline"),
        "base": reverse("home"),
    }
    code = f"const KEPT = {json.dumps(kept)};\n{files.source()}"
    return HttpResponse(code, content_type="text/javascript; charset=utf-8")


@require_safe
@never_cache
def offline(request: HttpRequest) -> HttpResponse:
    """Kept by every browser: whoever asks, nothing in it is theirs."""
    return HttpResponse(render_to_string("offline/offline.html"))


def player_tag(request: HttpRequest) -> dict[str, Any]:
    """For templates: a word for whoever is signed in that tells nobody who it is.

    What a browser keeps of a story is theirs alone; with another word, or none, it is let go.
    """

    def tag() -> str:
        user = getattr(request, "user", None)
        if not isinstance(user, Player):
            return ""
        return salted_hmac("game.offline", str(user.pk)).hexdigest()[:16]

    return {"player_tag": tag}
