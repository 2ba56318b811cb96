"""Where pages keep what a player likes, and how templates know it."""

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
    """Keep what was chosen for the player of this browser."""
    if not isinstance(request.user, Player):
        raise Http404("Nobody to remember it for.")
    form = TasteForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"message": _("That choice is not available.")}, status=422)
    with transaction.atomic():
        kept, _made = Taste.objects.get_or_create(player=request.user)
        kept = Taste.objects.select_for_update().get(pk=kept.pk)
        form.change(kept)
        kept.save()
    return JsonResponse({"kept": True})


def looks(request: HttpRequest) -> dict[str, Any]:
    """For templates: how pages look to whoever is signed in, for a browser that was never told."""

    def kept() -> dict[str, str] | None:
        user = getattr(request, "user", None)
        return taste_of(user).looks if isinstance(user, Player) else None

    return {"kept_looks": kept}
