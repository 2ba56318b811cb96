"""Exports adventures and scenarios to other programs, and says what these cannot hold."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from game.accounts.limits import limited
from game.imports.documents import Note
from game.imports.keeping import kept_of
from game.imports.reader_messages import TEXTS
from game.imports.writers import charactercard, epub, grue, prose, sources
from game.imports.writers.forms import CHARACTER_HOLDS, CHARACTER_KEPT, FORMS
from game.imports.writers.written import Story, Written, losses
from game.library.previews import paragraphs
from game.models import Adventure, Scenario
from game.play.requests import own_adventure, require_player


@never_cache
@require_safe
@limited("export", reads=True)
def adventure_exports(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The formats for an adventure, with what each of them cannot hold."""
    found = own_adventure(request, adventure_id)
    story, left_out = sources.adventure_document(found, sees_hidden(request, found))
    rows = [
        {"label": _("Web page"), "url": reverse("export", args=[found.pk, "html"])},
        *form_rows(story, left_out, "export_adventure_as", str(found.pk)),
        {"label": _("Everything, for Grue"), "url": reverse("export", args=[found.pk, "json"])},
    ]
    back = reverse("adventure", args=[found.pk])
    return render(
        request, "imports/exports.html", {"title": found.title, "rows": rows, "back": back}
    )


@never_cache
@require_safe
@limited("export", reads=True)
def scenario_exports(request: HttpRequest, slug: str) -> HttpResponse:
    """The formats for a scenario, with what each of them cannot hold."""
    found = own_scenario(request, slug)
    story = sources.scenario_document(found)
    rows = [
        {
            "label": _("Character card (PNG with its picture)"),
            "url": reverse("export_scenario_as", args=[slug, "card"]),
            "losses": lines_of(losses(story, CHARACTER_HOLDS, {})),
        },
        {"label": _("Web page"), "url": reverse("export_scenario_as", args=[slug, "html"])},
        *form_rows(story, {}, "export_scenario_as", slug),
        {"label": _("Everything, for Grue"), "url": reverse("export_scenario", args=[slug])},
    ]
    back = reverse("scenario", args=[slug])
    return render(
        request, "imports/exports.html", {"title": found.title, "rows": rows, "back": back}
    )


def form_rows(
    story: Story, left_out: dict[str, int], view: str, argument: str
) -> list[dict[str, Any]]:
    """A row of the page for each format."""
    return [
        {
            "label": form.label,
            "url": reverse(view, args=[argument, name]),
            "losses": lines_of(form.losses(story, left_out)),
        }
        for name, form in FORMS.items()
    ]


def lines_of(notes: list[Note]) -> list[dict[str, Any]]:
    """What notes say, for a page."""
    return [{"text": TEXTS[each.code], "count": each.count} for each in notes]


@never_cache
@require_safe
@limited("export", reads=True)
def export_adventure(request: HttpRequest, adventure_id: UUID, form: str) -> HttpResponse:
    """Download an adventure in a format of another program."""
    found = own_adventure(request, adventure_id)
    if form not in FORMS:
        raise Http404("That is no form of export.")
    story, _left_out = sources.adventure_document(found, sees_hidden(request, found))
    return download(found.title, written(form, story, found))


@never_cache
@require_safe
@limited("export", reads=True)
def export_scenario(request: HttpRequest, slug: str, form: str) -> HttpResponse:
    """Download a scenario in a format of another program."""
    found = own_scenario(request, slug)
    story = sources.scenario_document(found)
    if form == "card":
        story = sources.without_kept(story, CHARACTER_KEPT, format_of(found))
        return download(found.title, charactercard.write(story, sources.picture_of(found)))
    if form == "html":
        return download(found.title, web_page(story))
    if form not in FORMS:
        raise Http404("That is no form of export.")
    return download(found.title, written(form, story, found))


def own_scenario(request: HttpRequest, slug: str) -> Scenario:
    """The scenario, if the player wrote it. Raises Http404."""
    return get_object_or_404(Scenario.objects.of(request.user), slug=slug)


def sees_hidden(request: HttpRequest, found: Adventure) -> bool:
    """Whether hidden cards are the player's own."""
    return grue.sees_hidden(require_player(request), found)


def format_of(found: Adventure | Scenario) -> str:
    """The format that the story was imported from; "" if it was not."""
    kept = kept_of(found)
    return kept.format if kept else ""


def written(form: str, story: Story, found: Adventure | Scenario) -> Written:
    """The file of a format, with the parts that were kept of a file in the same one."""
    story = sources.without_kept(story, FORMS[form].kept, format_of(found))
    if form == "epub":
        return epub.write(story, get_language() or "en")
    return FORMS[form].write(story)


def web_page(story: Story) -> Written:
    """A story as one page that needs nothing else."""
    turns = [
        {
            "heading": chapter.heading if number == 0 and chapter.heading else None,
            "shown": text if is_action else "",
            "paragraphs": [] if is_action else paragraphs(text),
        }
        for chapter in prose.chapters_of(story)
        for number, (is_action, text) in enumerate(chapter.pieces)
    ]
    page = render_to_string(
        "library/exported_adventure.html",
        {
            "title": story.title,
            "turns": turns,
            "day": timezone.now(),
            "language": get_language() or "en",
        },
    )
    return Written(page.encode(), "html", "text/html; charset=utf-8")


def download(title: str, file: Written) -> HttpResponse:
    """A file to download, named after the story."""
    name = slugify(title)[:60] or "story"
    return HttpResponse(
        file.content,
        content_type=file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{file.ending}"'},
    )
