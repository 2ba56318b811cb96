"""The files that the service worker caches for everybody: no story and no name is in them."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

# The static files of the offline page and of the last adventure.
SHELL = (
    "css/base.css",
    "css/panel.css",
    "css/story.css",
    "js/aloud.js",
    "js/i18n.js",
    "js/library/hooks.js",
    "js/looks.js",
    "js/offline.js",
    "js/prose.js",
    "js/read.js",
    "js/serviceworker.js",
    "img/grue.svg",
)


def static_folder() -> Path:
    """The folder with the source of the static files."""
    return Path(settings.STATICFILES_DIRS[0])


def source() -> str:
    """The service worker's code, without its configuration."""
    return (static_folder() / "worker" / "worker.js").read_text()


@cache
def version() -> str:
    """A digest of the cached files and templates; when it changes, browsers cache them again."""
    digest = hashlib.sha256(source().encode())
    for name in SHELL:
        digest.update((static_folder() / name).read_bytes())
    # The templates of the offline page.
    for name in ("offline/offline.html", "error.html", "base.html"):
        digest.update((settings.BASE_DIR / "templates" / name).read_bytes())
    return digest.hexdigest()[:12]


def shell() -> list[str]:
    """The URLs of the cached static files."""
    return [static(name) for name in SHELL]
