"""Lists of cards whose program cannot be told: `{title, keys, text}` under any usual name."""

from typing import Any

from game.exchange.parsers import Unreadable
from game.imports.documents import CardDocument, FileDocument
from game.imports.fields import Fields, objects_in
from game.imports.keys import set_keys, title_of
from game.imports.macros import StoryTexts
from game.imports.notes import Notes
from game.imports.payload import Payload

LISTS = ("entries", "cards", "story_cards", "world_info", "worldinfo", "lorebook", "data")
TITLES = ("title", "displayName", "name", "comment")
KEYS = ("keys", "key", "triggers", "keywords")
TEXTS = ("text", "value", "entry", "content")
PINNED = ("pinned", "forceActivation", "constant")
DEEPEST = 4


def read(payload: Payload) -> FileDocument:
    """Read a list of cards. Raises Unreadable if there is none."""
    entries = find_entries(payload.data)
    if entries is None:
        raise Unreadable("unknown")
    if not entries:
        raise Unreadable("no_cards")
    cards = [read_card(each, payload.notes) for each in entries]
    cards = [each for each in cards if each.text or each.keys]
    if not cards:
        raise Unreadable("no_cards")
    return FileDocument(format="cards", cards=cards, notes=payload.notes.listed())


def find_entries(data: Any, depth: int = DEEPEST) -> list[Any] | None:
    """The objects of a list, at any of the places that programs put it; None without a list."""
    if isinstance(data, list):
        return objects_in(data)
    if not isinstance(data, dict) or not depth:
        return None
    for name in LISTS:
        inner = data.get(name)
        if name == "entries" and isinstance(inner, dict):
            return objects_in(inner)
        if isinstance(inner, list | dict):
            found = find_entries(inner, depth - 1)
            if found is not None:
                return found
    return None


def read_card(entry: dict[str, Any], notes: Notes) -> CardDocument:
    """One entry as a card."""
    fields, texts = Fields(entry, notes, "cards."), StoryTexts(notes)
    card = CardDocument(title=texts.fill(fields.text(*TITLES)))
    card.text = texts.fill(fields.text(*TEXTS), card.title)
    set_keys(card, [texts.fill(key, card.title) for key in fields.texts(*KEYS)], notes)
    card.title = card.title or title_of(card)
    card.pinned = any(fields.flag(name) is True for name in PINNED)
    card.hidden = fields.flag("hidden") is True
    if fields.flag("enabled") is False or fields.flag("disable") is True:
        card.options["disabled"] = True
    options = fields.take("options")
    if isinstance(options, dict):
        card.options.update(options)
    card.kept = fields.rest()
    return card
