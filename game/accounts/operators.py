"""Who runs this host, and the link or code that makes somebody the operator.

An operator is an account with a password and superuser rights, never a guest. The first link works
until there is an operator; later ones are made by a command on the host and work for an hour.

With ACCOUNTS=single there are no passwords. There a browser is the operator's when it comes over
loopback, or when it gave the code that the terminal prints.
"""

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from game import ip
from game.models import OperatorLink, Player

LASTS = timedelta(hours=1)  # a link that `manage.py operator_link` makes
CODE_LETTERS = 12  # of base32: 60 bits
SESSION_KEY = "operator"
# Any of these headers means that a proxy forwarded the request; some proxies send only one of them.
FORWARDED = (
    *("FORWARDED", "VIA", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO"),
    *("X_FORWARDED_PORT", "X_FORWARDED_SERVER", "X_FORWARDED_PREFIX", "X_FORWARDED_SCHEME"),
    *("X_FORWARDED_SSL", "X_FORWARDED_BY", "X_FORWARDED", "FORWARDED_FOR", "X_ORIGINAL_HOST"),
    *("X_REAL_IP", "X_CLIENT_IP", "X_CLUSTER_CLIENT_IP", "X_ORIGINAL_FORWARDED_FOR"),
    *("TRUE_CLIENT_IP", "CF_CONNECTING_IP", "CF_RAY", "FASTLY_CLIENT_IP", "X_ENVOY_INTERNAL"),
    *("TAILSCALE_USER_LOGIN", "X_SCHEME", "FRONT_END_HTTPS", "CDN_LOOP"),
)


@dataclass(frozen=True)
class Invitation:
    """What the terminal prints: where to go, and the code to type there ("" for a link)."""

    path: str
    code: str
    expires: bool


def operator_exists() -> bool:
    """Whether there is an active superuser who is no guest."""
    return Player.objects.filter(is_superuser=True, is_active=True, is_guest=False).exists()


def invitation(*, renew: bool = False) -> Invitation | None:
    """How to become the operator; None once there is one, unless `renew` asks for a new link.

    With ACCOUNTS=single it is always a code; `renew` revokes the old one and the rights that it
    gave.
    """
    # Older versions stored the token in this file.
    Path(settings.DATA_DIR, "operator_token").unlink(missing_ok=True)
    single = settings.ACCOUNTS == "single"
    if not single and not renew and operator_exists():
        return None
    link = renew_link(expiring=not single) if renew else current_link()
    if single:
        return Invitation(reverse("operator_code"), code_of(link), expires=False)
    return Invitation(
        reverse("operator", args=[token_of(link)]), "", expires=link.expires is not None
    )


def current_link() -> OperatorLink:
    """The stored link; a new one if there is none or it has expired."""
    link, _ = OperatorLink.objects.get_or_create(pk=1, defaults={"nonce": new_nonce()})
    return renew_link(expiring=False) if expired(link) else link


def renew_link(*, expiring: bool) -> OperatorLink:
    """Replace the link, which revokes the old one. With `expiring` it works for LASTS."""
    expires = timezone.now() + LASTS if expiring else None
    link, _ = OperatorLink.objects.update_or_create(
        pk=1, defaults={"nonce": new_nonce(), "made": timezone.now(), "expires": expires}
    )
    return link


def new_nonce() -> str:
    """A random nonce of 256 bits, from which a link's token and code are derived."""
    return secrets.token_urlsafe(32)


def expired(link: OperatorLink) -> bool:
    """Whether a link can no longer be used."""
    return link.expires is not None and link.expires <= timezone.now()


def token_of(link: OperatorLink) -> str:
    """The token in a link's address."""
    digest = salted_hmac("game.operator.link", link.nonce, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def code_of(link: OperatorLink) -> str:
    """Twelve letters and digits in three groups, easy to type on a phone."""
    digest = salted_hmac("game.operator.code", link.nonce, algorithm="sha256").digest()
    letters = base64.b32encode(digest).decode()[:CODE_LETTERS]
    return "-".join(letters[at : at + 4] for at in range(0, CODE_LETTERS, 4))


def find(token: str) -> OperatorLink | None:
    """The link with this token, while it works; None with ACCOUNTS=single."""
    if settings.ACCOUNTS == "single":
        return None
    link = OperatorLink.objects.filter(pk=1).first()
    if link is None or expired(link) or (link.expires is None and operator_exists()):
        return None
    return link if constant_time_compare(token_of(link), token) else None


def promote(link: OperatorLink, player: Player) -> bool:
    """Make an account the operator and delete the link. False if another browser was first.

    Raises ValueError for a guest, and for an account without a password.
    """
    if player.is_guest or not player.has_usable_password():
        raise ValueError("an operator has a name and a password")
    with transaction.atomic():
        used, _ = OperatorLink.objects.filter(pk=1, nonce=link.nonce).delete()
        if not used:
            return False
        player.is_staff = player.is_superuser = True
        player.save()
    return True


# With ACCOUNTS=single


def is_operator_here(request: HttpRequest) -> bool:
    """Whether the only player has the operator's rights in this browser."""
    return comes_over_loopback(request) or has_entered_code(request)


def has_entered_code(request: HttpRequest) -> bool:
    """Whether this session holds the nonce of the current link: its code was entered here."""
    nonce = request.session.get(SESSION_KEY)
    if not nonce:
        return False
    link = OperatorLink.objects.filter(pk=1).first()
    return link is not None and constant_time_compare(nonce, link.nonce)


def accept_code(request: HttpRequest, typed: str) -> bool:
    """Give this session the operator's rights if the code is right, however it is spaced."""
    link = OperatorLink.objects.filter(pk=1).first()
    letters = re.sub(r"[^A-Z2-7]", "", typed.upper().replace("0", "O").replace("1", "I"))
    if link is None or not constant_time_compare(letters, code_of(link).replace("-", "")):
        return False
    request.session.cycle_key()
    request.session[SESSION_KEY] = link.nonce
    return True


def comes_over_loopback(request: HttpRequest) -> bool:
    """Whether a browser on this machine sent the request, and no proxy forwarded it.

    A reverse proxy on the same machine connects over loopback too. A working one adds a header, or
    passes on a Host that is not loopback, or has its origin in the settings, which turns
    LOOPBACK_OPERATOR off; an unconfigured nginx speaks HTTP/1.0, which no browser does.
    """
    if not settings.LOOPBACK_OPERATOR:
        return False
    if any(f"HTTP_{name}" in request.META for name in FORWARDED):
        return False
    if getattr(request, "scope", {}).get("http_version") == "1.0":
        return False
    return is_loopback(request.META.get("REMOTE_ADDR", "")) and is_loopback(
        host_name(request.META.get("HTTP_HOST", ""))
    )


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine."""
    if name.lower() == "localhost":
        return True
    try:
        return ip.parsed(name).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The name or address in a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
