"""What the service worker keeps of ours: no story, no name, the same for everybody."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

# What the page without a network and the last adventure are made of.
SHELL = (
    "css/base.css",
    "css/hero.css",
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


def folder() -> Path:
    return Path(settings.STATICFILES_DIRS[0])


def source() -> str:
    """The service worker's code, without what it keeps."""
    return (folder() / "worker" / "worker.js").read_text()


@cache
def version() -> str:
    """Another one whenever a file of the shell is: the worker then keeps it anew."""
    known = hashlib.sha256(source().encode())
    for name in SHELL:
        known.update((folder() / name).read_bytes())
    # Its page without a network is made of these.
    for name in ("offline/offline.html", "error.html", "base.html"):
        known.update((settings.BASE_DIR / "templates" / name).read_bytes())
    return known.hexdigest()[:12]


def shell() -> list[str]:
    return [static(name) for name in SHELL]
