"""Finds out by its content which program wrote a file. The file's name is only the last hint."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from game.exchange.parsers import Unreadable
from game.imports.payload import TEXT_NAMES, Payload


@dataclass(frozen=True)
class Format:
    """A kind of file: the module of `game.imports.formats` that reads it, and its name."""

    module: str
    label: str


FORMATS = {
    "grue": Format("grue", "Grue"),
    "grue_scenario": Format("grue", "Grue"),
    "aidungeon": Format("aidungeon", "AI Dungeon"),
    "aidungeon2": Format("aidungeon2", "AI Dungeon 2"),
    "clover": Format("aidungeon2", "AI Dungeon 2: Clover Edition"),
    "kobold": Format("kobold", "KoboldAI"),
    "kobold_united": Format("kobold", "KoboldAI United"),
    "kobold_lite": Format("kobold", "Kobold Lite"),
    "novelai_story": Format("novelai", "NovelAI"),
    "novelai_scenario": Format("novelai", "NovelAI"),
    "novelai_lorebook": Format("novelai", "NovelAI"),
    "sillytavern_chat": Format("sillytavern", "SillyTavern"),
    "sillytavern_world": Format("sillytavern", "SillyTavern"),
    "character_card": Format("charactercard", "Character Card"),
    "character_book": Format("charactercard", "Character Card"),
    "agnai_memory": Format("sillytavern", "Agnai"),
    "risu_lorebook": Format("sillytavern", "Risu"),
    "cards": Format("cardlist", "JSON"),
    "markdown": Format("text", "Markdown"),
    "text": Format("text", "TXT"),
}

GRUE_YAML = re.compile(r"^(title|tempt|opening|placeholders|first_actions)\s*:", re.MULTILINE)
HEADING = re.compile(r"\A\s*#{1,3} \S|^#{1,3} \S", re.MULTILINE)

Data = dict[str, Any]


def detect(payload: Payload) -> str:
    """The key in FORMATS of an opened file. Raises Unreadable if it is no kind that is read."""
    if payload.archive is not None:
        return of_archive(payload)
    if payload.lines:
        return of_lines(payload.lines)
    if payload.data is not None:
        return of_data(payload.data)
    return of_text(payload)


def of_archive(payload: Payload) -> str:
    """The format of a zip file."""
    if payload.part == "card.json":
        return "character_card"
    assert payload.archive is not None
    if any(name.rsplit("/")[-1] == "grue.json" for name in payload.archive.names):
        return "grue"
    raise Unreadable("unknown")


def of_lines(lines: list[Any]) -> str:
    """The format of JSON Lines."""
    if any(isinstance(each, dict) and isinstance(each.get("mes"), str) for each in lines[:20]):
        return "sillytavern_chat"
    raise Unreadable("unknown")


def of_text(payload: Payload) -> str:
    """The format of a text: a scenario of Grue in YAML, Markdown, or any other."""
    named = {found[1] for found in GRUE_YAML.finditer(payload.text)}
    if {"title", "opening"} <= named and not payload.filename.lower().endswith(TEXT_NAMES):
        return "grue_scenario"
    name = payload.filename.lower()
    if HEADING.search(payload.text) or name.endswith((".md", ".markdown")):
        return "markdown"
    return "text"


def of_data(data: Any) -> str:
    """The format of JSON."""
    if isinstance(data, list):
        return of_list(data)
    if isinstance(data, dict):
        for name, is_one in SIGNS:
            if is_one(data):
                return name
    raise Unreadable("unknown")


def of_list(data: list[Any]) -> str:
    """The format of a list by its first objects."""
    objects = [each for each in data[:50] if isinstance(each, dict)]
    if any("mes" in each and "is_user" in each for each in objects):
        return "sillytavern_chat"
    for each in objects:
        found = next((name for name, is_one in SIGNS if is_one(each)), "")
        if found == "aidungeon" or has(each, "value", "keys") or has(each, "entry", "keys"):
            return "aidungeon"
    if objects or not data:
        return "cards"
    raise Unreadable("unknown")


# ---- signs: what only files of one program have, the surest first


def has(data: Any, *names: str) -> bool:
    """Whether an object has all of these fields."""
    return isinstance(data, dict) and all(name in data for name in names)


def is_grue(data: Data) -> bool:
    """An adventure or a scenario that Grue exported."""
    return (
        data.get("format") == "grue"
        or (isinstance(data.get("adventure"), dict) and "turns" in data)
        or has(data, "title", "tempt", "opening")
    )


def is_character(data: Data) -> bool:
    """A character card, version 1 to 3, or of Pygmalion."""
    if str(data.get("spec") or "").startswith("chara_card"):
        return True
    inner = data["data"] if isinstance(data.get("data"), dict) else data
    return has(inner, "first_mes") or has(data, "char_name") or has(data, "char_greeting")


def is_character_book(data: Data) -> bool:
    """A lorebook of version 3 on its own, or of a site that writes the same entries."""
    if str(data.get("spec") or "").startswith("lorebook"):
        return True
    return any("content" in each and "keys" in each for each in entries_of(data))


def is_world(data: Data) -> bool:
    """SillyTavern's world info."""
    entries = data.get("entries")
    if not isinstance(entries, dict):
        return False
    return not entries or any("content" in each and "key" in each for each in entries_of(data))


def entries_of(data: Data) -> list[Data]:
    """The first entries of a lorebook."""
    entries = data.get("entries")
    values = list(entries.values()) if isinstance(entries, dict) else entries
    if not isinstance(values, list):
        return []
    return [each for each in values[:50] if isinstance(each, dict)]


def is_agnai(data: Data) -> bool:
    """A memory book of Agnai."""
    return data.get("kind") == "memory" or any("keywords" in each for each in entries_of(data))


def is_risu(data: Data) -> bool:
    """A lorebook of Risu."""
    return data.get("type") == "risu" and isinstance(data.get("data"), list)


def is_kobold(data: Data) -> bool:
    """Any save of the KoboldAI family."""
    return "gamestarted" in data or (has(data, "prompt", "actions") and "worldinfo" in data)


def is_united(data: Data) -> bool:
    """A save of KoboldAI United."""
    if not is_kobold(data):
        return False
    return data.get("file_version") == 2 or "worldinfo_v2" in data or has(data, "story_name")


LITE = ("savedsettings", "anotestr", "wisearchdepth", "wiinsertlocation", "savedaestheticsettings")


def is_lite(data: Data) -> bool:
    """A save of Kobold Lite."""
    return is_kobold(data) and any(name in data for name in LITE)


def is_clover(data: Data) -> bool:
    """A save of Clover Edition."""
    return has(data, "actions", "results") and ("top-keks" in data or "context" in data)


AIDUNGEON = (
    *("stories", "scenarios", "storyCards", "worldInfo", "actions", "actionWindow", "adventures"),
    *("scenario", "adventure", "authorsNote"),
)


def is_aidungeon(data: Data) -> bool:
    """A dump of AI Dungeon, or something in one."""
    inner = data["data"] if isinstance(data.get("data"), dict) else data
    if any(isinstance(inner.get(name), list | dict) for name in AIDUNGEON):
        return True
    if isinstance(inner.get("options"), list) and "title" in inner:
        return True
    if isinstance(inner.get("prompt"), str) and any(
        name in inner for name in ("title", "memory", "authorsNote")
    ):
        return True
    return has(data, "keys", "value") or has(data, "keys", "entry")


def is_card_list(data: Data) -> bool:
    """A list of cards in an object, as Grue's own."""
    lists = ("cards", "entries", "story_cards", "world_info", "worldinfo", "lorebook", "data")
    return any(isinstance(data.get(name), list | dict) for name in lists)


SIGNS: tuple[tuple[str, Callable[[Data], bool]], ...] = (
    ("grue", is_grue),
    ("character_card", is_character),
    ("novelai_story", lambda data: "storyContainerVersion" in data),
    ("novelai_scenario", lambda data: "scenarioVersion" in data),
    ("novelai_lorebook", lambda data: "lorebookVersion" in data),
    ("risu_lorebook", is_risu),
    ("agnai_memory", is_agnai),
    ("sillytavern_world", is_world),
    ("character_book", is_character_book),
    ("kobold_united", is_united),
    ("kobold_lite", is_lite),
    ("kobold", is_kobold),
    ("aidungeon2", lambda data: has(data, "story_start", "results")),
    ("clover", is_clover),
    ("sillytavern_chat", lambda data: has(data, "mes", "is_user")),
    ("aidungeon", is_aidungeon),
    ("cards", is_card_list),
)
