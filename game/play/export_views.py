"""Exports an adventure: its path as text, Markdown or HTML, or its whole tree as JSON."""

import re
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from game.accounts.limits import limited
from game.chapters import chapters
from game.imports import bundles
from game.imports.writers import grue
from game.library import html_export
from game.library.previews import action_line
from game.models import Adventure, Kind, Player, Scenario, Turn
from game.play import adventures, tree
from game.play.requests import own_adventure, playable_adventure, require_player
from game.play.wording import shown_turn


@never_cache
@require_safe
@limited("export", reads=True)
def export(request: HttpRequest, adventure_id: UUID, form: str) -> HttpResponse:
    """Download the path to the head as text, Markdown or HTML, or the whole tree as JSON."""
    # The whole tree comes with memory, note and cards, which are the owner's.
    ask = own_adventure if form in ("json", "grue") else playable_adventure
    found = ask(request, adventure_id)
    content: str | bytes
    if form == "json":
        content = grue.as_json(require_player(request), found)
        return download(found, content, "json", "application/json")
    if form == "grue":
        return bundle(require_player(request), found)
    assert found.head_id is not None
    path = tree.turns_in_order(tree.path_ids(found.head_id, tree.LONGEST_PATH))
    headings = chapters.headings_at(found)
    if form == "txt":
        texts = [(headings.get(turn.pk), action_line(turn), turn.reply) for turn in path]
        content = adventures.as_text(found, texts)
        return download(found, content, "txt", "text/plain; charset=utf-8")
    if form == "md":
        content = as_markdown(found, path, headings)
        return download(found, content, "md", "text/markdown; charset=utf-8")
    if form == "html":
        content = html_export.as_html(found.title, path, headings)
        return download(found, content, "html", "text/html; charset=utf-8")
    raise Http404("That is no form of export.")


def bundle(player: Player, found: Adventure) -> HttpResponse:
    """The adventure as a bundle, with its scenario if the player wrote that."""
    own = Scenario.objects.all().of(player).filter(pk=found.scenario_id)
    content = b"".join(bundles.bundle_of(player, iter([found]), own.iterator()))
    return download(found, content, "grue", "application/zip")


def as_markdown(found: Adventure, path: list[Turn], headings: dict[UUID, str]) -> str:
    """The story in Markdown, actions as quotations; its own texts are escaped.

    `headings` are titles of chapters by their first turns; "" is a break without one.
    """
    parts = [f"# {without_markup(found.title)}"]
    for turn in path:
        heading = headings.get(turn.pk)
        if heading is not None:
            parts.append(f"## {without_markup(heading)}" if heading else "* * *")
        action = without_markup(shown_turn(turn))
        if turn.kind in (Kind.DO, Kind.SAY):
            action = f"> {action}"
        parts += [part for part in (action, without_markup(turn.reply)) if part.strip("> ")]
    return "\n\n".join(parts) + "\n"


def without_markup(text: str) -> str:
    """The text with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


def download(found: Adventure, content: str | bytes, form: str, kind: str) -> HttpResponse:
    """The content as a file to download, named after the adventure."""
    name = slugify(found.title)[:60] or "adventure"
    return HttpResponse(
        content,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )
