"""Character cards, versions 1 to 3, as JSON, PNG or `.charx`: a character becomes a scenario."""

import base64
from typing import Any

from game.exchange.parsers import Unreadable
from game.imports import pictures
from game.imports.documents import FileDocument, ScenarioDocument
from game.imports.fields import Fields
from game.imports.formats.tavern_cards import read_book
from game.imports.macros import ScenarioTexts, StoryTexts
from game.imports.payload import Payload

# What Pygmalion called the same fields.
OLDER = {
    "char_name": "name",
    "char_persona": "description",
    "world_scenario": "scenario",
    "char_greeting": "first_mes",
    "example_dialogue": "mes_example",
}
LONGEST_TAGLINE = 300
EMBEDDED = ("embeded://", "embedded://")  # the specification spells it in the first way


def read(payload: Payload) -> FileDocument:
    """Read a character, or a book of one."""
    data = payload.data
    if not isinstance(data, dict):
        raise Unreadable("damaged", "Character Card")
    spec = str(data.get("spec") or "")
    if spec.startswith("lorebook") or not any(name in inner_of(data) for name in CHARACTER):
        return read_lorebook(data, payload)
    scenario = read_character(data, payload)
    return FileDocument(
        format="character_card",
        version=str(data.get("spec_version") or ("" if spec else "1")),
        scenarios=[scenario],
        notes=payload.notes.listed(),
    )


CHARACTER = ("first_mes", "description", "personality", "name", *OLDER)


def inner_of(data: dict[str, Any]) -> dict[str, Any]:
    """The character's own fields: in `data` since version 2."""
    return data["data"] if isinstance(data.get("data"), dict) else data


def read_lorebook(data: dict[str, Any], payload: Payload) -> FileDocument:
    """Read a book without a character."""
    notes = payload.notes
    fields = Fields(inner_of(data), notes)
    texts = StoryTexts(notes)
    cards = [read_book(each, texts, notes) for each in fields.objects("entries")]
    cards = [each for each in cards if each.text or each.keys]
    if not cards:
        raise Unreadable("no_cards")
    return FileDocument(
        format="character_book", cards=cards, kept=fields.rest(), notes=notes.listed()
    )


def read_character(data: dict[str, Any], payload: Payload) -> ScenarioDocument:
    """The scenario of a character: greetings become openings, the book cards."""
    notes = payload.notes
    inner = {OLDER.get(name, name): value for name, value in inner_of(data).items()}
    fields = Fields(inner, notes)
    char = fields.text("nickname") or fields.text("name") or payload.stem
    texts, plain = ScenarioTexts(notes, char), StoryTexts(notes, char)
    creator_notes = fields.text("creator_notes")
    scenario = ScenarioDocument(
        title=fields.text("name") or char,
        tagline=first_line(plain.fill(creator_notes)),
        tags=[plain.fill(each) for each in fields.texts("tags")],
        openings=openings_of(fields, texts),
        memory=memory_of(fields, texts),
        authors_note=note_of(fields, texts),
    )
    book = fields.inner("character_book")
    scenario.cards = [read_book(each, texts, notes) for each in book.objects("entries")]
    scenario.cards = [each for each in scenario.cards if each.text or each.keys]
    scenario.placeholders = texts.placeholders
    scenario.picture = payload.picture or picture_in(payload, fields.peek("assets"))
    scenario.kept = kept_of(fields, book, creator_notes)
    return scenario


def kept_of(fields: Fields, book: Fields, creator_notes: str) -> dict[str, Any]:
    """What is kept of a character, and of its book."""
    kept = fields.rest()
    if left := book.rest():
        kept["character_book"] = left
    if creator_notes:
        kept["creator_notes"] = creator_notes  # the tagline is only its beginning
    return kept


def first_line(text: str) -> str:
    """The first line of a text that says something."""
    return next((line.strip() for line in text.split("\n") if line.strip()), "")[:LONGEST_TAGLINE]


def openings_of(fields: Fields, texts: StoryTexts) -> list[str]:
    """The greetings, the usual one first. A single text counts as a list of one."""
    written = [fields.text("first_mes")]
    others = fields.take("alternate_greetings")
    others = [others] if isinstance(others, str) else others if isinstance(others, list) else []
    written += [each for each in others if isinstance(each, str)]
    filled = [texts.fill(each).strip() for each in written]
    return list(dict.fromkeys(each for each in filled if each))


def memory_of(fields: Fields, texts: StoryTexts) -> str:
    """What the narrator has to know of a character, in one text."""
    parts = [texts.fill(fields.text("description")).strip()]
    for name, label in (("personality", "Personality"), ("scenario", "Scenario")):
        if text := texts.fill(fields.text(name)).strip():
            parts.append(f"{label}: {text}")
    return "\n\n".join(part for part in parts if part)


def note_of(fields: Fields, texts: StoryTexts) -> str:
    """What stands near the end of the prompt."""
    parts = [texts.fill(fields.text("post_history_instructions")).strip()]
    extensions = fields.peek("extensions")
    deep = extensions.get("depth_prompt") if isinstance(extensions, dict) else None
    if isinstance(deep, dict) and isinstance(deep.get("prompt"), str):
        parts.append(texts.fill(deep["prompt"]).strip())
    return "\n\n".join(part for part in parts if part)


def picture_in(payload: Payload, assets: Any) -> str:
    """The main icon in a `.charx`, if it is a PNG; "" without one."""
    if payload.archive is None or not isinstance(assets, list):
        return ""
    icons = [each for each in assets if isinstance(each, dict) and each.get("type") == "icon"]
    for each in sorted(icons, key=lambda icon: icon.get("name") != "main"):
        uri = each.get("uri")
        path = uri.split("://", 1)[-1] if isinstance(uri, str) and uri.startswith(EMBEDDED) else ""
        if path in payload.archive.names:
            content = payload.archive.read(path)
            if picture := pictures.without_text(content):
                return base64.b64encode(picture).decode()
            payload.notes.add("picture_unread", path, "dropped")
    return ""
