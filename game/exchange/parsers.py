"""Parses untrusted YAML and JSON into plain data, with limits on depth and number of values.

Also a program that game.exchange.sandbox starts: it reads the file from standard input and writes
the data as JSON to standard output. It imports little, so that it starts fast.
"""

import contextlib
import json
import re
import resource
import sys
from collections.abc import Callable
from typing import Any

import yaml

DEEPEST = 20  # levels of nested lists and maps
MOST_PARTS = 50_000  # values and names; a thousand cards of other games have forty each
CPU_SECONDS = 3
MEMORY_BYTES = 512 * 1024 * 1024
LONGEST_ANSWER = 96 * 1024 * 1024  # characters; other scripts take six for a letter

# libyaml's parser is some twenty times as fast as PyYAML's own.
Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

# JSON's punctuation outside strings, and whole strings. The quantifier is possessive, so that a
# string without an end is not searched again from each quotation mark in it.
JSON_PART = re.compile(r'"(?:[^"\\]|\\.)*+"|["\[\]{},:]', re.DOTALL)


class Unreadable(Exception):
    """A file cannot be read: `reason` is a key of `sandbox.REASONS`, `detail` the cause."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, " ".join(detail.split())[:300]


def check_json(text: str, deepest: int, most: int) -> None:
    """Raise Unreadable if JSON is nested deeper, or has more values and names, than these."""
    depth = parts = 0
    for found in JSON_PART.finditer(text):
        match found[0]:
            case "[" | "{":
                depth += 1
                parts += 1
            case "]" | "}":
                depth -= 1
            case "," | ":":
                parts += 1
            case '"':
                break  # a string without an end, which json.loads reports
        if depth > deepest:
            raise Unreadable("deep", f"{deepest}")
        if parts > most:
            raise Unreadable("many", f"{most:,}")


def read_json(text: str) -> Any:
    """Parse JSON. Raises Unreadable."""
    check_json(text, DEEPEST, MOST_PARTS)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:  # ValueError: also numbers of 5,000 digits
        raise Unreadable("json", str(problem)) from None


def read_yaml(text: str) -> Any:
    """Parse YAML into maps, lists and strings. Raises Unreadable.

    YAML's own types are not used: its sexagesimal numbers (1:30:00) take hours of CPU time for a
    megabyte, and `no` would be a boolean.
    """
    try:
        return build_data(yaml.parse(text, Loader=Loader))
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise Unreadable("yaml", str(problem)) from None


def build_data(events: Any) -> Any:
    """Build the data that a stream of YAML events describes. Raises Unreadable at a limit."""
    root: list[Any] = []
    open_nodes: list[Any] = [root]  # lists and Mappings that are not closed yet
    for parts, event in enumerate(events):
        if parts > MOST_PARTS:
            raise Unreadable("many", f"{MOST_PARTS:,}")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable("aliases")
        if isinstance(event, yaml.DocumentStartEvent) and root:
            raise Unreadable("documents")
        if isinstance(event, yaml.ScalarEvent):
            add_value(open_nodes[-1], event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            inner: list[Any] = []
            add_value(open_nodes[-1], inner)
            open_nodes.append(inner)
        elif isinstance(event, yaml.MappingStartEvent):
            found: dict[str, Any] = {}
            add_value(open_nodes[-1], found)
            open_nodes.append(Mapping(found))
        elif isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
        if len(open_nodes) > DEEPEST:
            raise Unreadable("deep", f"{DEEPEST}")
    return root[0] if root else ""


class Mapping:
    """A map that is being built; its events are names and values in turn."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found
        self.name: str | None = None


def add_value(where: Any, value: Any) -> None:
    """Add a value to an open list, or to an open map as a name or the value of one."""
    if isinstance(where, list):
        where.append(value)
    elif where.name is not None:
        where.found[where.name], where.name = value, None
    elif isinstance(value, str):
        where.name = value
    else:
        raise Unreadable("yaml", "a name in it is a list or a map")


READ = {"json": read_json, "yaml": read_yaml}


def read(kind: str, content: bytes) -> Any:
    """Parse a file of this kind, "json" or "yaml". Raises Unreadable."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("encoding") from None
    return READ[kind](text)


def answer(read: Callable[[], Any], cpu_seconds: int, memory_bytes: int) -> None:
    """Print what `read` returns, or why not, as JSON, within limits on CPU time and memory."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    try:
        found = json.dumps({"data": read()})
        if len(found) > LONGEST_ANSWER:
            raise Unreadable("large", f"{LONGEST_ANSWER // 1024**2}")
    except Unreadable as problem:
        found = json.dumps({"reason": problem.reason, "detail": problem.detail})
    except MemoryError:
        found = json.dumps({"reason": "memory", "detail": ""})
    sys.stdout.write(found)


if __name__ == "__main__":
    answer(lambda: read(sys.argv[1], sys.stdin.buffer.read()), CPU_SECONDS, MEMORY_BYTES)
