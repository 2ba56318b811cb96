"""Writes a save for Kobold Lite, which KoboldAI reads as well."""

import json
from typing import Any

from game.imports.documents import CardDocument
from game.imports.fields import merge
from game.imports.writers.written import Story, Written, as_adventure, option, path_of


def write(story: Story) -> Written:
    """The path with retries, memory, note and cards."""
    adventure = as_adventure(story)
    steps = path_of(adventure)
    actions: list[str] = []
    metadata: dict[str, Any] = {}
    for step in steps[1:]:
        if step.action:
            actions.append(f"\n\n{step.line}\n\n")
        if step.turn.reply:
            others = [
                {"Text": each, "Pinned": False, "Previous Selection": True, "Edited": False}
                for each in step.others
            ]
            metadata[str(len(actions))] = {
                "Selected Text": step.turn.reply,
                "Alternative Text": others,
            }
            actions.append(step.turn.reply)
    save = {
        "gamestarted": True,
        "prompt": steps[0].turn.reply if steps else "",
        "memory": adventure.memory,
        "authorsnote": adventure.authors_note,
        "anotetemplate": adventure.kept.get("anotetemplate", "[Author's note: <|>]"),
        "actions": actions,
        "actions_metadata": metadata,
        "worldinfo": [write_card(card) for card in adventure.cards],
        "wifolders_d": adventure.kept.get("wifolders_d", {}),
        "wifolders_l": adventure.kept.get("wifolders_l", []),
        "title": adventure.title,
    }
    content = json.dumps(merge(adventure.kept, save), ensure_ascii=False).encode()
    return Written(content, "json", "application/json")


def write_card(card: CardDocument) -> dict[str, Any]:
    """An entry of world info. A comma would part a key, so none may stay in one."""
    secondary = ",".join(option(card, "secondary_keys", []))
    against = str(option(card, "secondary_logic", "")).startswith("not_")
    entry = {
        "key": ",".join(key.replace(",", " ") for key in card.keys),
        "keysecondary": "" if against else secondary,
        "keyanti": secondary if against else "",
        "selective": bool(secondary) and not against,
        "content": card.text,
        "comment": card.title,
        "constant": card.pinned,
        "probability": option(card, "probability", 100),
        "widisabled": bool(option(card, "disabled", False)),
    }
    if not entry["keysecondary"] and card.kept.get("keysecondary"):
        entry |= {"keysecondary": card.kept["keysecondary"], "selective": False}
    if not entry["keyanti"]:
        entry["keyanti"] = card.kept.get("keyanti", "")
    usual = {"folder": None, "wigroup": ""}
    return {**usual, **merge(card.kept, entry)}
