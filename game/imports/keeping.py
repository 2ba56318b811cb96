"""What Grue has no place for: kept with an import, and written again into the same format.

`Kept` has the parts of one story as its file had them: of the file, of the story, of turns and of
cards. Those of turns and cards are found by the ids that these have here.
"""

import json
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Q

from game.models import Adventure, ImportedStory, Scenario

MOST_KEPT = 4 * 1024**2  # bytes of one story's kept parts, compressed
LONGEST_KEPT = 32 * 1024**2  # bytes of them, uncompressed


@dataclass
class Kept:
    """The parts of a file that are kept and not used."""

    format: str = ""  # a key of game.imports.detection.FORMATS
    version: str = ""
    file: dict[str, Any] = field(default_factory=dict)
    story: dict[str, Any] = field(default_factory=dict)
    turns: dict[str, dict[str, Any]] = field(default_factory=dict)  # by the turn's id
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)  # by the card's id

    def __bool__(self) -> bool:
        return bool(self.file or self.story or self.turns or self.cards)


class TooMuchKept(Exception):
    """The kept parts take more than MOST_KEPT."""


def pack(kept: Kept) -> bytes:
    """The kept parts as they are stored; b"" without any. Raises TooMuchKept."""
    if not kept:
        return b""
    raw = json.dumps(asdict(kept), ensure_ascii=False).encode()
    packed = zlib.compress(raw)
    if len(packed) > MOST_KEPT or len(raw) > LONGEST_KEPT:
        raise TooMuchKept
    return packed


def unpack(packed: bytes | memoryview) -> Kept | None:
    """The parts that `pack` packed; None without any."""
    return Kept(**json.loads(zlib.decompress(bytes(packed)))) if packed else None


def kept_of(story: Adventure | Scenario, format: str = "") -> Kept | None:
    """What is kept of an adventure's or a scenario's own import; None if nothing is.

    With `format` only of an import from that format. Cards that were added later have none here.
    """
    which = Q(adventure=story) if isinstance(story, Adventure) else Q(scenario=story)
    found = ImportedStory.objects.filter(which, added=False).first()
    kept = unpack(found.kept) if found else None
    return kept if kept and format in ("", kept.format) else None
