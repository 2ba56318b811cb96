"""NovelAI: stories, scenarios and lorebooks of every version, lorebooks in PNG too."""

from typing import Any

from game.exchange.parsers import Unreadable
from game.imports.documents import (
    AdventureDocument,
    CardDocument,
    FileDocument,
    ScenarioDocument,
)
from game.imports.fields import Fields, objects_in
from game.imports.formats.novelai_document import read_sections
from game.imports.keys import set_keys, title_of
from game.imports.macros import ScenarioTexts, StoryTexts, declared_of
from game.imports.notes import Notes
from game.imports.payload import Payload
from game.imports.times import time_of
from game.imports.turns import Story

QUESTIONS = ("longDescription", "description")


def read(payload: Payload) -> FileDocument:
    """Read a story, a scenario or a lorebook."""
    data, notes = payload.data, payload.notes
    if "storyContainerVersion" in data:
        found = read_container(data, payload)
    elif "scenarioVersion" in data:
        scenario = read_scenario(data, payload)
        version = str(data.get("scenarioVersion"))
        found = FileDocument("novelai_scenario", version, scenarios=[scenario])
    else:
        cards, kept = read_lorebook(data, StoryTexts(notes), notes)
        if not cards:
            raise Unreadable("no_cards")
        version = str(data.get("lorebookVersion"))
        found = FileDocument("novelai_lorebook", version, cards=cards, kept=kept)
    found.notes = notes.listed()
    return found


def read_container(data: dict[str, Any], payload: Payload) -> FileDocument:
    """Read a story with its context and lorebook."""
    fields = Fields(data, payload.notes)
    about, content = fields.inner("metadata"), fields.inner("content")
    texts = StoryTexts(payload.notes)
    memory, note, context = read_context(content, texts)
    cards, lorebook = read_lorebook(content.take("lorebook"), texts, payload.notes)
    adventure = AdventureDocument(
        title=about.text("title") or payload.stem,
        memory=memory,
        authors_note=note,
        turns=read_story(content, texts),
        cards=cards,
        created=time_of(about.peek("createdAt")),
    )
    description = about.text("description")
    inner = {**content.rest(), **context}
    if lorebook:
        inner["lorebook"] = lorebook
    metadata = about.rest()
    if description:
        metadata["description"] = description
        payload.notes.add("kept", "metadata.description")
    adventure.kept = {**fields.rest(), "metadata": metadata, "content": inner}
    version = str(content.peek("storyContentVersion") or data.get("storyContainerVersion"))
    return FileDocument("novelai_story", version, adventures=[adventure])


def read_context(fields: Fields, texts: StoryTexts) -> tuple[str, str, dict[str, Any]]:
    """Memory and author's note of a context, and how it places them, which is kept."""
    context = fields.take("context")
    entries = (
        [each if isinstance(each, dict) else {} for each in context or []][:2]
        if isinstance(context, list)
        else []
    )
    written = [each.get("text") for each in entries]
    found = [texts.fill(each).strip() if isinstance(each, str) else "" for each in written]
    memory, note = [*found, "", ""][:2]
    kept = [{name: each[name] for name in each if name != "text"} for each in entries]
    return memory, note, {"context": kept} if any(kept) else {}


# ---- the words of a story


def read_story(content: Fields, texts: StoryTexts) -> Any:
    """The turns of a story of any version."""
    story = Story()
    found = content.inner("story")
    fragments = found.take("fragments")
    text = found.text("text")
    document = content.take("document")
    if isinstance(fragments, list) and fragments:
        read_fragments(story, fragments, texts)
    elif text:
        story.read(texts.fill(text))
    elif isinstance(document, str) and document:
        sections = read_sections(document)
        story.read(texts.fill("\n".join(sections)))
        content.notes.add("undo_tree", "document", "dropped")
    if found.take("datablocks"):
        content.notes.add("undo_tree", "datablocks", "dropped")
    if left := found.rest(quiet=True):
        content.data = {**content.data, "story": left}
        content.taken.discard("story")
    if not story.turns and not story.pending:
        story.tell("")
    return story.finish()


def read_fragments(story: Story, fragments: list[Any], texts: StoryTexts) -> None:
    """Add fragments: what the player wrote is a story action, what the model wrote a reply.

    Fragments of one origin that follow each other are one text: an edit splits them.
    """
    for origin, written in joined(fragments):
        text = texts.fill(written).strip()
        if not text:
            continue
        if origin == "user" and (story.turns or story.pending):
            if text.startswith(">"):
                story.read(text)
            else:
                story.act("story", text)
        else:
            story.read(text)


def joined(fragments: list[Any]) -> list[tuple[str, str]]:
    """The texts of fragments with whose they are: "prompt", "user" or "ai"."""
    found: list[tuple[str, list[str]]] = []
    for each in objects_in(fragments):
        data, origin = each.get("data"), str(each.get("origin") or "ai")
        if not isinstance(data, str):
            continue
        # An edit of a reply belongs to it; "root" is what older versions call the prompt.
        origin = {"root": "prompt", "edit": found[-1][0] if found else "prompt"}.get(origin, origin)
        if found and found[-1][0] == origin:
            found[-1][1].append(data)
        else:
            found.append((origin, [data]))
    return [(origin, "".join(parts)) for origin, parts in found]


# ---- scenarios and lorebooks


def read_scenario(data: dict[str, Any], payload: Payload) -> ScenarioDocument:
    """A scenario with its questions and its lorebook."""
    notes = payload.notes
    fields = Fields(data, notes)
    listed = fields.take("placeholders")
    listed = listed if isinstance(listed, list) else []
    listed = [{"key": each} if isinstance(each, str) else each for each in listed]
    texts = ScenarioTexts(notes, "", declared_of(listed, "key", QUESTIONS, "defaultValue"))
    plain = StoryTexts(notes)
    memory, note, context = read_context(fields, texts)
    opening = texts.fill(fields.text("prompt"))
    cards, lorebook = read_lorebook(fields.take("lorebook"), texts, notes)
    scenario = ScenarioDocument(
        title=plain.fill(fields.text("title")) or payload.stem,
        tagline=plain.fill(fields.text("description")),
        tags=[plain.fill(each) for each in fields.texts("tags")],
        openings=[opening] if opening.strip() else [],
        memory=memory,
        authors_note=note,
        cards=cards,
        placeholders=texts.placeholders,
    )
    scenario.kept = {**fields.rest(), **context}
    if lorebook:
        scenario.kept["lorebook"] = lorebook
    if any(isinstance(each, dict) and len(each) > 1 for each in listed):
        scenario.kept["placeholders"] = listed
    return scenario


def read_lorebook(
    data: Any, texts: StoryTexts, notes: Notes
) -> tuple[list[CardDocument], dict[str, Any]]:
    """The cards of a lorebook, and its settings and categories, which are kept."""
    fields = Fields(data, notes, "lorebook.")
    entries = fields.objects("entries")
    names = {
        str(each.get("id")): str(each.get("name") or "")
        for each in objects_in(fields.peek("categories"))
    }
    cards = [read_entry(each, names, texts, notes) for each in entries]
    return [each for each in cards if each.text or each.keys], fields.rest()


def read_entry(
    entry: dict[str, Any], categories: dict[str, str], texts: StoryTexts, notes: Notes
) -> CardDocument:
    """An entry of a lorebook."""
    fields = Fields(entry, notes, "lorebook.")
    card = CardDocument(title=texts.fill(fields.text("displayName")))
    card.text = texts.fill(framed(fields), card.title).strip()
    keys = fields.data.get("keys")
    written = [each for each in keys if isinstance(each, str)] if isinstance(keys, list) else []
    fields.take("keys")
    set_keys(card, [each.strip() for each in written if each.strip()], notes)
    card.pinned = fields.flag("forceActivation") is True
    if fields.flag("enabled") is False:
        card.options["disabled"] = True
    category = fields.peek("category")
    if isinstance(category, str) and category:
        notes.add("folder", "category", "kept", detail=categories.get(category) or category)
    card.title = card.title or title_of(card)
    card.kept = fields.rest()
    return card


def framed(fields: Fields) -> str:
    """An entry's text with the words that its settings put before and after it."""
    text = fields.text("text")
    frame = fields.peek("contextConfig")
    if not text or not isinstance(frame, dict):
        return text
    prefix, suffix = frame.get("prefix"), frame.get("suffix")
    before = prefix if isinstance(prefix, str) else ""
    return f"{before}{text}{suffix if isinstance(suffix, str) else ''}"
