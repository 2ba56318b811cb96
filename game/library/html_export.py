"""A story as one file that needs nothing else: a web page to keep, to print and to read offline."""

from collections.abc import Sequence

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language

from game.library.words import paragraphs, prompted
from game.models import Turn


def as_html(title: str, path: Sequence[Turn]) -> str:
    """The page. Everything in it that somebody wrote is escaped; nothing is fetched by it."""
    drawn = [{"shown": prompted(turn), "paragraphs": paragraphs(turn.reply)} for turn in path]
    return render_to_string(
        "library/exported_adventure.html",
        {
            "title": title,
            "turns": [turn for turn in drawn if turn["shown"] or turn["paragraphs"]],
            "day": timezone.now(),
            "language": get_language() or "en",
        },
    )
