"""Forms of signing up and in."""

from typing import Any

from allauth.account.forms import (
    AddEmailForm,
    ChangePasswordForm,
    LoginForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SignupForm,
)
from allauth.account.internal.userkit import get_user_by_username
from allauth.account.models import EmailAddress
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AppReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from game.accounts import account_merge, operators
from game.accounts.names import check_name
from game.models import Adventure, Player


class Plain(forms.Form):
    """A form without placeholders (labels say the same) and without colons after labels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignUp(Plain, SignupForm):
    """Name, password twice, and an e-mail address where the host can send to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Name")
        self.fields["username"].help_text = _(
            "You log in with it. Scenarios that you publish show it."
        )
        self.fields["password1"].help_text = _("8 characters or more.")
        self.fields["password2"].label = _("Password again")


class LogIn(Plain, LoginForm):
    """Name or address, and password. A guest chooses whether their adventures move along."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        by_mail = bool(settings.EMAIL_URL)
        self.fields["login"].label = _("Name or e-mail address") if by_mail else _("Name")
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        self.fields["login"].validators.append(MaxLengthValidator(254))
        if has_adventures(self.request):
            self.fields["bring"] = forms.BooleanField(
                label=_("Move this browser’s adventures to my account"),
                required=False,
                initial=True,
            )

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> Any:
        """Log in; a guest who declined the merge is remembered in the session until then."""
        if "bring" in self.fields and not self.cleaned_data["bring"]:
            request.session[account_merge.LEAVE_BEHIND] = True
        return super().login(request, redirect_url)


def has_adventures(request: HttpRequest) -> bool:
    """Whether this browser's guest has begun an adventure."""
    guest: Player | None = getattr(request, "guest", None)
    return guest is not None and Adventure.objects.readable_by(guest).exists()


class AddEmail(Plain, AddEmailForm):
    """allauth's form for a new e-mail address, without placeholders."""


class ChangePassword(Plain, ChangePasswordForm):
    """The current password, and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = _("Current password")
        self.fields["oldpassword"].help_text = ""
        self.fields["password1"].label = _("New password")
        self.fields["password1"].help_text = _("8 characters or more.")
        self.fields["password2"].label = _("New password again")


class Reauthenticate(Plain, ReauthenticateForm):
    """allauth's form that asks for the password again, without placeholders."""


class ResetPassword(Plain, ResetPasswordForm):
    """allauth's form that asks for the address to send a link to, without placeholders."""


class ResetPasswordKey(Plain, ResetPasswordKeyForm):
    """allauth's form for a new password after such a link, without placeholders."""


class AppCode(Plain, AuthenticateForm):
    """The code of the authenticator app while logging in, without placeholders."""


class AppReauthenticate(Plain, AppReauthenticateForm):
    """The code of the authenticator app as a confirmation, without placeholders."""


class AddApp(Plain, ActivateTOTPForm):
    """The first code of a new authenticator app, without placeholders."""


class BecomeOperator(Plain):
    """Name and password of the person who has the operator's link.

    A new name makes an account, of this browser's guest if there is one. A player's name needs that
    account's password. An operator's name sets a new password, since the old one was lost.
    """

    username = forms.CharField(
        label=_("Name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password1 = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        help_text=_("8 characters or more."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label=_("Password again"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guest: Player | None = getattr(request, "guest", None)
        self.player: Player | None = None
        if isinstance(request.user, Player):
            self.fields["username"].initial = request.user.username
        if settings.EMAIL_URL:
            self.fields["email"] = forms.EmailField(label=_("E-mail address"), max_length=254)
            self.order_fields(["username", "email"])

    def clean(self) -> dict[str, Any]:
        """Find the account of the name, and check that the password fits it or may be a new one."""
        found: dict[str, Any] = super().clean() or {}
        name, password = found.get("username"), found.get("password1")
        if not name or not password or not found.get("password2"):
            return found
        self.player = get_user_by_username(name)
        if password != found["password2"]:
            self.add_error("password2", _("The two passwords are not the same."))
        elif self.player is None or self.player.is_superuser:
            self.check_new_account(name, password)
        elif not self.player.is_active or not self.player.check_password(password):
            self.add_error(
                "password1",
                _("This name belongs to an account. Enter its password, or choose another name."),
            )
        return found

    def check_new_account(self, name: str, password: str) -> None:
        """Check the rules for names and passwords; each problem is shown at its field."""
        try:
            if self.player is None:
                check_name(name)
        except ValidationError as problem:
            self.add_error("username", problem)
        try:
            validate_password(password, self.player or Player(username=name))
        except ValidationError as problem:
            self.add_error("password1", problem)

    def clean_email(self) -> str:
        """The address in lower case. Raises ValidationError if another account has verified it."""
        email: str = self.cleaned_data["email"].lower()
        named = get_user_by_username(self.cleaned_data.get("username") or "")
        others = EmailAddress.objects.filter(email=email, verified=True).exclude(user=named)
        if others.exists():
            raise ValidationError(_("Another account has that address."))
        return email

    def save(self) -> Player:
        """The account that becomes the operator, stored with its password."""
        player, password = self.player, self.cleaned_data["password1"]
        if player is None:
            player = self.guest or Player()
            player.username, player.is_guest = self.cleaned_data["username"], False
            player.set_password(password)
        elif player.is_superuser:
            player.set_password(password)  # this ends all of the account's sessions
            player.is_active = True
            Authenticator.objects.filter(user=player).delete()
        if email := self.cleaned_data.get("email"):
            player.email = email
        player.save()
        if email:
            # Verified without a mail: one that does not arrive would lock the operator out.
            EmailAddress.objects.filter(user=player).update(primary=False)
            EmailAddress.objects.update_or_create(
                user=player, email=email, defaults={"verified": True, "primary": True}
            )
        return player


class OperatorCode(Plain):
    """The code that the terminal prints, for a host with a single player."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "autofocus": True}
        ),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_code(self) -> str:
        """Accept the code for this session. Raises ValidationError for a wrong one."""
        typed: str = self.cleaned_data["code"]
        if not operators.accept_code(self.request, typed):
            raise ValidationError(_("Wrong code."))
        return typed
