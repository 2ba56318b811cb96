"""Template tags and filters of the library's pages: times, excerpts and covers."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from game.library import covers, motifs
from game.library.excerpts import start_of
from game.library.previews import ago
from game.library.trash import undo_url
from game.models import Adventure, Scenario

register = template.Library()
register.filter("ago", ago)
register.filter("undo_url", undo_url)
register.filter("excerpt", start_of)


@register.simple_tag
def cover(of: Scenario | Adventure) -> SafeString:
    """The cover of a scenario, or of the scenario of an adventure, as inline SVG."""
    drawing = covers.cover_of(of)
    svg = (
        f'<svg class="cover" viewBox="0 0 {motifs.WIDTH} {motifs.HEIGHT}" aria-hidden="true" '
        f'focusable="false">{drawing}</svg>'
    )
    # Safe: a drawing consists of our own files and of numbers (tests/game/library/test_covers.py).
    return mark_safe(svg)  # noqa: S308
