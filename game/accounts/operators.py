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

LASTS = timedelta(hours=1)  # a link that was asked for by command
CODE_LETTERS = 12  # of base32: 60 bits
SESSION_KEY = "operator"
# Any of these means that somebody else passed the request on. A proxy may send one of them only.
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
    return Player.objects.filter(is_superuser=True, is_active=True, is_guest=False).exists()


def invitation(*, renew: bool = False) -> Invitation | None:
    """How to become the operator; None once there is one, unless `renew` asks for a new link.

    With ACCOUNTS=single it is always a code, and `renew` makes the old one and whoever used it
    strangers again.
    """
    # Where older versions kept the token.
    Path(settings.DATA_DIR, "operator_token").unlink(missing_ok=True)
    single = settings.ACCOUNTS == "single"
    if not single and not renew and operator_exists():
        return None
    link = renewed(expiring=not single) if renew else current()
    if single:
        return Invitation(reverse("operator_code"), code_of(link), expires=False)
    return Invitation(
        reverse("operator", args=[token_of(link)]), "", expires=link.expires is not None
    )


def current() -> OperatorLink:
    """The link as it is, made where there is none or the last has expired."""
    link, _ = OperatorLink.objects.get_or_create(pk=1, defaults={"nonce": new_nonce()})
    return renewed(expiring=False) if expired(link) else link


def renewed(*, expiring: bool) -> OperatorLink:
    expires = timezone.now() + LASTS if expiring else None
    link, _ = OperatorLink.objects.update_or_create(
        pk=1, defaults={"nonce": new_nonce(), "made": timezone.now(), "expires": expires}
    )
    return link


def new_nonce() -> str:
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
    """The link with this token, while it works."""
    if settings.ACCOUNTS == "single":
        return None
    link = OperatorLink.objects.filter(pk=1).first()
    if link is None or expired(link) or (link.expires is None and operator_exists()):
        return None
    return link if constant_time_compare(token_of(link), token) else None


def promote(link: OperatorLink, player: Player) -> bool:
    """Make an account the operator and use up the link. False when another browser was first."""
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
    return comes_over_loopback(request) or entered_code(request)


def entered_code(request: HttpRequest) -> bool:
    held = request.session.get(SESSION_KEY)
    if not held:
        return False
    link = OperatorLink.objects.filter(pk=1).first()
    return link is not None and constant_time_compare(held, link.nonce)


def accept_code(request: HttpRequest, typed: str) -> bool:
    """Give this browser the operator's rights if the code is right."""
    link = OperatorLink.objects.filter(pk=1).first()
    letters = re.sub(r"[^A-Z2-7]", "", typed.upper().replace("0", "O").replace("1", "I"))
    if link is None or not constant_time_compare(letters, code_of(link).replace("-", "")):
        return False
    request.session.cycle_key()
    request.session[SESSION_KEY] = link.nonce
    return True


def comes_over_loopback(request: HttpRequest) -> bool:
    """Whether a browser on this very machine asks, and nobody passed its request on.

    A reverse proxy on the same machine connects over loopback too. A working one adds a header, or
    keeps a Host that is not loopback's, or has its origin among the settings, which turns
    LOOPBACK_OPERATOR off; nginx without any configuration speaks HTTP/1.0, which no browser does.
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
