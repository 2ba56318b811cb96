"""The formats of other programs in which a story can be exported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from game.imports.documents import Note
from game.imports.writers import aidungeon, epub, kobold_lite, novelai, prose, tavern
from game.imports.writers.written import Story, Written, losses

PROSE = frozenset({"chapters", "memory", "cards", "openings"})


@dataclass(frozen=True)
class Form:
    """A format: its name, who writes it, what it holds, and whose kept parts go into it."""

    label: Any  # a text, or one that is translated when it is shown
    write: Callable[[Story], Written]
    holds: frozenset[str]
    kept: tuple[str, ...] = ()

    def losses(self, story: Story, left_out: dict[str, int]) -> list[Note]:
        """What this format cannot hold of a story."""
        return losses(story, self.holds, left_out)


# By the last part of the address. A scenario in prose shows its memory and cards; the card of a
# scenario is in game.imports.export_views, which has its picture.
FORMS = {
    "txt": Form(gettext_lazy("Text"), prose.write_text, PROSE),
    "md": Form("Markdown", prose.write_markdown, PROSE),
    "epub": Form(gettext_lazy("Book (EPUB)"), lambda story: epub.write(story, "en"), PROSE),
    "kobold": Form(
        gettext_lazy("Kobold Lite save"),
        kobold_lite.write,
        frozenset({"memory", "cards", "pinned", "retries"}),
        ("kobold_lite", "kobold"),
    ),
    "sillytavern": Form(
        gettext_lazy("SillyTavern chat"),
        tavern.write_chat,
        frozenset({"retries"}),
        ("sillytavern_chat",),
    ),
    "novelai": Form(
        gettext_lazy("NovelAI scenario"),
        novelai.write_scenario,
        frozenset({"memory", "cards", "pinned", "questions_filled"}),
        ("novelai_scenario", "novelai_story"),
    ),
    "lorebook": Form(
        gettext_lazy("NovelAI lorebook (cards only)"),
        novelai.write_lorebook,
        frozenset({"cards", "pinned"}),
        ("novelai_scenario", "novelai_story", "novelai_lorebook"),
    ),
    "aidungeon": Form(
        gettext_lazy("AI Dungeon scenario"),
        aidungeon.write,
        frozenset({"memory", "cards", "questions_filled"}),
        ("aidungeon",),
    ),
}
CHARACTER_HOLDS = frozenset({"memory", "cards", "pinned", "card_option", "openings"})
CHARACTER_KEPT = ("character_card",)
