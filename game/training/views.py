"""The page on which an owner consents to training on an adventure, or withdraws the consent."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from game.play.requests import playable_adventure, require_player
from game.training import consent


@never_cache
def learning(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """On GET the explanation and the switch, on POST (owner only) grant or withdraw consent."""
    found = playable_adventure(request, adventure_id)
    player = require_player(request)
    theirs = consent.may_grant(found, player)
    if request.method == "POST" and theirs:
        if request.POST.get("learning") == "on":
            consent.grant(found, player)
            messages.success(request, _("Narrators may learn from this adventure."))
        elif request.POST.get("learning") == "off":
            consent.withdraw(found)
            messages.success(request, _("Withdrawn: this adventure is not used from now on."))
        return redirect("learning", found.pk)
    return render(
        request,
        "adventures/training_consent.html",
        {"adventure": found, "given": consent.has_consent(found.pk), "theirs": theirs},
        status=403 if request.method == "POST" else 200,
    )
