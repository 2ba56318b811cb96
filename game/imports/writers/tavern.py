"""Writes SillyTavern's chats, and entries of character books."""

import json
import re
from typing import Any

from game.imports.documents import CardDocument
from game.imports.fields import merge
from game.imports.keys import is_pattern
from game.imports.writers.written import Step, Story, Written, as_adventure, option, path_of

LOGIC = {"and_any": 0, "not_all": 1, "not_any": 2, "and_all": 3}


def write_chat(story: Story) -> Written:
    """The path as messages, with retries as swipes."""
    adventure = as_adventure(story)
    user = str(adventure.kept.get("user_name") or "You")
    char = str(adventure.kept.get("character_name") or "Narrator")
    header: dict[str, Any] = {
        "user_name": user,
        "character_name": char,
        "create_date": adventure.created,
        "chat_metadata": {"note_prompt": adventure.authors_note},
    }
    lines = [merge(adventure.kept, header)]
    for step in path_of(adventure):
        if step.action:
            lines.append(message(user, True, step.action, step))
        if step.turn.reply:
            lines.append(merge(step.turn.kept, message(char, False, step.turn.reply, step)))
    content = "\n".join(json.dumps(each, ensure_ascii=False) for each in lines)
    return Written(content.encode(), "jsonl", "application/jsonl")


def message(name: str, is_user: bool, text: str, step: Step) -> dict[str, Any]:
    """One message of a chat."""
    found: dict[str, Any] = {"name": name, "is_user": is_user, "is_system": False, "mes": text}
    if step.turn.created and "send_date" not in step.turn.kept:
        found["send_date"] = step.turn.created
    if step.others and not is_user:
        found |= {"swipes": [*step.others, text], "swipe_id": len(step.others)}
    return found


def write_book_entry(card: CardDocument, number: int) -> dict[str, Any]:
    """An entry of a character's book, version 3. What only SillyTavern knows is an extension."""
    regex = bool(option(card, "regex", False))
    secondary = list(option(card, "secondary_keys", []))
    decorators = [str(each) for each in card.kept.get("decorators", [])]
    kept = {name: value for name, value in card.kept.items() if name != "decorators"}
    entry = {
        "id": kept.get("id", number),
        "name": card.title,
        "comment": card.title,
        "keys": [without_slashes(key) for key in card.keys] if regex else card.keys,
        "content": "\n".join([*decorators, card.text]),
        "enabled": not option(card, "disabled", False),
        "insertion_order": option(card, "order", 100),
        "constant": card.pinned,
        "selective": bool(secondary),
        "secondary_keys": secondary or kept.get("secondary_keys", []),
        "use_regex": regex,
        "position": kept.get("position", "before_char"),
        "extensions": extensions_of(card),
    }
    if "case_sensitive" in card.options:
        entry["case_sensitive"] = card.options["case_sensitive"]
    return dict(merge(kept, entry))


def extensions_of(card: CardDocument) -> dict[str, Any]:
    """SillyTavern's own conditions. It counts messages, of which a turn has two."""
    found: dict[str, Any] = {}
    if "secondary_logic" in card.options:
        found["selectiveLogic"] = LOGIC.get(card.options["secondary_logic"], 0)
    if "probability" in card.options:
        found |= {"probability": card.options["probability"], "useProbability": True}
    for name in ("sticky", "cooldown"):
        if card.options.get(name):
            found[name] = 2 * card.options[name]
    if card.options.get("depth"):
        found["scan_depth"] = 2 * card.options["depth"]
    if card.options.get("group"):
        found["group"] = card.options["group"]
    if "whole_words" in card.options:
        found["match_whole_words"] = card.options["whole_words"]
    return found


def without_slashes(key: str) -> str:
    """A pattern as version 3 has it; one with flags stays between its slashes."""
    return key[1:-1] if is_pattern(key) and re.search(r"/\Z", key) else key
