"""Writes a scenario as a character card: a PNG with version 2 and version 3 of it."""

import base64
import json
from typing import Any

from game.imports import pictures
from game.imports.documents import ScenarioDocument
from game.imports.fields import merge
from game.imports.macros import PLAYER
from game.imports.writers.tavern import write_book_entry
from game.imports.writers.written import Written, with_places


def write(scenario: ScenarioDocument, picture: bytes) -> Written:
    """The card in its picture, a PNG. Raises Unreadable if the picture is none."""
    shown = [each for each in pictures.chunks_of(picture) if each[0] in pictures.SHOWN]
    data = character_of(scenario)
    version2 = {"spec": "chara_card_v2", "spec_version": "2.0", "data": data}
    version3 = {"spec": "chara_card_v3", "spec_version": "3.0", "data": data}
    texts = [text_chunk("chara", version2), text_chunk("ccv3", version3)]
    content = pictures.written([*shown[:1], *texts, *shown[1:]])
    return Written(content, "png", "image/png")


def text_chunk(name: str, data: dict[str, Any]) -> tuple[bytes, bytes]:
    """A chunk with a card in base64."""
    coded = base64.b64encode(json.dumps(data, ensure_ascii=False).encode())
    return b"tEXt", name.encode() + b"\0" + coded


def character_of(scenario: ScenarioDocument) -> dict[str, Any]:
    """The character that stands for a scenario: it is the narrator of its story."""
    usual = {str(each["name"]): str(each.get("default") or "") for each in scenario.placeholders}

    def filled(text: str) -> str:
        return with_places(
            text, lambda name: "{{user}}" if name == PLAYER else usual.get(name, name)
        )

    openings = [filled(each) for each in scenario.openings] or [""]
    notes = scenario.kept.get("creator_notes")
    cards = [write_book_entry(card, number) for number, card in enumerate(scenario.cards)]
    for card in cards:
        card["content"] = filled(card["content"])
    data: dict[str, Any] = {
        "name": scenario.title,
        "description": filled(scenario.memory),
        "personality": "",
        "scenario": "",
        "first_mes": openings[0],
        "alternate_greetings": openings[1:],
        "group_only_greetings": [],
        "mes_example": scenario.kept.get("mes_example", ""),
        "creator_notes": notes if isinstance(notes, str) else scenario.tagline,
        "system_prompt": scenario.kept.get("system_prompt", ""),
        "post_history_instructions": filled(scenario.authors_note),
        "tags": scenario.tags,
        "creator": scenario.kept.get("creator", ""),
        "character_version": scenario.kept.get("character_version", ""),
        "extensions": {},
        "character_book": {"extensions": {}, "entries": cards},
    }
    found = dict(merge(scenario.kept, data))
    # The note has the words of the depth prompt already.
    if isinstance(found["extensions"], dict):
        found["extensions"].pop("depth_prompt", None)
    found.pop("assets", None)  # they are in the archive that the card came from
    return found
