"""What a file holds, in the terms of Grue: the result of every reader of `game.imports.formats`.

A document is plain data (`to_data`, `from_data`), so that it can be made in another process and
kept between the preview and the import. Readers cut nothing and check no limit of the database:
`game.imports.storing` does, and says what did not fit.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CardDocument:
    """A story card. `options` are those of game.cards.options, by their names there."""

    title: str = ""
    keys: list[str] = field(default_factory=list)
    text: str = ""
    pinned: bool = False
    hidden: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)  # fields without a place here, as they were


@dataclass
class TurnDocument:
    """A turn. `parent` is the place of its parent in the list of turns; None for the opening.

    A parent comes before its children. Siblings are retries of each other.
    """

    parent: int | None = None
    kind: str = "story"  # a game.models.Kind
    action: str = ""
    reply: str = ""
    status: str = "told"
    player: str = ""  # the name of who acted, where several play
    created: str = ""  # ISO 8601; empty where the file has no time
    narrator: str = ""
    edits: list[dict[str, Any]] = field(default_factory=list)  # {field, before, at}
    summary: dict[str, Any] = field(default_factory=dict)  # {text, own, by}
    chapter: str = ""  # the title of the chapter that begins with this turn
    world: list[dict[str, Any]] = field(default_factory=list)  # changes of the state
    dice: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # Grue's own parts without a field above
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass
class ScenarioDocument:
    """A scenario. Where `openings` has several, the player chooses; the first is the default."""

    name: str = ""  # by which `options` and adventures of this file refer to it
    title: str = ""
    tagline: str = ""
    tags: list[str] = field(default_factory=list)
    openings: list[str] = field(default_factory=list)
    placeholders: list[dict[str, str]] = field(default_factory=list)  # {name, question, default}
    memory: str = ""
    authors_note: str = ""
    first_actions: list[dict[str, str]] = field(default_factory=list)  # {kind, text}
    world: list[Any] = field(default_factory=list)
    cards: list[CardDocument] = field(default_factory=list)
    options: list[str] = field(default_factory=list)  # names of scenarios that it leads to
    audience: str = ""
    picture: str = ""  # a PNG in base64; empty for none
    extra: dict[str, Any] = field(default_factory=dict)  # Grue's own parts without a field above
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass
class AdventureDocument:
    """An adventure with its tree of turns. `head` is the place of a turn in `turns`."""

    title: str = ""
    memory: str = ""
    authors_note: str = ""
    turns: list[TurnDocument] = field(default_factory=list)
    head: int | None = None  # None: the last turn
    cards: list[CardDocument] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)  # dice, suggestions, sampling …
    audience: str = ""
    scenario: str = ""  # the name of a ScenarioDocument of this file
    created: str = ""
    extra: dict[str, Any] = field(default_factory=dict)  # Grue's own parts without a field above
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass
class Note:
    """Something that the reader of a preview must know. `code` is a key of game.imports.messages.

    `field` is the name that the file uses; `level` is "kept" (kept with the import, not used),
    "changed" (comes in another form) or "dropped" (cannot come).
    """

    code: str
    field: str = ""
    level: str = "kept"
    count: int = 1
    detail: str = ""


@dataclass
class FileDocument:
    """All that one file holds. `format` is a key of game.imports.detection.FORMATS."""

    format: str = ""
    version: str = ""
    adventures: list[AdventureDocument] = field(default_factory=list)
    scenarios: list[ScenarioDocument] = field(default_factory=list)
    cards: list[CardDocument] = field(default_factory=list)  # a list of cards that is no story's
    notes: list[Note] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)  # a player's, of a Grue archive
    kept: dict[str, Any] = field(default_factory=dict)


def every_card(document: FileDocument) -> list[CardDocument]:
    """All cards of a document, those of its stories too."""
    found = [*document.cards]
    for adventure in document.adventures:
        found += adventure.cards
    for scenario in document.scenarios:
        found += scenario.cards
    return found


def to_data(document: Any) -> Any:
    """A document as plain data, which JSON can hold."""
    return dataclasses.asdict(document)


def from_data(data: dict[str, Any]) -> FileDocument:
    """The document that `to_data` made this data from."""
    return FileDocument(
        **{
            **data,
            "adventures": [adventure_from(each) for each in data["adventures"]],
            "scenarios": [scenario_from(each) for each in data["scenarios"]],
            "cards": [CardDocument(**each) for each in data["cards"]],
            "notes": [Note(**each) for each in data["notes"]],
        }
    )


def adventure_from(data: dict[str, Any]) -> AdventureDocument:
    """An adventure of `from_data`."""
    turns = [TurnDocument(**each) for each in data["turns"]]
    return AdventureDocument(
        **{**data, "turns": turns, "cards": [CardDocument(**each) for each in data["cards"]]}
    )


def scenario_from(data: dict[str, Any]) -> ScenarioDocument:
    """A scenario of `from_data`."""
    return ScenarioDocument(**{**data, "cards": [CardDocument(**each) for each in data["cards"]]})
