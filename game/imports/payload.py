"""A file to import, opened: its text, its plain data, or the parts of a picture or an archive."""

import re
from dataclasses import dataclass, field
from typing import Any

from game.exchange.parsers import Unreadable, check_json
from game.imports import archives, encodings, limits, pictures
from game.imports.notes import Notes
from game.imports.values import load_json

BINARY = re.compile(rb"\x89PNG|PK\x03\x04|PK\x05\x06|\xff\xd8\xff|%PDF|GIF8|RIFF|\x1f\x8b|7z\xbc")
# What only JSON begins with, and no story: a story may begin with "[" or "{" as well.
JSON_START = re.compile(r'\s*(\{\s*["}]|\[\s*[\[\]{"\d])')
TEXT_NAMES = (".txt", ".md", ".markdown", ".text")


@dataclass
class Payload:
    """What a file holds before its format is known. `data` is None for what is no JSON."""

    filename: str = ""
    text: str = ""
    data: Any = None
    lines: list[Any] = field(default_factory=list)  # of JSON Lines
    part: str = ""  # where data was in a picture or archive: "chara", "ccv3", "naidata" …
    picture: str = ""  # a PNG in base64
    archive: archives.Archive | None = None
    notes: Notes = field(default_factory=Notes)

    @property
    def stem(self) -> str:
        """The file's name without folders and ending, as a title where the file has none."""
        name = re.split(r"[/\\]", self.filename)[-1]
        return " ".join(re.sub(r"\.[A-Za-z0-9]{1,9}$", "", name).replace("_", " ").split())


def open_payload(content: bytes, filename: str = "") -> Payload:
    """Open a file by its content. Raises Unreadable."""
    if len(content) > limits.LARGEST_FILE:
        raise Unreadable("large", f"{limits.LARGEST_FILE // limits.MIB}")
    if not content:
        raise Unreadable("empty")
    payload = Payload(filename=filename)
    if content.startswith(pictures.SIGNATURE):
        open_picture(payload, content)
    elif archives.is_archive(content):
        open_archive(payload, content)
    elif encodings.is_pickle(content):
        raise Unreadable("pickle")
    elif BINARY.match(content):
        raise Unreadable("unknown")
    else:
        open_text(payload, encodings.decode(content))
    return payload


def open_picture(payload: Payload, content: bytes) -> None:
    """Read the data in a PNG, and the picture without it."""
    found = pictures.read_png(content)
    payload.part, text = found.part, found.text
    payload.picture = found.picture
    for part in found.others:
        payload.notes.add("part_unused", part, "dropped")
    payload.data = parse(payload, text)


def open_archive(payload: Payload, content: bytes) -> None:
    """Open a zip file; the data of a character in it is read at once."""
    payload.archive = archives.Archive(content)
    if "card.json" in payload.archive.names:
        payload.part = "card.json"
        payload.data = parse(payload, encodings.decode(payload.archive.read("card.json")))


def open_text(payload: Payload, text: str) -> None:
    """Read a text as JSON or JSON Lines where it is, else leave it as text."""
    payload.text = text
    if not text.strip():
        raise Unreadable("empty")
    if text.lstrip()[0] not in "[{":
        payload.text = clean(payload, text)
        return
    try:
        payload.data = parse(payload, text)
    except Unreadable as problem:
        if problem.reason != "json":
            raise
        payload.lines = lines_of(payload, text)
        if payload.lines:
            return
        if JSON_START.match(text) and not payload.filename.lower().endswith(TEXT_NAMES):
            raise
        payload.text = clean(payload, text)


def clean(payload: Payload, text: str) -> str:
    """A text without control characters, which are counted in the notes."""
    cleaned = encodings.clean(text)
    if cleaned != text:
        payload.notes.add("control_characters", "", "changed", len(text) - len(cleaned))
    return cleaned


def lines_of(payload: Payload, text: str) -> list[Any]:
    """The values of JSON Lines; none where a line is no JSON. Empty lines are left out."""
    written = [line for line in text.split("\n") if line.strip()]
    if len(written) < 2 or not written[0].lstrip().startswith("{"):
        return []
    found = []
    for number, line in enumerate(written):
        try:
            found.append(load_json(line, payload.notes))
        except Unreadable:
            if number < len(written) - 1 or number < 2:
                return []
            payload.notes.add("cut_off", "", "dropped")  # a chat that was saved while it went on
    return found


def parse(payload: Payload, text: str) -> Any:
    """The JSON in a text. Raises Unreadable."""
    check_json(text, limits.DEEPEST, limits.MOST_VALUES)
    return load_json(text, payload.notes)
