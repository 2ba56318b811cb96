"""Reads Grue's own format: `export.json` of every version, scenarios as JSON or YAML, bundles.

A bundle is a zip file with a list, `grue.json`, of the adventures and scenarios in it.

Version 1 has no `format`, and lacks edits, narrators, hidden cards and the adventure's audience.
"""

from collections.abc import Iterable
from typing import Any

from game.exchange.parsers import Unreadable, check_json, read_yaml
from game.imports import limits
from game.imports.archives import Archive
from game.imports.documents import (
    AdventureDocument,
    CardDocument,
    FileDocument,
    Note,
    ScenarioDocument,
    TurnDocument,
)
from game.imports.notes import Notes
from game.imports.payload import Payload
from game.imports.values import load_json

FORMAT = "grue"
INDEX = "grue.json"  # of a bundle: what is in it
VERSION = 2

ENDED = ("told", "stopped", "failed")
SETTINGS = ("narrator", "sampling", "dice", "summarise", "suggestions")
# Fields of a turn that are computed from others, or read into fields of the document.
TURN_FIELDS = {
    *("id", "parent", "kind", "action", "shown", "reply", "status", "attempt", "edited", "created"),
    *("told", "reason", "siblings", "actions", "versions", "chapter", "telling", "dice"),
    *("narrator", "last_child", "acted", "character", "member"),
}
SCENARIO_FIELDS = {
    *("title", "tempt", "tags", "opening", "placeholders", "memory", "authors_note", "rank"),
    *("first_actions", "world", "cards", "audience", "name", "visibility", "created"),
    *("more_openings", "leads_to"),
}


def is_adventure(data: Any) -> bool:
    """Whether plain data is an adventure that Grue exported."""
    return (
        isinstance(data, dict)
        and isinstance(data.get("adventure"), dict)
        and "head" in data["adventure"]
        and isinstance(data.get("turns"), list)
    )


def is_scenario(data: Any) -> bool:
    """Whether plain data is a scenario that Grue exported, as JSON or YAML."""
    if not isinstance(data, dict):
        return False
    if data.get("format") == FORMAT:
        return isinstance(data.get("scenario"), dict)
    return all(isinstance(data.get(name), str) for name in ("title", "tempt", "opening"))


def read(payload: Payload) -> FileDocument:
    """The document in a file that was opened. Raises Unreadable."""
    if payload.archive is not None:
        return read_bundle(payload.archive)
    if payload.data is None:
        return read_data(read_yaml(payload.text))
    return read_data(payload.data)


def read_bundle(archive: Archive) -> FileDocument:
    """The document of a bundle: of every file that its list names. Raises Unreadable."""
    index = json_of(archive, INDEX)
    if not isinstance(index, dict) or not number(index.get("grue")):
        raise Unreadable("damaged", "Grue")
    found = FileDocument(format=FORMAT, version=str(index["grue"])[:20])
    for row in (*mappings(index.get("scenarios")), *mappings(index.get("adventures"))):
        if (name := text(row, "file")) not in archive.names:
            raise Unreadable("damaged", "Grue")
        part = read_data(json_of(archive, name))
        found.scenarios += part.scenarios
        found.adventures += part.adventures
        found.notes += part.notes
    found.settings = mapping(index, "settings")
    return found


def json_of(archive: Archive, name: str) -> Any:
    """A JSON file of a bundle. Raises Unreadable."""
    content = archive.read(name).decode("utf-8", "replace")
    check_json(content, limits.DEEPEST, limits.MOST_VALUES)
    return load_json(content, Notes())


def read_data(data: Any) -> FileDocument:
    """The document in plain data. Raises Unreadable."""
    found = FileDocument(format=FORMAT, version="1")
    if isinstance(data, dict) and data.get("format") == FORMAT:
        found.version = str(data.get("version", ""))[:20]
        if number(data.get("version")) > VERSION:
            found.notes.append(Note("newer_version", "version", "changed", detail=found.version))
    if is_adventure(data):
        found.adventures.append(read_adventure(data, found.notes))
    elif is_scenario(data):
        inner = data["scenario"] if isinstance(data.get("scenario"), dict) else data
        found.scenarios.append(read_scenario(inner))
    else:
        raise Unreadable("damaged", "Grue")
    return found


def read_adventure(data: dict[str, Any], notes: list[Note]) -> AdventureDocument:
    """An adventure of an export. Raises Unreadable if its turns are no tree."""
    about = data["adventure"]
    rows = in_order([row for row in mappings(data.get("turns")) if told(row)])
    places = {row["id"]: place for place, row in enumerate(rows)}
    turns = [read_turn(row, places) for row in rows]
    for row in mappings(data.get("summaries")):
        of_turn(turns, places, row).summary = {
            "text": text(row, "text"),
            "own": number(row.get("own")),
            "by": text(row, "by"),
        }
    for row in mappings(data.get("chapters")):
        of_turn(turns, places, row).extra["chapter"] = text(row, "title")
    for row in mappings(data.get("marks")):
        of_turn(turns, places, row).extra["mark"] = text(row, "mark")
    for row in mappings(data.get("edits")):
        edit = {name: text(row, name) for name in ("field", "before", "at")}
        of_turn(turns, places, row).edits.append(edit)
    for row in mappings(data.get("world")):
        of_turn(turns, places, row).world = list(mappings(row.get("changes")))
    for name, count in mapping(data, "left_out").items():
        notes.append(Note(f"left_out_{name}"[:40], name[:40], "dropped", number(count)))
    head = about.get("head")
    return AdventureDocument(
        title=text(about, "title"),
        memory=text(about, "memory"),
        authors_note=text(about, "authors_note"),
        turns=turns,
        head=places.get(head) if isinstance(head, str) else None,
        cards=[read_card(each) for each in mappings(data.get("cards"))],
        settings={name: about[name] for name in SETTINGS if name in about},
        audience=text(about, "audience"),
        scenario=text(about, "scenario"),
        created=text(about, "created"),
        extra={
            "id": text(about, "id"),
            "archived": about.get("archived") is True,
            "changed": text(about, "changed"),
            "first_actions": list(mappings(about.get("first_actions"))),
        },
    )


def told(row: dict[str, Any]) -> bool:
    """Whether a row is a turn with words; one that nobody has told yet is none."""
    if not isinstance(row.get("id"), str):
        return False
    return row.get("status") in ENDED or bool(row.get("reply")) or row.get("parent") is None


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns in their order, each after its parent. Raises Unreadable if that cannot be.

    Turns whose parents were left out go with them.
    """
    children: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        parent = row.get("parent")
        children.setdefault(parent if isinstance(parent, str) else None, []).append(row)
    if len({row["id"] for row in rows}) != len(rows) or None not in children:
        raise Unreadable("damaged", "Grue")
    if are_in_order(rows):
        return rows
    ordered: list[dict[str, Any]] = []
    waiting = list(reversed(children[None]))
    while waiting:
        row = waiting.pop()
        ordered.append(row)
        waiting += reversed(children.get(row["id"], []))
    return ordered


def are_in_order(rows: list[dict[str, Any]]) -> bool:
    """Whether each turn stands after its parent."""
    placed: set[Any] = {None}
    for row in rows:
        if row.get("parent") not in placed:
            return False
        placed.add(row["id"])
    return True


def read_turn(row: dict[str, Any], places: dict[str, int]) -> TurnDocument:
    """One turn."""
    status = text(row, "status")
    last = row.get("last_child")
    return TurnDocument(
        parent=places[row["parent"]] if isinstance(row.get("parent"), str) else None,
        kind=text(row, "kind"),
        action=text(row, "action"),
        reply=text(row, "reply"),
        status=status if status in ENDED else "stopped",
        created=text(row, "created"),
        narrator=text(row, "narrator"),
        dice=read_dice(row.get("dice")),
        extra={
            "told": text(row, "told"),
            "reason": text(row, "reason"),
            "attempt": number(row.get("attempt")) or 1,
            "edited": row.get("edited") is True,
            "acted": row.get("acted", row.get("parent") is not None) is True,
            "character": text(row, "character"),
            "last_child": places.get(last) if isinstance(last, str) else None,
        },
        kept={name: value for name, value in row.items() if name not in TURN_FIELDS},
    )


def read_dice(shown: Any) -> dict[str, Any] | None:
    """A roll as turns store it, from what pages show of it."""
    if not isinstance(shown, dict):
        return None
    rolled = {name: value for name, value in shown.items() if name != "text"}
    if isinstance(modifiers := shown.get("modifiers"), list):
        rolled["modifiers"] = [
            {name: value for name, value in each.items() if name != "text"}
            for each in mappings(modifiers)
        ]
    return rolled


def of_turn(turns: list[TurnDocument], places: dict[str, int], row: dict[str, Any]) -> TurnDocument:
    """The turn that a row is about; one that is stored nowhere, if it is not there."""
    place = places.get(text(row, "turn"))
    return TurnDocument() if place is None else turns[place]


def read_card(row: dict[str, Any]) -> CardDocument:
    """One card."""
    known = {"id", "title", "keys", "text", "pinned", "hidden", "options"}
    return CardDocument(
        title=text(row, "title"),
        keys=[each for each in listed(row.get("keys")) if isinstance(each, str)],
        text=text(row, "text"),
        pinned=switched_on(row.get("pinned")),
        hidden=switched_on(row.get("hidden")),
        options=mapping(row, "options"),
        kept={name: value for name, value in row.items() if name not in known},
    )


def read_scenario(row: dict[str, Any]) -> ScenarioDocument:
    """A scenario, from JSON or YAML."""
    world = row.get("world")
    return ScenarioDocument(
        name=text(row, "name"),
        title=text(row, "title"),
        tagline=text(row, "tempt"),
        tags=[each for each in listed(row.get("tags")) if isinstance(each, str)],
        openings=[text(row, "opening"), *strings(row, "more_openings")],
        placeholders=[read_question(each) for each in mappings(row.get("placeholders"))],
        memory=text(row, "memory"),
        authors_note=text(row, "authors_note"),
        first_actions=[
            {"kind": text(each, "kind"), "text": text(each, "text")}
            for each in mappings(row.get("first_actions"))
        ],
        world=[world] if isinstance(world, str) and world.strip() else list(mappings(world)),
        cards=[read_card(each) for each in mappings(row.get("cards"))],
        options=strings(row, "leads_to"),
        audience=text(row, "audience"),
        extra={"created": text(row, "created"), "visibility": text(row, "visibility")},
        kept={name: value for name, value in row.items() if name not in SCENARIO_FIELDS},
    )


def read_question(row: dict[str, Any]) -> dict[str, Any]:
    """A question of a scenario."""
    found: dict[str, Any] = {name: text(row, name) for name in ("name", "question", "default")}
    return {**found, "multiline": True} if switched_on(row.get("multiline")) else found


# Values of strangers


def strings(row: dict[str, Any], name: str) -> list[str]:
    """The texts in a field that is a list of them."""
    return [each for each in listed(row.get(name)) if isinstance(each, str)]


def text(row: dict[str, Any], name: str) -> str:
    """A field that is text; "" if it is something else."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def number(value: Any) -> int:
    """A whole number that is not negative; 0 if it is something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def switched_on(value: Any) -> bool:
    """A boolean of JSON, or of YAML as text."""
    return value is True or (isinstance(value, str) and value.lower() in ("true", "yes", "on"))


def listed(value: Any) -> list[Any]:
    """The value, if it is a list; else an empty one."""
    return value if isinstance(value, list) else []


def mapping(row: dict[str, Any], name: str) -> dict[str, Any]:
    """A field that is a map; {} if it is something else."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> Iterable[dict[str, Any]]:
    """The maps in a list."""
    return (each for each in listed(value) if isinstance(each, dict))
