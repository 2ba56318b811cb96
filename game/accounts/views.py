"""Pages of a player's account; log-in and sign-up, where a guest counts as logged out."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import views as allauth_views
from allauth.account.decorators import reauthentication_required
from allauth.core.internal import ratelimit
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from game.accounts import access, deletion, invites, known_browsers
from game.accounts.data import export_of, file_name
from game.accounts.limits import limited
from game.play.requests import require_player


@sensitive_post_parameters()
def log_in(request: HttpRequest) -> HttpResponseBase:
    """The login page; a player who is logged in is redirected."""
    if request.user.is_authenticated:
        return access.redirect_logged_in(request)
    if known_browsers.counter_of(request, request.POST.get("login", "")) is None:
        too_many: HttpResponseBase | None = ratelimit.consume_or_429(
            request, app="allauth.account", action="login_page"
        )
        if too_many is not None:
            return too_many
    answer: HttpResponseBase = allauth_views.login(request)
    return answer


@sensitive_post_parameters()
def sign_up(request: HttpRequest) -> HttpResponseBase:
    """The sign-up page; a player who is logged in is redirected."""
    if request.user.is_authenticated:
        return access.redirect_logged_in(request)
    answer: HttpResponseBase = allauth_views.signup(request)
    return answer


def by_mail(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page that sends e-mail; where the host cannot, it says what to do instead."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.EMAIL_URL:
            return render(request, "account/no_mail.html", status=404)
        return view(request, *args, **kwargs)

    return page


@never_cache
def invited(request: HttpRequest, token: str) -> HttpResponse:
    """An invite's link. The token moves to the session, so that no later address contains it."""
    if settings.ACCOUNTS == "single" or invites.find(token) is None:
        return render(request, "account/invite_used.html", status=404)
    invites.hold(request, token)
    return redirect("account_signup")


@never_cache
@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The account's page."""
    return render(
        request, "account/home.html", {"here": "account", "totp": is_mfa_enabled(request.user)}
    )


@never_cache
@require_safe
@login_required
@limited("data", reads=True)
def data(request: HttpRequest) -> HttpResponse:
    """Everything about the player in one JSON file."""
    player = require_player(request)
    return HttpResponse(
        export_of(player),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{file_name(player)}"'},
    )


@never_cache
@login_required
@sensitive_post_parameters()
def delete(request: HttpRequest) -> HttpResponse:
    """Ask, then delete the account with all its data. Who has a password enters it again."""
    if require_player(request).has_usable_password():
        answer: HttpResponse = delete_account_after_confirmation(request)
        return answer
    return delete_account(request)


def delete_account(request: HttpRequest) -> HttpResponse:
    """On GET the confirmation page, on POST the deletion itself."""
    if request.method != "POST":
        return render(
            request, "account/delete.html", deletion.deletion_counts(require_player(request))
        )
    player = require_player(request)
    logout(request)
    deletion.delete_player(player)
    messages.success(request, _("Your account and everything in it were deleted."))
    return redirect("home" if settings.ACCOUNTS != "invite" else "account_login")


delete_account_after_confirmation = reauthentication_required(delete_account)
