"""Saves of KoboldAI (version 1), KoboldAI United (version 2) and Kobold Lite."""

import re
from typing import Any

from game.imports.documents import AdventureDocument, FileDocument
from game.imports.fields import Fields, objects_in, walk
from game.imports.formats.kobold_cards import read_cards
from game.imports.macros import StoryTexts
from game.imports.notes import Notes
from game.imports.payload import Payload
from game.imports.times import time_of
from game.imports.turns import Story

PICKLE = "base64:"  # before an object that Python pickled; it is never opened
INSTRUCT = re.compile(r"\{\{\[(INPUT|OUTPUT)(?:_END)?\]\}\}|\{\{\[SYSTEM(?:_END)?\]\}\}")
# The frame around an author's note; text beside the note's place is kept as it is.
USUAL_FRAME = re.compile(r"\[Author'?s note: ?<\|>\]", re.IGNORECASE)


def read(payload: Payload) -> FileDocument:
    """Read a save. Its words come as they are; settings of models and windows are kept."""
    notes = payload.notes
    fields = Fields(drop_pickles(payload.data, notes), notes)
    lite = fields.peek("savedsettings")
    texts = StoryTexts(notes, *names_of(lite if isinstance(lite, dict) else {}))
    adventure = AdventureDocument(
        title=fields.text("story_name", "title") or payload.stem,
        memory=texts.fill(fields.text("memory")).strip(),
        authors_note=texts.fill(fields.text("authornote", "authorsnote")).strip(),
    )
    fields.text("authorsnote", "authornote")
    frame = fields.peek("anotetemplate") or fields.peek("authornotetemplate")
    if adventure.authors_note and isinstance(frame, str) and not USUAL_FRAME.fullmatch(frame):
        notes.add("note_frame", "anotetemplate", "kept", detail=frame)
    story = Story()
    story.read(texts.fill(fields.text("prompt")))
    if not story.turns and not story.pending:
        story.tell("")
    read_actions(story, fields, texts)
    adventure.turns = story.finish()
    add_summary(adventure, fields, texts)
    adventure.cards = read_cards(fields, texts, notes)
    adventure.kept = fields.rest()
    version = fields.peek("file_version")
    return FileDocument(
        format="kobold",
        version=str(version) if isinstance(version, int) else "",
        adventures=[adventure],
        notes=notes.listed(),
    )


def add_summary(adventure: AdventureDocument, fields: Fields, texts: StoryTexts) -> None:
    """The summary that a program made of the story so far, at its last turn."""
    summary = texts.fill(fields.text("auto_memory", "summary")).strip()
    if summary:
        adventure.turns[-1].summary = {"text": summary, "own": 0, "by": "narrator"}


def names_of(settings: dict[str, Any]) -> tuple[str, str]:
    """The names of the character and of the player in Lite's settings; "" without one."""
    found = []
    for name in ("chatopponent", "chatname"):
        value = settings.get(name)
        # Several characters stand there with "||$||" between them.
        found.append(value.split("||$||")[0].strip() if isinstance(value, str) else "")
    return found[0], "" if found[1] in ("User", "You") else found[1]


def drop_pickles(data: Any, notes: Notes) -> Any:
    """The data without pickled objects, which are counted and never opened."""
    if not any(isinstance(each, str) and each.startswith(PICKLE) for each in walk(data)):
        return data
    return without_pickles(data, notes)


def without_pickles(data: Any, notes: Notes) -> Any:
    """As `drop_pickles`, for data that has some."""
    if isinstance(data, dict):
        found = {}
        for name, value in data.items():
            if isinstance(value, str) and value.startswith(PICKLE):
                notes.add("pickled", name, "dropped")
            else:
                found[name] = without_pickles(value, notes)
        return found
    if isinstance(data, list):
        return [
            without_pickles(each, notes)
            for each in data
            if not (isinstance(each, str) and each.startswith(PICKLE))
        ]
    return data


# ---- the story


def read_actions(story: Story, fields: Fields, texts: StoryTexts) -> None:
    """Add the actions of any version, with the other texts that were offered for each."""
    actions = fields.take("actions")
    metadata = fields.peek("actions_metadata")
    branches = fields.peek("altbranches")
    if isinstance(actions, dict):
        for each in united_actions(actions):
            add_action(story, each, texts, options_of(each, "Options"))
        left = {name: value for name, value in actions.items() if name != "actions"}
        fields.data = {**fields.data, "actions": left}  # kept, but for the texts
        fields.taken.discard("actions")
        return
    for place, action in enumerate(actions if isinstance(actions, list) else []):
        about = entry_at(metadata, place)
        others = options_of(about, "Alternative Text") + branch_texts(entry_at(branches, place))
        if isinstance(action, str):
            add_action(story, {"Selected Text": action}, texts, others)
        else:
            fields.notes.add("wrong_kind", "actions", "dropped")


def united_actions(actions: dict[str, Any]) -> list[dict[str, Any]]:
    """The actions of version 2 in their order, up to the last that is not undone."""
    numbered = actions.get("actions")
    if isinstance(numbered, list):
        return objects_in(numbered)
    if not isinstance(numbered, dict):
        return []
    places = (
        sorted(
            (int(name), each)
            for name, each in numbered.items()
            if name.isdecimal() and len(name) < 12 and isinstance(each, dict)
        )
        if all_different(numbered)
        else []
    )
    last = actions.get("action_count")
    end = last if isinstance(last, int) and not isinstance(last, bool) else len(places)
    return [each for place, each in places if place <= end]


def all_different(numbered: dict[str, Any]) -> bool:
    """Whether no two names are one number, such as `1` and `01`."""
    numbers = [int(name) for name in numbered if name.isdecimal() and len(name) < 12]
    return len(numbers) == len(set(numbers))


def entry_at(entries: Any, place: int) -> Any:
    """What a list, or a map with numbers as names, has at a place; None without."""
    if isinstance(entries, list):
        return entries[place] if place < len(entries) else None
    return entries.get(str(place)) if isinstance(entries, dict) else None


def options_of(action: Any, name: str) -> list[str]:
    """The texts that were offered for an action beside the one that was taken."""
    options = action.get(name) if isinstance(action, dict) else None
    found = []
    for each in options if isinstance(options, list) else []:
        text = (each.get("text") or each.get("Text")) if isinstance(each, dict) else each
        if isinstance(text, str) and text.strip():
            found.append(text)
    return found


def branch_texts(branches: Any) -> list[str]:
    """The other replies that Lite keeps for an action: texts, or objects with one."""
    if isinstance(branches, str):
        return [branches] if branches.strip() else []
    if isinstance(branches, dict):
        branches = [branches.get("text") or branches.get("msg")]
    found = []
    for each in branches if isinstance(branches, list) else []:
        found += branch_texts(each) if isinstance(each, str | dict) else []
    return found


def add_action(story: Story, action: dict[str, Any], texts: StoryTexts, others: list[str]) -> None:
    """Add one action, or one reply with the replies beside it."""
    text = action.get("Selected Text")
    if not isinstance(text, str) or not text.strip():
        return
    created = time_of(action.get("Time"))
    if INSTRUCT.search(text):
        add_instruction(story, text, texts)
        return
    text = texts.fill(text)
    others = [texts.fill(each).strip() for each in others]
    others = [each for each in dict.fromkeys(others) if each != text.strip()]
    if text.lstrip().startswith(">"):
        story.read(text, created=created)
        if others:
            texts.notes.add("other_actions", "Options", "dropped", len(others))
    else:
        story.tell(text.strip(), others, created=created)


def add_instruction(story: Story, text: str, texts: StoryTexts) -> None:
    """Add a text of Lite's instruct mode: marks say who speaks."""
    parts = INSTRUCT.split(text)
    if parts[0].strip():
        story.tell(texts.fill(parts[0]).strip())
    for who, part in zip(parts[1::2], parts[2::2], strict=True):
        part = texts.fill(part).strip()
        if part and who == "INPUT":
            story.act("story", part)
        elif part:
            story.tell(part)
