"""Writes a scenario for AI Dungeon, with its story cards."""

import json
from typing import Any

from game.imports.documents import CardDocument, ScenarioDocument
from game.imports.fields import merge
from game.imports.keys import expand_key
from game.imports.writers.written import Story, Written, story_text, with_places


def write(story: Story) -> Written:
    """A scenario with its questions; an adventure as one that begins with all its words."""
    if isinstance(story, ScenarioDocument):
        asked = {str(each["name"]): str(each.get("question") or "") for each in story.placeholders}
        prompt, tagline, tags = (story.openings or [""])[0], story.tagline, story.tags
    else:
        asked, prompt, tagline, tags = {}, story_text(story), "", []

    def written(text: str) -> str:
        if not asked:
            return text.replace("$$", "$") if isinstance(story, ScenarioDocument) else text
        return with_places(text, lambda name: f"${{{asked.get(name) or name}}}")

    data: dict[str, Any] = {
        "title": story.title,
        "description": tagline,
        "prompt": written(prompt),
        "memory": written(story.memory),
        "authorsNote": written(story.authors_note),
        "tags": tags,
        "storyCards": [write_card(card, written) for card in story.cards],
    }
    # A later import must find one list of cards and no actions.
    kept = {name: each for name, each in story.kept.items() if name not in ("worldInfo", "actions")}
    content = json.dumps(merge(kept, data), ensure_ascii=False, indent=1).encode()
    return Written(content, "json", "application/json")


def write_card(card: CardDocument, written: Any) -> dict[str, Any]:
    """A story card; keys with a script's settings are written as they came if they are the same."""
    keys = ", ".join(card.keys)
    kept = card.kept.get("keys")
    if isinstance(kept, str):
        expanded = [key for each in kept.split(",") for key in expand_key(each)]
        keys = kept if list(dict.fromkeys(expanded)) == card.keys else keys
    entry = {"keys": written(keys), "value": written(card.text), "title": written(card.title)}
    usual = {"type": "", "description": "", "useForCharacterCreation": False}
    return {**usual, **merge(card.kept, entry)}
