"""Writes scripts/frontend/protocol.d.ts: the types of game/play/protocol.py for static/js.

    python scripts/socket_types.py            write the file
    python scripts/socket_types.py --check    fail, and say so, where the file is out of date

tsc (`make check`) holds the pages' scripts to these types. Nothing of them reaches a browser.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ROOT / "scripts" / "frontend" / "protocol.d.ts"
HEAD = """\
// Made by scripts/socket_types.py from game/play/protocol.py: change that file, and run it again.

declare namespace Protocol {
"""


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema, as pydantic makes them, as a type of TypeScript.

    Raises ValueError for a schema of a kind that no message has had so far.
    """
    if "$ref" in schema:
        return str(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(type_of(each) for each in schema["anyOf"])
    match schema.get("type"):
        case "string":
            return "string"
        case "integer" | "number":
            return "number"
        case "boolean":
            return "boolean"
        case "null":
            return "null"
        case "array":
            item = type_of(schema["items"])
            return f"({item})[]" if " | " in item else f"{item}[]"
        case "object" if "properties" not in schema:
            return "Record<string, any>"
    raise ValueError(f"no type of TypeScript for {schema}")


def interface(name: str, schema: dict[str, Any]) -> str:
    """A model as an interface, with its docstring. Fields with a default may be missing."""
    needed = {*schema.get("required", []), "type"}
    lines = (
        [f"  /** {' '.join(schema['description'].split())} */"] if "description" in schema else []
    )
    lines.append(f"  interface {name} {{")
    for field, each in schema["properties"].items():
        lines.append(f"    {field}{'' if field in needed else '?'}: {type_of(each)};")
    lines.append("  }")
    return "\n".join(lines)


def union(members: Iterable[str]) -> str:
    return "\n".join(f"    | {each}" for each in members)


def socket_types() -> str:
    """What stands in protocol.d.ts."""
    from pydantic.json_schema import models_json_schema  # noqa: PLC0415

    from game.play import protocol  # noqa: PLC0415 (Django has to be set up first)

    commands = [*get_args(protocol.Keyed), protocol.Resume, protocol.Ping]
    logged = [*get_args(protocol.LoggedEvent), *get_args(protocol.WorkerEvent)]
    direct = list(get_args(protocol.DirectEvent))
    _, schemas = models_json_schema(
        [(each, "validation") for each in [*commands, *logged, *direct]], ref_template="{model}"
    )
    models = schemas["$defs"]
    blocks = [interface(name, models[name]) for name in sorted(models)]
    blocks += [
        f"  type Command =\n{union(each.__name__ for each in commands)};",
        "  /** What the log holds; `id` is its place there. */\n"
        f"  type LoggedEvent = (\n{union(each.__name__ for each in logged)}\n"
        "  ) & { id: string };",
        f"  type Event =\n{union(['LoggedEvent', *(each.__name__ for each in direct)])};",
    ]
    return HEAD + "\n\n".join(blocks) + "\n}\n"


def main(check: bool) -> None:
    import django  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dungeon.settings")
    django.setup()
    made = socket_types()
    if not check:
        WRITTEN.write_text(made)
    elif not WRITTEN.exists() or WRITTEN.read_text() != made:
        sys.exit("grue: protocol.d.ts is out of date: .venv/bin/python scripts/socket_types.py")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main("--check" in sys.argv[1:])
