"""Stores a player's preferences, and gives them to templates."""

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from game.models import Player, Taste
from game.tastes.forms import TasteForm
from game.tastes.sampling import taste_of


@require_POST
def taste(request: HttpRequest) -> JsonResponse:
    """Store the preferences that were sent, for the player of this browser."""
    if not isinstance(request.user, Player):
        raise Http404("Nobody to remember it for.")
    form = TasteForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"message": _("That choice is not available.")}, status=422)
    with transaction.atomic():
        stored, _made = Taste.objects.get_or_create(player=request.user)
        stored = Taste.objects.select_for_update().get(pk=stored.pk)
        form.change(stored)
        stored.save()
    return JsonResponse({"kept": True})


def looks(request: HttpRequest) -> dict[str, Any]:
    """Template context: the player's stored look of pages; None for visitors."""

    def stored_looks() -> dict[str, str] | None:
        user = getattr(request, "user", None)
        return taste_of(user).looks if isinstance(user, Player) else None

    return {"stored_looks": stored_looks}
