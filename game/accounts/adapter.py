"""Adapts allauth: a guest who signs up keeps their row, and no mail is sent without EMAIL_URL."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from game.accounts import account_merge, invites, known_browsers
from game.accounts.limits import address_of
from game.accounts.standing import play_refusal
from game.models import Player

WRONG = _("Wrong name or password.")


class AccountAdapter(DefaultAccountAdapter):
    """allauth's hooks, overridden where accounts work differently here."""

    # One message for every cause, so that nobody can find out which names and addresses exist.
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG,
        "email_password_mismatch": WRONG,
        "username_taken": _("That name is taken. Choose another one."),
        "too_many_login_attempts": _("Too many attempts. Try again in a few minutes."),
        "incorrect_password": _("Wrong password."),
        "incorrect_code": _("Wrong code."),
        "unknown_email": _("No account has that address."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """With ACCOUNTS=invite only a session that holds a valid invite may sign up."""
        if settings.ACCOUNTS == "invite":
            return invites.invite_of(request) is not None
        return bool(settings.ACCOUNTS == "open")

    def new_user(self, request: HttpRequest) -> Player:
        """The guest of this browser, who keeps their row, or a new player."""
        guest: Player | None = getattr(request, "guest", None)
        return guest or Player()

    def save_user(
        self, request: HttpRequest, user: Player, form: Any, commit: bool = True
    ) -> Player:
        """Store the account, spend its invite in one transaction, and end the guest's session."""
        with transaction.atomic():
            user.is_guest = False
            saved: Player = super().save_user(request, user, form, commit)
            if settings.ACCOUNTS == "invite":
                invites.use(request, saved)
        # End the guest's session: its hash does not match the new password, so Django would flush
        # it together with what allauth has just stored there. Logging in makes a new key.
        for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
            request.session.pop(key, None)
        return saved

    def pre_login(self, request: HttpRequest, user: Player, **details: Any) -> HttpResponse | None:
        """Refuse a suspended or banned player with the reason, status 403."""
        reason = play_refusal(user) if user.is_active else None
        if reason:
            return render(request, "account/suspended.html", {"reason": reason}, status=403)
        response: HttpResponse | None = super().pre_login(request, user, **details)
        return response

    def login(self, request: HttpRequest, user: Player) -> None:
        """Log in, then merge this browser's guest into the account unless the player declined."""
        guest: Player | None = getattr(request, "guest", None)
        merge = request.session.pop(account_merge.LEAVE_BEHIND, None) is None
        super().login(request, user)
        if guest is not None and guest.pk != user.pk and merge:
            account_merge.merge_guest(guest, user)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """The home page; a `next` parameter goes before it."""
        return reverse("home")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """The account's page."""
        return reverse("account_home")

    def is_reauthentication_required(self, *, app: str) -> bool:
        """False with a single player, who has no password (game.accounts.operators)."""
        if settings.ACCOUNTS == "single":
            return False
        return bool(super().is_reauthentication_required(app=app))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a log-in attempt, by address or by known browser. Raises ValidationError.

        allauth would count by name over all addresses: anybody could then lock anybody out.
        """
        self._login_failed_rl_usage = None
        self.attempt_counter = known_browsers.counter_of(
            request, known_browsers.login_of(credentials)
        )
        if self.attempt_counter is not None:
            allowed = known_browsers.count_try(self.attempt_counter)
        else:
            self._login_failed_rl_usage = ratelimit.consume(
                request, app="allauth.account", action="password"
            )
            allowed = self._login_failed_rl_usage is not None
        if not allowed:
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Player | None:
        """Check the credentials; a success resets the known browser's counter."""
        found: Player | None = super().authenticate(request, **credentials)
        if found is not None and self.attempt_counter is not None:
            known_browsers.forget_tries(self.attempt_counter)
        return found

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that limits are counted by; "" where a proxy on a Unix socket names none."""
        return address_of(request) or ""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail of allauth's; without EMAIL_URL nothing is sent."""
        if settings.EMAIL_URL:
            super().send_mail(template_prefix, email, context)

    def format_email_subject(self, subject: str) -> str:
        """Prefix the subject with the game's name."""
        return f"Grue: {subject}"
