"""The pages behind the operator's link, and behind the code of a host with a single player."""

from allauth.account.utils import get_next_redirect_url, perform_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from game.accounts import operators
from game.accounts.forms import BecomeOperator, OperatorCode
from game.accounts.limits import limited

GONE = "The link was used, or never was."


@never_cache
@sensitive_post_parameters()
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for a name and a password, and make that account the operator. A link works once."""
    found = operators.find(token)
    if found is None:
        raise Http404(GONE)
    form = BecomeOperator(request.POST if request.method == "POST" else None, request=request)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "again": operators.operator_exists()}
        return render(request, "operator.html", context, status=422 if form.errors else 200)
    with transaction.atomic():
        player = form.save()
        if not operators.promote(found, player):
            raise Http404(GONE)  # another browser was first, and nothing of this one's stays
    if request.user.is_authenticated:
        logout(request)
    # End the guest's session: its hash does not match the new password, so Django would flush it
    # together with what allauth stores while logging in. Logging in makes a new key.
    for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
        request.session.pop(key, None)
    messages.success(request, _("You are now the operator of this host and can use the admin."))
    answer: HttpResponse = perform_login(
        request, player, email_verification="none", redirect_url=reverse("home")
    )
    return answer


@never_cache
@limited("operator_code")
def code(request: HttpRequest) -> HttpResponse:
    """With ACCOUNTS=single: ask for the code that the terminal prints."""
    if settings.ACCOUNTS != "single":
        raise Http404("There are accounts here.")
    if operators.is_operator_here(request):
        return HttpResponseRedirect(get_next_redirect_url(request) or reverse("admin:index"))
    form = OperatorCode(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        messages.success(request, _("This browser is the operator’s now."))
        return HttpResponseRedirect(get_next_redirect_url(request) or reverse("admin:index"))
    context = {"form": form, "next": get_next_redirect_url(request) or ""}
    return render(request, "operator_code.html", context, status=422 if form.errors else 200)
