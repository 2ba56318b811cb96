"""What the notes of readers and writers of other programs' files say, by their codes."""

from typing import Any

from django.utils.translation import gettext_lazy

TEXTS: dict[str, Any] = {
    # Of files as such
    "control_characters": gettext_lazy("Control characters, which nobody sees, were removed."),
    "cut_off": gettext_lazy("The last line is incomplete and was left out."),
    "doubled": gettext_lazy("A name is there twice; the last one counts."),
    "no_number": gettext_lazy("A number that is none was left out."),
    "wrong_kind": gettext_lazy("This has another form than it should, so it is not used."),
    "part_unused": gettext_lazy("The picture holds this as well; it was not read."),
    "picture_unread": gettext_lazy("The picture is no PNG, or too large."),
    "pickled": gettext_lazy(
        "This is a Python pickle, which could run a program. It is not opened."
    ),
    "kept": gettext_lazy("This has no place in Grue. An export to the same format has it again."),
    # Of stories
    "undone": gettext_lazy("Actions that were undone."),
    "undo_tree": gettext_lazy("The undo history of that program."),
    "other_actions": gettext_lazy("Other versions of what the player wrote."),
    "other_openings": gettext_lazy("Other first messages are kept; the chosen one is used."),
    "system_message": gettext_lazy("Messages that were hidden from the model."),
    "note_frame": gettext_lazy("The frame around the author’s note: Grue has its own."),
    "scripts": gettext_lazy("Scripts are kept and never run."),
    "option_missing": gettext_lazy("An option leads to a scenario that is not in this file."),
    # Of texts
    "question": gettext_lazy("A question in the text is asked when the scenario begins."),
    "unanswered": gettext_lazy("Nobody was asked this, so its words stand there."),
    "macro_filled": gettext_lazy("A name was filled in."),
    "macro_asked": gettext_lazy("The player’s name is asked for when the scenario begins."),
    "macro_first": gettext_lazy("The first of several choices was taken."),
    "macro_removed": gettext_lazy("This has no meaning in Grue and was removed from the text."),
    # Of cards
    "keys_expanded": gettext_lazy("Keys with alternatives became several keys."),
    "folder": gettext_lazy("Folders and categories: cards are in one list here."),
    "secondary_off": gettext_lazy("Secondary keys that are switched off."),
    "one_secondary": gettext_lazy(
        "A card has either keys that must be there or keys that must not."
    ),
    "decorator": gettext_lazy("An instruction before a card’s text that has no meaning here."),
    # Of exports
    "retries": gettext_lazy("Other replies to the same action are not in this export."),
    "branches": gettext_lazy("Only the turns up to where the story stands are in this export."),
    "world": gettext_lazy("The state of the world has no place in that format."),
    "summaries": gettext_lazy("Summaries have no place in that format."),
    "chapters": gettext_lazy("Chapters have no place in that format."),
    "hidden": gettext_lazy("Hidden cards are not in this export."),
    "card_option": gettext_lazy("Some options of cards have no place in that format."),
    "first_actions": gettext_lazy("Suggested first actions have no place in that format."),
    "questions_filled": gettext_lazy("Questions cannot be asked there: the usual answer stands."),
    "openings": gettext_lazy("That format has room for one opening only."),
    "pinned": gettext_lazy("That format has no pinned cards: they fire by their keys."),
    "turns": gettext_lazy("A scenario has no turns in that format: its opening is exported."),
    "memory": gettext_lazy("Memory and author’s note have no place in that format."),
    "cards": gettext_lazy("Cards have no place in that format."),
    "options": gettext_lazy("Links to other scenarios have no place in that format."),
    "turn_kinds": gettext_lazy("Continue and story actions are written as plain text there."),
    "picture": gettext_lazy("The scenario has no picture; an empty one carries it."),
}
