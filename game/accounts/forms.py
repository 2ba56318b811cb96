"""Forms of signing up and in."""

from typing import Any

from allauth.account.forms import LoginForm, SignupForm
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from game.accounts import adoption
from game.models import Adventure, Player


class SignUp(SignupForm):
    """Name, password twice, and an e-mail address where the host can send to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["username"].label = _("Name")
        self.fields["username"].help_text = _("Others see it where you play together.")
        self.fields["password1"].help_text = _("8 characters or more.")
        self.fields["password2"].label = _("Password once more")
        without_placeholders(self)


class LogIn(LoginForm):
    """Name or address, and password. A guest says whether this browser's stories come along."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        by_mail = bool(settings.EMAIL_URL)
        self.fields["login"].label = _("Name or e-mail address") if by_mail else _("Name")
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        self.fields["login"].max_length = 254
        without_placeholders(self)
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


def without_placeholders(form: forms.Form) -> None:
    """The labels say it."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
