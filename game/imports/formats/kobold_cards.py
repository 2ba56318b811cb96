"""World info of the KoboldAI family."""

from typing import Any

from game.imports.documents import CardDocument
from game.imports.fields import Fields, objects_in
from game.imports.keys import set_keys, title_of
from game.imports.macros import StoryTexts
from game.imports.notes import Notes


def read_cards(fields: Fields, texts: StoryTexts, notes: Notes) -> list[CardDocument]:
    """The cards of both versions; an entry that is in both lists comes once."""
    newer = fields.take("worldinfo_v2")
    entries = objects_in(newer.get("entries")) if isinstance(newer, dict) else []
    cards = [read_united(each, texts, notes) for each in entries]
    folders = folder_names(fields)
    for name in ("worldinfo_i", "worldinfo_u"):  # the same entries, as the server indexed them
        fields.take(name)
    seen = {(tuple(card.keys), card.text) for card in cards}
    for entry in objects_in(fields.take("worldinfo")):
        if entry.get("init") is False:  # the blank row at the end of each folder
            continue
        card = read_card(entry, folders, texts, notes)
        if card.text or card.keys:
            if (tuple(card.keys), card.text) not in seen:
                cards.append(card)
            seen.add((tuple(card.keys), card.text))
    if isinstance(newer, dict) and (left := {k: v for k, v in newer.items() if k != "entries"}):
        fields.data = {**fields.data, "worldinfo_v2": left}
        fields.taken.discard("worldinfo_v2")
    return [card for card in cards if card.text or card.keys]


def folder_names(fields: Fields) -> dict[str, str]:
    """The names of version 1's folders by their ids. The list itself is kept."""
    folders = fields.peek("wifolders_d")
    if not isinstance(folders, dict):
        return {}
    return {
        name: str(each.get("name") or "")
        for name, each in folders.items()
        if isinstance(each, dict)
    }


def read_card(
    entry: dict[str, Any], folders: dict[str, str], texts: StoryTexts, notes: Notes
) -> CardDocument:
    """An entry of version 1 or of Lite."""
    fields = Fields(entry, notes, "worldinfo.")
    card = CardDocument(title=texts.fill(fields.text("comment")))
    card.text = texts.fill(fields.text("content"), card.title).strip()
    set_keys(card, [texts.fill(key, card.title) for key in fields.texts("key")], notes)
    read_conditions(card, fields, notes)
    folder = folders.get(str(entry.get("folder")))
    if folder:
        notes.add("folder", "folder", "kept", detail=folder)
    card.title = card.title or title_of(card)
    card.kept = fields.rest()
    return card


def read_conditions(card: CardDocument, fields: Fields, notes: Notes) -> None:
    """When a card fires: pinned, off, with or without other keys, by chance."""
    card.pinned = fields.flag("constant") is True
    if fields.flag("widisabled"):
        card.options["disabled"] = True
    selective = fields.flag("selective")
    secondary = fields.texts("keysecondary")
    against = fields.texts("keyanti")
    if secondary and selective is not False:
        card.options |= {"secondary_keys": secondary, "secondary_logic": "and_any"}
    elif secondary:
        keep(fields, "keysecondary")
        notes.add("secondary_off", "keysecondary", "kept")
    if against and "secondary_keys" not in card.options:
        card.options |= {"secondary_keys": against, "secondary_logic": "not_any"}
    elif against:
        keep(fields, "keyanti")
        notes.add("one_secondary", "keyanti", "kept")
    probability = fields.number("probability")
    if probability is not None and probability <= 0:
        card.options["disabled"] = True
        keep(fields, "probability")
    elif probability is not None and probability < 100:
        card.options["probability"] = probability


def keep(fields: Fields, name: str) -> None:
    """Leave a field among the rest although it was read."""
    fields.taken.discard(name)


def read_united(entry: dict[str, Any], texts: StoryTexts, notes: Notes) -> CardDocument:
    """An entry of version 2. Its own text stands in `manual_text`, beside one that was composed."""
    fields = Fields(entry, notes, "worldinfo_v2.")
    card = CardDocument(title=texts.fill(fields.text("title", "comment")))
    card.text = texts.fill(fields.text("content", "manual_text"), card.title).strip()
    if entry.get("manual_text") == entry.get("content"):
        fields.take("manual_text")
    set_keys(card, [texts.fill(key, card.title) for key in fields.texts("key")], notes)
    kind = fields.text("type")
    card.pinned = fields.flag("constant") is True or kind == "constant"
    secondary = fields.texts("keysecondary")
    if secondary:
        card.options |= {"secondary_keys": secondary, "secondary_logic": "and_any"}
    fields.flag("selective")
    folder = fields.peek("folder")
    if isinstance(folder, str) and folder not in ("", "root"):
        notes.add("folder", "folder", "kept", detail=folder)
    card.title = card.title or title_of(card)
    card.kept = fields.rest()
    if kind not in ("", "wi", "constant"):
        card.kept["type"] = kind
    return card
