"""What previews and reports say, by the codes of notes."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from game.imports import reader_messages
from game.imports.documents import Note

TEXTS: dict[str, Any] = {
    # Of Grue's own files
    "newer_version": gettext_lazy("A newer version of Grue wrote this file; parts may be missing."),
    "left_out_hidden_cards": gettext_lazy("Hidden cards were not in the export."),
    "left_out_hidden_world": gettext_lazy("Hidden entries of the world were not in the export."),
    # What did not fit as it was
    "cut": gettext_lazy("The text is too long: its beginning is used, and all of it is kept."),
    "split": gettext_lazy("Long turns were split into several."),
    "edits_left_out": gettext_lazy("Of a turn’s earlier versions, the oldest were left out."),
    "chapters_left_out": gettext_lazy("There is no room for so many chapters."),
    "world_unknown": gettext_lazy("A change of the world makes no sense here."),
    "world_too_many": gettext_lazy("A turn has too many changes of the world."),
    "narrator_unknown": gettext_lazy("This host has no such narrator: its own tells the story."),
    "sampling_unknown": gettext_lazy("The sampling settings are not possible here."),
    "card_without_text": gettext_lazy("Cards without a text were left out."),
    "card_without_keys": gettext_lazy("Cards without keys: they are used once you add a key."),
    "option_unknown": gettext_lazy("An option of a card is not possible here."),
    "card_there": gettext_lazy("Cards that are there already were not added again."),
    "cards_too_many": gettext_lazy("There is no room for so many cards."),
    "keys_left_out": gettext_lazy("Keys that are too long or too many were left out."),
    "question_added": gettext_lazy("A question was added for a name in the text."),
    "question_left_out": gettext_lazy("Too many questions: the usual answer is filled in."),
    "tags_left_out": gettext_lazy("Tags that are too long or too many were left out."),
    "openings_kept": gettext_lazy("Too many openings: the further ones are kept, not used."),
    "options_kept": gettext_lazy("Links to scenarios that are not here are kept."),
    "kept_too_much": gettext_lazy("What Grue has no place for was too much to keep."),
    "settings_unknown": gettext_lazy("Some of your settings are not possible here."),
}
LEVELS: dict[str, Any] = {
    "kept": gettext_lazy("Kept, not used"),
    "changed": gettext_lazy("Comes in another form"),
    "dropped": gettext_lazy("Does not come"),
}


def text_of(note: Note) -> str:
    """What a note says, in words for the player."""
    text = TEXTS.get(note.code) or reader_messages.TEXTS.get(note.code)
    return str(text) if text else _("This has no place in Grue.")


def lines_of(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored notes for a page, those first that lose most."""
    order = ["dropped", "changed", "kept"]
    found = sorted((Note(**each) for each in notes), key=lambda each: order.index(each.level))
    return [
        {
            "level": each.level,
            "label": str(LEVELS[each.level]),
            "field": each.field,
            "text": text_of(each),
            "count": each.count,
            "detail": each.detail,
        }
        for each in found
    ]
