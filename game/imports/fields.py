"""Reads the fields of another program's object, and keeps the ones that nothing asked for."""

import re
from collections.abc import Iterator
from typing import Any

from game.imports.notes import Notes

# Ids, times and states of the other program's window: kept, but nobody needs to read of them.
QUIET = {
    *("id", "_id", "uid", "num", "init", "publicId", "shortId", "userId", "user_id", "uuid"),
    *("createdAt", "updatedAt", "lastUpdatedAt", "create_date", "publishedAt", "deletedAt"),
    *("__typename", "spec", "spec_version", "file_version", "collapsed", "displayIndex", "index"),
    *("gamestarted", "send_date", "order", "extensions", "isModified", "hasDocument", "step"),
    *("storyContainerVersion", "storyMetadataVersion", "storyContentVersion", "scenarioVersion"),
    *("lorebookVersion", "remoteId", "remoteStoryId", "changeIndex", "settingsDirty", "isOwner"),
}
COMMAS = re.compile(r"[,，、\n]")
EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


class Fields:
    """An object of a file. What `rest` returns are the fields that were never taken."""

    def __init__(self, data: Any, notes: Notes, where: str = "") -> None:
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        self.notes, self.where = notes, where
        self.taken: set[str] = set()

    def take(self, name: str) -> Any:
        """A field as it is; None if it is not there."""
        self.taken.add(name)
        return self.data.get(name)

    def peek(self, name: str) -> Any:
        """A field as it is, which stays among the rest."""
        return self.data.get(name)

    def text(self, *names: str) -> str:
        """The first of these fields that has a text; "" if none has. The others are kept."""
        for name in names:
            value = self.data.get(name)
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                if value not in EMPTY:
                    self.notes.add("wrong_kind", self.where + name)
                continue
            if str(value).strip():
                self.taken.add(name)
                return str(value)
        self.taken.update(name for name in names if self.data.get(name) in EMPTY)
        return ""

    def flag(self, name: str) -> bool | None:
        """A field that is true or false; None if it is neither, and then kept."""
        value = self.data.get(name)
        if isinstance(value, bool) or value in (0, 1):
            self.taken.add(name)
            return bool(value)
        return None

    def number(self, name: str) -> int | None:
        """A field that is a number, as a whole one; None if it is none, and then kept."""
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        self.taken.add(name)
        return int(max(-(10**9), min(10**9, value)))

    def texts(self, *names: str) -> list[str]:
        """The first of these fields that has texts: a list, or a text with commas."""
        for name in names:
            value = self.data.get(name)
            if isinstance(value, str):
                found = [each.strip() for each in COMMAS.split(value)]
            elif isinstance(value, list):
                found = [each.strip() for each in value if isinstance(each, str)]
            else:
                continue
            self.taken.add(name)
            if any(found):
                return [each for each in found if each]
        return []

    def objects(self, name: str) -> list[Any]:
        """The objects in a field: a list, or a map of which only the values count."""
        value = self.data.get(name)
        if isinstance(value, list | dict):
            self.taken.add(name)
            return objects_in(value)
        return []

    def inner(self, name: str) -> "Fields":
        """The object in a field. What is left of it has to be put back with `keep_inner`."""
        value = self.data.get(name)
        if isinstance(value, dict):
            self.taken.add(name)
        return Fields(value, self.notes, f"{self.where}{name}.")

    def rest(self, quiet: bool = False) -> dict[str, Any]:
        """The fields that were not taken, with a note for each that says something."""
        left = {name: value for name, value in self.data.items() if name not in self.taken}
        if not quiet:
            for name, value in left.items():
                if name not in QUIET and value not in EMPTY:
                    self.notes.add("kept", self.where + name)
        return left


def objects_in(value: Any) -> list[Any]:
    """The values of a list or a map that are objects."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [each for each in values if isinstance(each, dict)]


def walk(value: Any) -> Iterator[Any]:
    """Every value inside a value, and itself."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from walk(each)


def merge(kept: Any, written: Any) -> Any:
    """What Grue writes over what was kept: maps are merged, everything else is replaced."""
    if isinstance(kept, dict) and isinstance(written, dict):
        both = {name: merge(kept.get(name), value) for name, value in written.items()}
        return {**kept, **both}
    return written
