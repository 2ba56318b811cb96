"""Pages of an adventure's chapters: their list, to close, to rename and to reopen one."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from game.chapters import chapters
from game.chapters.chapters import Section
from game.chapters.proposals import proposal_for
from game.chapters.summaries import summaries_of
from game.models import LONGEST_CHAPTER_TITLE, Adventure
from game.play.protocol import Refused
from game.play.requests import (
    UNPROCESSABLE,
    is_owner,
    json_errors,
    own_adventure,
    readable_adventure,
    refusal_response,
    require_player,
    status_of,
    wants_json,
)


class ChapterForm(forms.Form):
    """The turn that a chapter ends with, and its title."""

    turn = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": gettext_lazy("Choose a turn."),
            "invalid": gettext_lazy("That is no turn."),
        },
    )
    title = forms.CharField(max_length=1000, required=False)  # `close` says what is wrong with it


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def list_chapters(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The chapters at the head as a page, a part of one (`?part`) or JSON; a POST closes one."""
    ask = own_adventure if request.method == "POST" else readable_adventure
    found = ask(request, adventure_id)
    form = ChapterForm(request.POST) if request.method == "POST" else ChapterForm()
    status = UNPROCESSABLE
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            chapters.close(found.pk, require_player(request), values["turn"], values["title"])
        except Refused as refused:
            form.add_error(None, refused.message)
            status = status_of(refused)
        else:
            return changed(request, found, _("Chapter saved."))
    if form.errors and wants_json(request):
        return json_errors(request, form, status) or HttpResponse(status=status)
    return chapters_page(request, found, form, status)


def chapters_page(
    request: HttpRequest, found: Adventure, form: ChapterForm, status: int = UNPROCESSABLE
) -> HttpResponse:
    """The chapters as JSON, as a part of a page (`?part`), or as a page.

    `status` is that of a form with errors.
    """
    data = chapters_data(found)
    if wants_json(request):
        return JsonResponse(data)
    part = "part" in request.GET
    return render(
        request,
        "adventures/chapters_part.html" if part else "adventures/chapters.html",
        {
            "adventure": found,
            **data,
            "owner": is_owner(request, found),
            "part": part,
            "form": form,
            "typed": request.POST.get("title", "") if form.errors else "",
            "typed_for": request.POST.get("turn", "") if form.errors else "",
            "longest": LONGEST_CHAPTER_TITLE,
        },
        status=status if form.errors else 200,
    )


@require_http_methods(["POST", "DELETE"])
def reopen_chapter(request: HttpRequest, adventure_id: UUID, turn_id: UUID) -> HttpResponse:
    """Remove the chapter that ends with a turn. POST is for forms, which cannot send DELETE."""
    found = own_adventure(request, adventure_id)
    try:
        chapters.reopen(found.pk, require_player(request), turn_id)
    except Refused as refused:
        if wants_json(request):
            return refusal_response(refused)
        messages.error(request, refused.message)
        return redirect("chapters", found.pk)
    return changed(request, found, _("Chapter removed. Its turns stay."))


def changed(request: HttpRequest, found: Adventure, message: str) -> HttpResponse:
    """The answer after a change: JSON or a part of a page at once, else a redirect to the page."""
    if wants_json(request) or "part" in request.GET:
        return chapters_page(request, found, ChapterForm())
    messages.success(request, message)
    return redirect("chapters", found.pk)


def chapters_data(adventure: Adventure) -> dict[str, Any]:
    """The chapters on the path to the head, what follows the last one, and a proposal."""
    assert adventure.head_id is not None
    sections = chapters.sections_at(adventure.head_id)
    texts = summaries_of(sections)
    proposal = proposal_for(sections)
    return {
        "chapters": [
            {"title": section.title, **places(section), "summary": texts.get(section.last, "")}
            for section in sections
            if section.title
        ],
        "open": next((places(section) for section in sections if not section.title), None),
        "proposal": (
            {"turn": str(proposal.turn), "number": proposal.number, "title": proposal.title}
            if proposal
            else None
        ),
    }


def places(section: Section) -> dict[str, Any]:
    """Where a section begins and ends: ids of turns, and their places on the path."""
    return {
        "turn": str(section.last),
        "first": str(section.first),
        "start": section.start,
        "end": section.end,
    }
