"""Exports an adventure: its path as text, Markdown or HTML, or its whole tree as JSON."""

import json
import re
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from game.accounts.limits import limited
from game.cards.views import card_data
from game.chapters import chapters
from game.library import html_export
from game.library.previews import action_line
from game.models import Adventure, Chapter, Kind, RecallMark, Summary, Turn
from game.play import adventures, snapshots, tree
from game.play.requests import own_adventure
from game.state import worlds
from inference.reply import shown_action


@never_cache
@require_safe
@limited("export", reads=True)
def export(request: HttpRequest, adventure_id: UUID, form: str) -> HttpResponse:
    """Download the path to the head as text, Markdown or HTML, or the whole tree as JSON."""
    found = own_adventure(request, adventure_id)
    if form == "json":
        every = snapshots.turns_data(list(found.turns.order_by("created", "pk")))
        content = json.dumps(
            {
                "adventure": {
                    "title": found.title,
                    "scenario": found.scenario_id,
                    "memory": found.memory,
                    "authors_note": found.authors_note,
                    "head": str(found.head_id),
                    "created": found.created.isoformat(),
                    "narrator": found.narrator,
                    "sampling": found.sampling,
                    "dice": found.dice,
                    "summarise": found.summarise,
                    "suggestions": found.suggestions,
                },
                "cards": [card_data(card) for card in found.cards.seen()],
                "summaries": [
                    {"turn": str(each.turn_id), "text": each.text, "by": each.by}
                    for each in Summary.objects.filter(turn__adventure=found)
                ],
                "chapters": [
                    {"turn": str(each.turn_id), "title": each.title}
                    for each in Chapter.objects.filter(turn__adventure=found).order_by(
                        "turn__created", "pk"
                    )
                ],
                "marks": [
                    {"turn": str(each.turn_id), "mark": each.mark}
                    for each in RecallMark.objects.filter(turn__adventure=found).order_by(
                        "turn__created", "pk"
                    )
                ],
                "turns": [turn.model_dump(mode="json") for turn in every],
                "world": [
                    {"turn": str(turn), "changes": seen}
                    for turn, changes in worlds.changes_on(UUID(each.id) for each in every).items()
                    if (seen := worlds.seen_changes(changes))
                ],
            },
            ensure_ascii=False,
            indent=1,
        )
        return download(found, content, "json", "application/json")
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


def as_markdown(found: Adventure, path: list[Turn], headings: dict[UUID, str]) -> str:
    """The story in Markdown, actions as quotations; its own texts are escaped.

    `headings` are titles of chapters by their first turns; "" is a break without one.
    """
    parts = [f"# {without_markup(found.title)}"]
    for turn in path:
        heading = headings.get(turn.pk)
        if heading is not None:
            parts.append(f"## {without_markup(heading)}" if heading else "* * *")
        action = without_markup(shown_action(turn.kind, turn.action))  # type: ignore[arg-type]
        if turn.kind in (Kind.DO, Kind.SAY):
            action = f"> {action}"
        parts += [part for part in (action, without_markup(turn.reply)) if part.strip("> ")]
    return "\n\n".join(parts) + "\n"


def without_markup(text: str) -> str:
    """The text with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


def download(found: Adventure, content: str, form: str, kind: str) -> HttpResponse:
    """The content as a file to download, named after the adventure."""
    name = slugify(found.title)[:60] or "adventure"
    return HttpResponse(
        content,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )
