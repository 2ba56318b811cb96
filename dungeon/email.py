"""EMAIL_URL: where mail goes out, as Django's settings.

dj-email-url has had no release since 2022; what is needed of it is short.
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}
WANTS = "wants a mail server like smtp://user:password@mail.example:587/?from=grue@example.com"
NOWHERE: dict[str, Any] = {}
SECONDS = 10  # for the server to answer


def parse(raw: str) -> dict[str, Any]:
    """Django's settings for a mail server. Raises ValueError.

    smtp:// encrypts with STARTTLS, unless `?tls=no` says that the server is in the same network;
    smtps:// from the first byte on. The user and password of a URL are percent-encoded.
    """
    url = urlsplit(raw)
    options = {
        name: values[-1]
        for name, values in parse_qs(url.query, strict_parsing=bool(url.query)).items()
    }
    tls = options.pop("tls", "yes")
    sender = options.pop("from", "") or unquote(url.username or "")
    right = url.scheme in PORTS and url.hostname and "@" in sender and not options
    if not right or tls not in ("yes", "no") or url.path.strip("/") or "\n" in sender:
        raise ValueError
    return {
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or PORTS[url.scheme],
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_SSL": url.scheme == "smtps",
        "EMAIL_USE_TLS": url.scheme == "smtp" and tls == "yes",
        "DEFAULT_FROM_EMAIL": sender,
    }
