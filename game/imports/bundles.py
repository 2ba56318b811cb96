"""Bundles: zip files (`.grue`) of adventures, scenarios and a player's settings.

A bundle is written as a stream, and imported in parts, each a small bundle that is read in a
process of its own: so neither takes memory for all of it.
"""

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

from django.utils.text import slugify

from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports import archives, limits, player_settings, previews
from game.imports.documents import Note
from game.imports.formats.grue import INDEX, VERSION, mappings, number, text
from game.imports.notes import Notes
from game.imports.values import clean_value
from game.imports.writers import grue
from game.models import Adventure, Player, Scenario

LONGEST_INDEX = 2 * 1024**2  # bytes
LONGEST_DIRECTORY = 1024**2  # bytes of a zip file's list of files
PART_BYTES = 4 * 1024**2  # of a part's files, uncompressed; one file may have more
MOST_BYTES = 512 * 1024**2  # of all files, uncompressed
END = struct.Struct("<4s4H2LH")  # of a zip file's directory
LOCATOR = 20  # bytes before END in a zip64 file, whose END says nothing about its directory
LONGEST_COMMENT = 65_535


# ---- writing


class Sink(io.RawIOBase):
    """Collects what a zip file writes, until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        """It can be written."""
        return True

    def write(self, data: Any) -> int:
        """Keep a piece."""
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since."""
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def everything_of(player: Player, hidden: bool = False) -> Iterator[bytes]:
    """A bundle of all that a player has; `hidden`: with what they do not see, for another host."""
    adventures = Adventure.objects.of(player).select_related("scenario").order_by("created", "pk")
    scenarios = Scenario.objects.all().of(player).order_by("created", "slug")
    settings = player_settings.settings_of(player)
    return bundle_of(player, adventures.iterator(), scenarios.iterator(), settings, hidden)


def bundle_of(
    player: Player,
    adventures: Iterator[Adventure],
    scenarios: Iterator[Scenario],
    settings: dict[str, Any] | None = None,
    hidden: bool = False,
) -> Iterator[bytes]:
    """A bundle in pieces, as the player may see what is in it."""
    sink = Sink()
    index: dict[str, Any] = {"grue": VERSION, "adventures": [], "scenarios": []}
    if settings:
        index["settings"] = settings
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as out:
        for scenario in scenarios:
            row = new_row(index["scenarios"], "scenarios", scenario.title)
            row["cards"] = scenario.cards.count()
            out.writestr(row["file"], grue.scenario_json(scenario))
            yield sink.take()
        for adventure in adventures:
            row = new_row(index["adventures"], "adventures", adventure.title)
            row |= {"turns": adventure.turns.count(), "cards": adventure.cards.count()}
            sees = hidden or grue.sees_hidden(player, adventure)
            with out.open(row["file"], "w") as file:
                for piece in grue.adventure_pieces(adventure, sees):
                    file.write(piece.encode())
                    if taken := sink.take():
                        yield taken
        out.writestr(INDEX, json.dumps(index, ensure_ascii=False))
    yield sink.take()


def new_row(rows: list[dict[str, Any]], folder: str, title: str) -> dict[str, Any]:
    """A new row of the index, with the name of its file."""
    name = slugify(title)[:40] or folder[:-1]
    row = {"file": f"{folder}/{len(rows) + 1:04d}-{name}.json", "title": title}
    rows.append(row)
    return row


# ---- reading


def is_bundle(content: bytes) -> bool:
    """Whether a file is a bundle: a zip file with an index in it."""
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        return INDEX in opened(content).namelist()
    except Unreadable:
        return False  # the reader of all other files says what is wrong


def opened(content: bytes) -> zipfile.ZipFile:
    """The zip file. Raises Unreadable before a huge directory is read."""
    at = content.rfind(b"PK\x05\x06", max(0, len(content) - END.size - LONGEST_COMMENT))
    if at < 0 or len(content) < at + END.size:
        raise Unreadable("zip")
    count, size = END.unpack_from(content, at)[4:6]
    if count > limits.MOST_MEMBERS or size > LONGEST_DIRECTORY:
        raise Unreadable("zip_many", f"{limits.MOST_MEMBERS:,}")
    if content[max(0, at - LOCATOR) : at].startswith(b"PK\x06\x07"):
        raise Unreadable("zip")
    return archives.open_zip(content)


def member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A file of a bundle, at most `most` bytes of it. Raises Unreadable."""
    try:
        return archives.read_member(archive, name, most)
    except KeyError:
        raise Unreadable("damaged", "Grue") from None


def index_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The index of a bundle. Raises Unreadable."""
    found = clean_value(sandbox.read("json", member(archive, INDEX, LONGEST_INDEX)), Notes())
    if not isinstance(found, dict) or not number(found.get("grue")):
        raise Unreadable("damaged", "Grue")
    return found


def parts_of(content: bytes) -> Iterator[bytes]:
    """The bundle as several small ones, scenarios first. Raises Unreadable."""
    archive = opened(content)
    index = index_of(archive)
    settings = index.get("settings")
    part = Part(index["grue"], settings if isinstance(settings, dict) else {})
    left = MOST_BYTES
    for kind in ("scenarios", "adventures"):
        for row in mappings(index.get(kind)):
            found = member(archive, text(row, "file"), min(left, limits.LARGEST_PART))
            left -= len(found)
            if part.size and part.size + len(found) > PART_BYTES:
                yield part.packed()
                part = Part(index["grue"], {})
            part.add(kind, text(row, "file"), found)
    yield part.packed()


class Part:
    """A small bundle that is being put together."""

    def __init__(self, version: int, settings: dict[str, Any]) -> None:
        self.index: dict[str, Any] = {"grue": version, "adventures": [], "scenarios": []}
        self.index["settings"] = settings
        self.files: dict[str, bytes] = {}

    @property
    def size(self) -> int:
        """How many bytes its files have."""
        return sum(map(len, self.files.values()))

    def add(self, kind: str, name: str, content: bytes) -> None:
        """Add a file."""
        self.index[kind].append({"file": name})
        self.files[name] = content

    def packed(self) -> bytes:
        """The bundle, not compressed."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as out:
            for name, content in self.files.items():
                out.writestr(name, content)
            out.writestr(INDEX, json.dumps(self.index))
        return target.getvalue()


def preview_of(content: bytes) -> tuple[dict[str, Any], str]:
    """The preview of a bundle, by its index, and its version. Raises Unreadable."""
    index = index_of(opened(content))
    adventures = list(mappings(index.get("adventures")))
    scenarios = list(mappings(index.get("scenarios")))
    stories = [
        previews.story(
            kind,
            text(row, "title"),
            **{name: number(row.get(name)) for name in ("turns", "cards") if name in row},
        )
        for kind, rows in (("adventure", adventures), ("scenario", scenarios))
        for row in rows
    ]
    preview = {
        "adventures": len(adventures),
        "scenarios": len(scenarios),
        "cards": sum(each["counts"].get("cards", 0) for each in stories),
        "turns": sum(each["counts"].get("turns", 0) for each in stories),
        "settings": bool(index.get("settings")),
        "stories": stories[: previews.MOST_TITLES],
        "notes": notes_of(index),
    }
    return preview, str(index["grue"])[:20]


def notes_of(index: dict[str, Any]) -> list[dict[str, Any]]:
    """What a bundle's index says that a player must know."""
    if number(index["grue"]) <= VERSION:
        return []
    return [vars(Note("newer_version", "grue", "changed", detail=str(index["grue"])[:20]))]
