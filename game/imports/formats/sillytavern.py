"""SillyTavern's chats and world info, Agnai's memory books and Risu's lorebooks."""

from typing import Any

from game.exchange.parsers import Unreadable
from game.imports.documents import AdventureDocument, FileDocument, TurnDocument
from game.imports.fields import Fields, objects_in
from game.imports.formats.tavern_cards import read_agnai, read_risu, read_tavern
from game.imports.macros import StoryTexts
from game.imports.notes import Notes
from game.imports.payload import Payload
from game.imports.times import time_of
from game.imports.turns import Story

NAMES_OF_NOBODY = ("unused", "you", "user", "")  # what newer chats write instead of a name


def read(payload: Payload) -> FileDocument:
    """Read a chat, or a list of entries."""
    data = payload.lines or payload.data
    if isinstance(data, list) or "mes" in data:
        adventure = read_chat(data if isinstance(data, list) else [data], payload)
        found = FileDocument(format="sillytavern_chat", adventures=[adventure])
    else:
        found = read_list(data, payload.notes)
    found.notes = payload.notes.listed()
    return found


# ---- lists of entries


def read_list(data: dict[str, Any], notes: Notes) -> FileDocument:
    """Read world info, a memory book or a lorebook."""
    fields, texts = Fields(data, notes), StoryTexts(notes)
    if data.get("type") == "risu":
        entries = [each for each in fields.objects("data") if each.get("mode") != "folder"]
        cards = [read_risu(each, texts, notes) for each in entries]
    else:
        entries = fields.objects("entries")
        agnai = any("keywords" in each for each in entries[:50])
        cards = [(read_agnai if agnai else read_tavern)(each, texts, notes) for each in entries]
    cards = [each for each in cards if each.text or each.keys]
    if not cards:
        raise Unreadable("no_cards")
    return FileDocument(format="sillytavern_world", cards=cards, kept=fields.rest())


# ---- chats


def read_chat(lines: list[Any], payload: Payload) -> AdventureDocument:
    """Read a chat: a header, and messages with their swipes."""
    notes = payload.notes
    messages = objects_in(lines)
    header = Fields({}, notes)
    if messages and "mes" not in messages[0]:
        header = Fields(messages.pop(0), notes)
    char = header.text("character_name") or first_name(messages, False)
    user = header.text("user_name")
    user = user if user.lower() not in NAMES_OF_NOBODY else first_name(messages, True)
    texts = StoryTexts(notes, char, user if user.lower() not in NAMES_OF_NOBODY else "")
    metadata = header.inner("chat_metadata")
    adventure = AdventureDocument(
        title=char or payload.stem,
        authors_note=texts.fill(metadata.text("note_prompt")).strip(),
        created=time_of(header.take("create_date")),
    )
    several = len(speakers(messages)) > 1
    story = Story()
    for message in messages:
        read_message(story, Fields(message, notes, "mes."), texts, several)
    adventure.turns = story.finish() or [TurnDocument(kind="opening")]
    adventure.kept = header.rest()
    if left := metadata.rest():
        adventure.kept["chat_metadata"] = left
    if user:
        adventure.kept["user_name"] = user
    if char:
        adventure.kept["character_name"] = char
    return adventure


def speakers(messages: list[dict[str, Any]]) -> set[str]:
    """The names of those who speak beside the player."""
    return {
        str(each.get("name"))
        for each in messages
        if not each.get("is_user") and not each.get("is_system")
    }


def first_name(messages: list[dict[str, Any]], is_user: bool) -> str:
    """The name on the first message of the player, or of somebody else; "" without one."""
    for each in messages:
        if bool(each.get("is_user")) is is_user and isinstance(each.get("name"), str):
            return str(each["name"])
    return ""


def read_message(story: Story, fields: Fields, texts: StoryTexts, several: bool) -> None:
    """Add one message. `several`: more than one character speaks, so names are written."""
    name = fields.text("name")
    text = texts.fill(fields.text("mes"), "" if not several else name).strip()
    created = time_of(fields.peek("send_date"))
    swipes = fields.take("swipes")
    swipes = swipes if isinstance(swipes, list) else []
    chosen = fields.take("swipe_id")
    if fields.flag("is_system"):
        fields.notes.add("system_message", "mes", "dropped")
        return
    others = [texts.fill(each).strip() for each in swipes if isinstance(each, str)]
    others = [each for each in dict.fromkeys(others) if each and each != text]
    if fields.flag("is_user"):
        if text:
            story.act("story", text, created=created, kept=fields.rest())
            if others:
                fields.notes.add("other_actions", "swipes", "dropped", len(others))
        return
    if several and name:
        text, others = f"{name}: {text}", [f"{name}: {each}" for each in others]
    if not text and not others:
        return
    kept = fields.rest()
    if others and not story.turns and not story.pending:
        kept |= {"swipes": swipes, "swipe_id": chosen}
        fields.notes.add("other_openings", "swipes", "kept", len(others))
    story.tell(text, others, created=created, kept=kept)
