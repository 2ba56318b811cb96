"""The export as one HTML file, which needs nothing else: to keep, to print, to read offline."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language

from game.library.previews import action_line, paragraphs
from game.models import Turn


def as_html(title: str, path: Sequence[Turn], headings: Mapping[UUID, str]) -> str:
    """A path of turns as an HTML page without external resources. All texts are escaped.

    `headings` are titles of chapters by their first turns; "" is a break without one.
    """
    turns = [
        {
            "heading": headings.get(turn.pk),
            "shown": action_line(turn),
            "paragraphs": paragraphs(turn.reply),
        }
        for turn in path
    ]
    return render_to_string(
        "library/exported_adventure.html",
        {
            "title": title,
            "turns": [
                turn
                for turn in turns
                if turn["shown"] or turn["paragraphs"] or turn["heading"] is not None
            ],
            "day": timezone.now(),
            "language": get_language() or "en",
        },
    )
