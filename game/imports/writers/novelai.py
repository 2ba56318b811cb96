"""Writes NovelAI's scenarios and lorebooks."""

import json
import uuid
from dataclasses import replace
from typing import Any

from game.imports.documents import CardDocument, ScenarioDocument
from game.imports.fields import merge
from game.imports.writers.written import (
    Story,
    Written,
    option,
    story_text,
    with_card_answers,
    with_places,
)

SCENARIO_VERSION = 3
LOREBOOK_VERSION = 4
# Ids have to differ and to stay the same when a story is exported again.
IDS = uuid.UUID("5c1f0a52-9b7e-4a64-8f0c-2f1c2b6f7d10")


def write_scenario(story: Story) -> Written:
    """A scenario as one with its questions; an adventure as one that begins with all its words."""
    kept = story.kept
    if isinstance(story, ScenarioDocument):
        story = with_dollars(story)
        prompt, tagline, tags = (story.openings or [""])[0], story.tagline, story.tags
        questions = [write_question(each, place) for place, each in enumerate(story.placeholders)]
    else:
        prompt, tagline, tags, questions = story_text(story), "", [], []
        kept = kept.get("content", {}) if isinstance(kept.get("content"), dict) else {}
    data = {
        "scenarioVersion": SCENARIO_VERSION,
        "title": story.title,
        "description": tagline,
        "prompt": prompt,
        "tags": tags,
        "context": contexts(kept, [story.memory, story.authors_note]),
        "placeholders": questions,
        "lorebook": lorebook_of(story.cards, kept.get("lorebook")),
    }
    # Its readers ask for these, whatever is in them.
    usual = {"author": "", "settings": {}, "ephemeralContext": [], "storyContextConfig": {}}
    content = json.dumps({**usual, **merge(kept, data)}, ensure_ascii=False).encode()
    return Written(content, "scenario", "application/json")


def with_dollars(scenario: ScenarioDocument) -> ScenarioDocument:
    """The scenario with plain dollar signs; its `${name}` is the same in NovelAI."""

    def plain(text: str) -> str:
        return with_places(text, lambda name: f"${{{name}}}")

    return replace(
        scenario,
        openings=[plain(each) for each in scenario.openings],
        memory=plain(scenario.memory),
        authors_note=plain(scenario.authors_note),
        cards=[with_card_answers(card, plain) for card in scenario.cards],
    )


def write_question(asked: dict[str, str], place: int) -> dict[str, Any]:
    """A question as a placeholder."""
    return {
        "key": asked["name"],
        "description": asked.get("question", ""),
        "defaultValue": asked.get("default", ""),
        "longDescription": asked.get("question", ""),
        "order": place,
    }


def contexts(kept: dict[str, Any], texts: list[str]) -> list[dict[str, Any]]:
    """Memory and author's note as entries of the context, placed as they were."""
    placed = kept.get("context")
    entries = placed if isinstance(placed, list) else []
    return [
        {
            **(entries[place] if place < len(entries) and isinstance(entries[place], dict) else {}),
            "text": text,
        }
        for place, text in enumerate(texts)
    ]


def write_lorebook(story: Story) -> Written:
    """The cards alone."""
    kept = story.kept.get("lorebook")
    content = story.kept.get("content")
    if kept is None and isinstance(content, dict):
        kept = content.get("lorebook")
    lorebook = lorebook_of(story.cards, kept)
    return Written(
        json.dumps(lorebook, ensure_ascii=False).encode(), "lorebook", "application/json"
    )


def lorebook_of(cards: list[CardDocument], kept: Any) -> dict[str, Any]:
    """A lorebook with its settings and categories as they were."""
    data = {
        "lorebookVersion": LOREBOOK_VERSION,
        "entries": [write_card(card, number) for number, card in enumerate(cards)],
    }
    usual = {"settings": {"orderByKeyLocations": False}, "categories": []}
    return {**usual, **merge(kept, data)}


def write_card(card: CardDocument, number: int) -> dict[str, Any]:
    """An entry of a lorebook."""
    text = card.text
    frame = card.kept.get("contextConfig")
    if isinstance(frame, dict):  # the words around it are part of the text here
        text = str(text).removeprefix(str(frame.get("prefix") or ""))
        text = text.removesuffix(str(frame.get("suffix") or ""))
    entry = {
        "text": text,
        "displayName": card.title,
        "id": card.kept.get("id") or str(uuid.uuid5(IDS, f"{number} {card.title}")),
        "keys": card.keys,
        "enabled": not option(card, "disabled", False),
        "forceActivation": card.pinned,
    }
    usual = {"searchRange": 1000, "keyRelative": False, "category": ""}
    return {**usual, **merge(card.kept, entry)}
