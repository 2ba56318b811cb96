"""Saves of AI Dungeon 2 (2019), and of its Clover Edition."""

from itertools import zip_longest
from typing import Any

from game.imports.documents import AdventureDocument, FileDocument
from game.imports.fields import Fields
from game.imports.macros import StoryTexts
from game.imports.payload import Payload
from game.imports.turns import Story, read_action


def read(payload: Payload) -> FileDocument:
    """Read a save: a first text, and actions with their results."""
    fields, texts = Fields(payload.data, payload.notes), StoryTexts(payload.notes)
    actions, results = strings(fields.take("actions")), strings(fields.take("results"))
    adventure = AdventureDocument(title=payload.stem)
    story = Story()
    start = fields.text("story_start")
    if start:
        story.tell(texts.fill(start).strip())
        fields.text("context")  # the same words again, as far as the model saw them
    else:
        memory = fields.take("memory")
        parts = [fields.text("context"), *strings(memory)]
        adventure.memory = "\n".join(texts.fill(each).strip() for each in parts if each.strip())
        first, actions = (actions[:1] or [""])[0], actions[1:]
        told, results = (results[:1] or [""])[0], results[1:]
        story.tell(texts.fill(" ".join(each.strip() for each in (first, told) if each.strip())))
    for action, result in zip_longest(actions, results, fillvalue=""):
        add_turn(story, texts.fill(action).strip(), texts.fill(result).strip())
    adventure.turns = story.finish()
    adventure.kept = fields.rest()
    notes = payload.notes.listed()
    return FileDocument(format="aidungeon2", adventures=[adventure], notes=notes)


def add_turn(story: Story, action: str, result: str) -> None:
    """Add an action with its result."""
    if action.startswith(">"):
        story.act(*read_action(action.lstrip("> \t")))
    elif action:
        story.act("story", action)
    if result:
        story.tell(result)


def strings(value: Any) -> list[str]:
    """The texts of a list; "" for what is none, so that places stay."""
    if not isinstance(value, list):
        return []
    return [each if isinstance(each, str) else "" for each in value]
