"""YAML and JSON from strangers, as plain data: limits on depth and number of parts, strings only.

Also a program, which game.exchange.sandbox starts: the file on its standard input, the data as JSON
on its standard output. It imports little, so that it starts fast.
"""

import contextlib
import json
import re
import resource
import sys
from typing import Any

import yaml

DEEPEST = 20  # lists and maps inside each other
MOST_PARTS = 50_000  # values and names: a thousand cards of other games have forty each
CPU_SECONDS = 3
MEMORY_BYTES = 512 * 1024 * 1024

# libyaml's parser is some twenty times as fast as PyYAML's own.
Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

# What JSON consists of outside its texts, and its texts as a whole. Possessive: a text that does
# not end is not tried again from each quotation mark in it.
JSON_PART = re.compile(r'"(?:[^"\\]|\\.)*+"|["\[\]{},:]', re.DOTALL)


class Unreadable(Exception):
    """Why nothing was read: a reason of `sandbox.REASONS`, and what a library said about it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, " ".join(detail.split())[:300]


def read_json(text: str) -> Any:
    """The data in a JSON text. Raises Unreadable."""
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
                break  # a text without an end: json says where
        if depth > DEEPEST:
            raise Unreadable("deep")
        if parts > MOST_PARTS:
            raise Unreadable("many")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:  # ValueError: also numbers of 5,000 digits
        raise Unreadable("json", str(problem)) from None


def read_yaml(text: str) -> Any:
    """The data in a YAML text: maps, lists and strings, as they are written. Raises Unreadable.

    YAML's own types are left out. Its numbers count in sixties (1:30:00), which takes hours of CPU
    for a megabyte; and `no` is a word here.
    """
    try:
        return composed(yaml.parse(text, Loader=Loader))
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise Unreadable("yaml", str(problem)) from None


def composed(events: Any) -> Any:
    """Build the data that a stream of YAML's events describes, counting as it goes."""
    root: list[Any] = []
    open_ones: list[Any] = [root]  # lists, and maps with the name that waits for its value
    for parts, event in enumerate(events):
        if parts > MOST_PARTS:
            raise Unreadable("many")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable("aliases")
        if isinstance(event, yaml.DocumentStartEvent) and root:
            raise Unreadable("documents")
        if isinstance(event, yaml.ScalarEvent):
            put(open_ones[-1], event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            inner: list[Any] = []
            put(open_ones[-1], inner)
            open_ones.append(inner)
        elif isinstance(event, yaml.MappingStartEvent):
            found: dict[str, Any] = {}
            put(open_ones[-1], found)
            open_ones.append(Mapping(found))
        elif isinstance(event, yaml.CollectionEndEvent):
            open_ones.pop()
        if len(open_ones) > DEEPEST:
            raise Unreadable("deep")
    return root[0] if root else ""


class Mapping:
    """A map that is being filled: names and values come in turn."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found
        self.name: str | None = None


def put(where: Any, value: Any) -> None:
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
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("encoding") from None
    return READ[kind](text)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    with contextlib.suppress(ValueError, OSError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        answer = {"data": read(sys.argv[1], sys.stdin.buffer.read())}
    except Unreadable as problem:
        answer = {"reason": problem.reason, "detail": problem.detail}
    except MemoryError:
        answer = {"reason": "many", "detail": ""}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
