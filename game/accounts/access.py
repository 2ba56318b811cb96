"""Access control: who may use this host, and as which player.

The host chooses (ACCOUNTS): `open` lets guests play and anyone sign up, `invite` lets in who has an
account or an invite, `single` makes everybody who reaches the host its one player.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from allauth.account.utils import get_next_redirect_url
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from game.accounts import account_merge, confirmation, known_browsers, operators
from game.accounts.deletion import GUEST_RETENTION
from game.accounts.standing import STILL_OPEN, play_refusal
from game.guests import BACKEND
from game.models import Player

# Pages for visitors. allauth redirects who is logged in, so a guest is logged out for these.
SIGN_IN_PAGES = {
    "account_login",
    "account_signup",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_confirm_email",
    "account_email_verification_sent",
    "mfa_authenticate",
    "admin:login",
    "invited",
    "operator",
}
# Pages for everybody, whatever ACCOUNTS says.
PUBLIC_PAGES = {"healthz", "readyz", "metrics", "operator", "policy", "set_language"}
PUBLIC_PAGES |= {"manifest", "worker", "offline"}
SINGLE_PLAYER = "player"  # the name of the only player there is


class AccessMiddleware:
    """Gives each request its player, or answers it where there may be none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        known_browsers.remember(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Log in the single player, log out a guest on sign-in pages, or refuse the page.

        Returns None where the view may answer.
        """
        name = request.resolver_match.view_name if request.resolver_match else ""
        if settings.ACCOUNTS == "single" and name not in PUBLIC_PAGES:
            log_in_single_player(request, name)
        player = request.user
        if settings.ACCOUNTS == "single" and isinstance(player, Player):
            player.set_rights_for_request(operators.is_operator_here(request))
        if isinstance(player, Player) and player.is_guest and name in SIGN_IN_PAGES:
            request.guest = player  # type: ignore[attr-defined]
            request.user = AnonymousUser()
            return None
        if isinstance(player, Player):
            record_visit(player)
            return refuse_access(request, player, name)
        if settings.ACCOUNTS == "invite" and name not in SIGN_IN_PAGES | PUBLIC_PAGES:
            return redirect_to_login(request.get_full_path())
        return None


def refuse_access(request: HttpRequest, player: Player, name: str) -> HttpResponse | None:
    """The response in place of a page that the player may not see; None where they may."""
    reason = play_refusal(player)
    if reason and name not in STILL_OPEN:
        if name == "home" and player.is_guest:
            return redirect("account_home")
        return render(request, "account/suspended.html", {"reason": reason}, status=403)
    of_accounts = name.startswith(("account_", "mfa_"))
    if player.is_guest and of_accounts and name not in STILL_OPEN:
        return redirect("account_signup")
    if name.startswith("admin:") and player.is_staff and lacks_second_factor(player):
        messages.info(
            request,
            _(
                "Staff accounts need an authenticator app on this host, because anybody can "
                "sign up here."
            ),
        )
        return redirect("mfa_activate_totp")
    if settings.ACCOUNTS == "single":
        if is_for_operators_only(name) and not player.is_staff:
            return redirect_to_login(request.get_full_path(), reverse("operator_code"))
        return None
    return confirmation.require_confirmation(request, player, name)


def is_for_operators_only(name: str) -> bool:
    """Pages that only the operator may have where there is a single player."""
    return name.startswith("admin:") or name == "account_delete"


def lacks_second_factor(player: Player) -> bool:
    """Whether this member of staff has to set up an authenticator app first."""
    return settings.STAFF_NEED_TOTP and not is_mfa_enabled(player)


def redirect_logged_in(request: HttpRequest) -> HttpResponse:
    """Where a player who is logged in already goes from the login page."""
    # Not redirect(): it would take a path with a colon for the name of a page.
    return HttpResponseRedirect(get_next_redirect_url(request) or reverse("account_home"))


def record_visit(player: Player) -> None:
    """Store today as the day of the player's last visit (UTC), at most once a day."""
    today = datetime.now(UTC).date()
    if player.seen != today:
        Player.objects.filter(pk=player.pk).update(seen=today)


def log_in_single_player(request: HttpRequest, name: str) -> None:
    """Log this browser in as the only player, and merge its guest into them.

    Raises Http404 for the pages of accounts, which do not exist with ACCOUNTS=single.
    """
    if name.startswith(("account_", "mfa_")) and name not in STILL_OPEN - {"account_logout"}:
        raise Http404("There are no accounts here.")
    player = request.user
    if isinstance(player, Player) and not player.is_guest:
        return
    one = single_player()
    login(request, one, backend=BACKEND)
    if isinstance(player, Player):
        account_merge.merge_guest(player, one)


def single_player() -> Player:
    """The operator, if there is one, else the player "player", who is made on first use."""
    operator = Player.objects.filter(is_superuser=True, is_active=True).order_by("date_joined")
    found = operator.filter(is_guest=False).first()
    if found is None:
        found, made = Player.objects.get_or_create(username=SINGLE_PLAYER)
        if made:
            found.set_unusable_password()
            found.save(update_fields=["password"])
    return found


def access_context(request: HttpRequest) -> dict[str, Any]:
    """For templates: how accounts work on this host."""
    return {
        "accounts": settings.ACCOUNTS,
        "mail": bool(settings.EMAIL_URL),
        "guest_days": GUEST_RETENTION.days,
    }
