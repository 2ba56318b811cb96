"""The address where a player pins or forgets a turn."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from game.models import RecallMark
from game.play.protocol import Refused
from game.play.requests import (
    UNPROCESSABLE,
    json_errors,
    own_adventure,
    require_player,
    status_of,
    wants_json,
)
from game.recall import marks


class MarkForm(forms.Form):
    """Whether a turn is always remembered, or never."""

    mark = forms.ChoiceField(
        choices=[("", ""), *RecallMark.Mark.choices],
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose pinned, forgotten, or neither.")},
    )


@require_POST
def mark_memory(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> HttpResponse:
    """Pin a turn (`mark=pinned`), forget it (`mark=forgotten`), or neither (`mark=`)."""
    found = own_adventure(request, adventure_id)
    if not found.turns.filter(pk=turn_id).exists():
        raise Http404("That turn is not in this adventure.")
    form, status = MarkForm(request.POST), UNPROCESSABLE
    if form.is_valid():
        try:
            mark = form.cleaned_data["mark"]
            marks.mark_turn(found.pk, require_player(request), turn_id, mark)
        except Refused as refused:
            form.add_error(None, refused.message)
            status = status_of(refused)
        else:
            return changed(request, found.pk, turn_id, mark)
    problem = json_errors(request, form, status)
    if problem is None:
        for errors in form.errors.values():
            for error in errors:
                messages.error(request, str(error))
    return problem or redirect("adventure", found.pk)


def changed(request: HttpRequest, adventure_id: UUID, turn_id: UUID, mark: str) -> HttpResponse:
    """The new mark as JSON, or the adventure's page, which says so."""
    if wants_json(request):
        return JsonResponse({"turn": str(turn_id), "mark": mark})
    said = {
        RecallMark.Mark.PINNED.value: _("Pinned: remembered first, as far as there is room."),
        RecallMark.Mark.FORGOTTEN.value: _("Forgotten: the narrator is not reminded of this turn."),
    }
    messages.success(request, said.get(mark, _("The narrator is reminded when it matters.")))
    return redirect("adventure", adventure_id)
