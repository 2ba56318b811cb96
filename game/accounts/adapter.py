"""How allauth does things here: guests stay who they are, and no mail goes where none is set up."""

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
from game.accounts.standing import may_play
from game.models import Player

WRONG = _("Wrong name or password.")


class AccountAdapter(DefaultAccountAdapter):
    # One answer, whatever was wrong: which names and addresses exist here is nobody's business.
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
        if settings.ACCOUNTS == "invite":
            return invites.held_by(request) is not None
        return bool(settings.ACCOUNTS == "open")

    def new_user(self, request: HttpRequest) -> Player:
        """The guest who plays in this browser, as the same row, or somebody new."""
        guest: Player | None = getattr(request, "guest", None)
        return guest or Player()

    def save_user(
        self, request: HttpRequest, user: Player, form: Any, commit: bool = True
    ) -> Player:
        with transaction.atomic():
            user.is_guest = False
            saved: Player = super().save_user(request, user, form, commit)
            if settings.ACCOUNTS == "invite":
                invites.use(request, saved)
        # The guest's session ends here: its hash was made of no password, and Django would throw
        # away with it what allauth has just noted. Logging in makes a new key.
        for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
            request.session.pop(key, None)
        return saved

    def pre_login(self, request: HttpRequest, user: Player, **details: Any) -> HttpResponse | None:
        reason = may_play(user) if user.is_active else None
        if reason:
            return render(request, "account/suspended.html", {"reason": reason}, status=403)
        response: HttpResponse | None = super().pre_login(request, user, **details)
        return response

    def login(self, request: HttpRequest, user: Player) -> None:
        """Log in. What a guest began in this browser comes along, unless it was not wanted."""
        guest: Player | None = getattr(request, "guest", None)
        wanted = request.session.pop(account_merge.LEAVE_BEHIND, None) is None
        super().login(request, user)
        if guest is not None and guest.pk != user.pk and wanted:
            account_merge.merge_guest(guest, user)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("home")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_home")

    def is_reauthentication_required(self, *, app: str) -> bool:
        """With a single player there are no passwords to ask for (game.accounts.operators)."""
        if settings.ACCOUNTS == "single":
            return False
        return bool(super().is_reauthentication_required(app=app))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try by address; a known browser's by itself. Raises ValidationError.

        allauth's own counts by name over all addresses: anybody could keep anybody out.
        """
        self._login_failed_rl_usage = None
        self.known_as = known_browsers.known_as(request, known_browsers.login_of(credentials))
        if self.known_as is not None:
            allowed = known_browsers.may_try(self.known_as)
        else:
            self._login_failed_rl_usage = ratelimit.consume(
                request, app="allauth.account", action="password"
            )
            allowed = self._login_failed_rl_usage is not None
        if not allowed:
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Player | None:
        found: Player | None = super().authenticate(request, **credentials)
        if found is not None and self.known_as is not None:
            known_browsers.forget_tries(self.known_as)
        return found

    def get_client_ip(self, request: HttpRequest) -> str:
        """Behind a proxy on a Unix socket that does not say whom it asks for, all are one."""
        return address_of(request) or ""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        if settings.EMAIL_URL:
            super().send_mail(template_prefix, email, context)

    def format_email_subject(self, subject: str) -> str:
        return f"Grue: {subject}"
