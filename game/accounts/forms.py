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
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AppReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from game.accounts import adoption
from game.models import Adventure, Player


class Plain(forms.Form):
    """Labels say what a field is for; a placeholder that repeats them is in the way."""

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
        self.fields["username"].help_text = _("Others see it where you play together.")
        self.fields["password1"].help_text = _("8 characters or more.")
        self.fields["password2"].label = _("Password once more")


class LogIn(Plain, LoginForm):
    """Name or address, and password. A guest says whether this browser's stories come along."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        by_mail = bool(settings.EMAIL_URL)
        self.fields["login"].label = _("Name or e-mail address") if by_mail else _("Name")
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        self.fields["login"].validators.append(MaxLengthValidator(254))
        if begun_by(self.request):
            self.fields["bring"] = forms.BooleanField(
                label=_("Bring along the adventures of this browser"), required=False, initial=True
            )

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> Any:
        if "bring" in self.fields and not self.cleaned_data["bring"]:
            request.session[adoption.LEAVE_BEHIND] = True
        return super().login(request, redirect_url)


def begun_by(request: HttpRequest) -> bool:
    guest: Player | None = getattr(request, "guest", None)
    return guest is not None and Adventure.objects.of(guest).exists()


class AddEmail(Plain, AddEmailForm):
    pass


class ChangePassword(Plain, ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = _("Password until now")
        self.fields["oldpassword"].help_text = ""
        self.fields["password1"].label = _("New password")
        self.fields["password1"].help_text = _("8 characters or more.")
        self.fields["password2"].label = _("New password once more")


class Reauthenticate(Plain, ReauthenticateForm):
    pass


class ResetPassword(Plain, ResetPasswordForm):
    pass


class ResetPasswordKey(Plain, ResetPasswordKeyForm):
    pass


class AppCode(Plain, AuthenticateForm):
    pass


class AppReauthenticate(Plain, AppReauthenticateForm):
    pass


class AddApp(Plain, ActivateTOTPForm):
    pass
