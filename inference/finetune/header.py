"""The header of an adventure's file: what stands before the opening, and the lines of the state."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from inference.contract.request import Card
from inference.contract.world import MOST_AIMS, MOST_CHANGES, WorldChange
from inference.finetune.trouble import CorpusError
from inference.world import lines as world_lines
from inference.world.lines import LineError

HEADER = ("title", "tags", "author", "licence")
# What a header may have besides, each once; cards and lines of the state as often as wanted.
OPTIONAL = ("language", "players", "memory", "note", "summary", "before")
CARD, PINNED_CARD = "card", "pinned card"
STATE = (*world_lines.KEYWORDS, *(f"{world_lines.HIDDEN} {each}" for each in world_lines.KEYWORDS))
MAY_HAVE = f"{', '.join((*OPTIONAL, CARD, PINNED_CARD))}, or lines of the state"
# The languages of adventures by their codes, as `inference.languages` calls them.
LANGUAGES = {
    "en": "english",
    "zh": "chinese",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "ru": "russian",
    "pl": "polish",
    "sv": "swedish",
    "da": "danish",
    "no": "norwegian",
    "fi": "finnish",
    "tr": "turkish",
    "hu": "hungarian",
}
# Lines of the state that scenarios do not have: only a turn reaches an aim, and what rules read in
# an opening by mistake is forgotten in the header.
DONE, FORGET = "done", "forget"
FIELD = re.compile(r"(\w+(?: \w+)?):(.*)")


@dataclass(frozen=True)
class Change:
    """A change of the state of the world that the author declares, and its line."""

    change: WorldChange
    line: int


@dataclass(frozen=True)
class Header:
    """What stands before the opening.

    `before` is the number of turns that were played before the opening, `summary` sums them up.
    `lines` has the line of each field. Cards are sorted by title, as in play.
    """

    title: str
    tags: tuple[str, ...]
    author: str
    licence: str
    language: str = "en"
    players: tuple[str, ...] = ()
    memory: str = ""
    note: str = ""
    summary: str = ""
    before: int = 0
    cards: tuple[tuple[Card, int], ...] = ()  # each with its line
    state: tuple[Change, ...] = ()
    lines: dict[str, int] = field(default_factory=dict)


def header_of(lines: list[str], called: str) -> tuple[Header, int]:
    """The header, and the index of the line after it. Raises CorpusError."""
    fields: dict[str, str] = {}
    places: dict[str, int] = {}
    cards: list[tuple[Card, int]] = []
    state: list[Change] = []
    index = 0
    for index, line in enumerate(lines):
        if not line.strip():
            break
        found = FIELD.fullmatch(line)
        name, value = (found[1], found[2].strip()) if found else ("", "")
        if name in (CARD, PINNED_CARD):
            cards.append((card_of(value, name == PINNED_CARD, called, index + 1), index + 1))
        elif name in (*STATE, FORGET):
            state += changes_in(name, value, called, index + 1)
        elif name not in (*HEADER, *OPTIONAL):
            what = f"the header has {', '.join(HEADER)}, may have {MAY_HAVE}, and an empty line"
            raise CorpusError(called, index + 1, f"{what} after it; this is {line[:40]!r}")
        elif name in fields:
            raise CorpusError(called, index + 1, f"{name} is there twice")
        elif not value and name in OPTIONAL:
            raise CorpusError(called, index + 1, f"nothing follows {name}:")
        else:
            fields[name], places[name] = value, index + 1
    for name in HEADER:
        if not fields.get(name):
            raise CorpusError(called, 1, f"the header has no {name}")
    check_state(state, called)
    header = Header(
        title=fields["title"],
        tags=parted(fields["tags"]),
        author=fields["author"],
        licence=fields["licence"],
        language=language_in(fields, called, places),
        players=players_in(fields, called, places),
        memory=fields.get("memory", ""),
        note=fields.get("note", ""),
        summary=fields.get("summary", ""),
        before=before_in(fields, called, places),
        cards=tuple(sorted(cards, key=lambda each: each[0].title)),
        state=tuple(state),
        lines=places,
    )
    return header, index


def parted(text: str) -> tuple[str, ...]:
    """The parts of a text between commas."""
    return tuple(part.strip() for part in text.split(","))


def language_in(fields: dict[str, str], called: str, places: dict[str, int]) -> str:
    """The code of the language. Raises CorpusError."""
    language = fields.get("language", "en")
    if language not in LANGUAGES:
        raise CorpusError(called, places["language"], f"language: is one of {', '.join(LANGUAGES)}")
    return language


def players_in(fields: dict[str, str], called: str, places: dict[str, int]) -> tuple[str, ...]:
    """The characters of several players. Raises CorpusError."""
    players = parted(fields["players"]) if "players" in fields else ()
    if players and (len(set(players)) < 2 or not all(players) or len(set(players)) < len(players)):
        what = "players: has the characters of at least two players, each once, with commas"
        raise CorpusError(called, places["players"], what)
    return players


def before_in(fields: dict[str, str], called: str, places: dict[str, int]) -> int:
    """How many turns were played before the opening. Raises CorpusError."""
    before = fields.get("before", "")
    if before and not re.fullmatch(r"[1-9]\d{0,3}", before):
        what = "before: is the number of turns that were played before the opening, 1 to 9999"
        raise CorpusError(called, places["before"], what)
    if "summary" in fields and not before:
        what = "a summary is of turns before the opening: say how many, as in `before: 30`"
        raise CorpusError(called, places["summary"], what)
    return int(before or 0)


def card_of(value: str, pinned: bool, called: str, line: int) -> Card:
    """A story card from `title | key, key | text`. Raises CorpusError."""
    title, *rest = [part.strip() for part in value.split("|", 2)]
    if len(rest) < 2 or not title or not rest[1]:
        raise CorpusError(called, line, "a card is `card: its title | key, another key | its text`")
    keys = tuple(key for key in parted(rest[0]) if key)
    if not keys and not pinned:
        raise CorpusError(
            called, line, f"the card {title!r} has no key: only pinned cards need none"
        )
    return Card(title=title, keys=keys, text=rest[1], pinned=pinned)


def changes_in(mark: str, value: str, called: str, line: int) -> list[Change]:
    """The changes of the state that one line declares. Raises CorpusError."""
    if mark == FORGET:
        parts = (("person", "life"), ("thing", "held"), ("aim", ""), ("fact", ""))
        found = [
            WorldChange(part=part, name=value, field=at, value="", source="scenario")  # type: ignore[arg-type]
            for part, at in parts
        ]
        return [Change(change, line) for change in found]
    if mark == DONE:
        done = WorldChange(part="aim", name=value, value="done", source="scenario")
        return [Change(done, line)]
    try:
        return [Change(change, line) for change in world_lines.entry_of(f"{mark}: {value}")]
    except LineError as error:
        raise CorpusError(called, line, str(error)) from error


def check_state(state: Sequence[Change], called: str) -> None:
    """Check that a beginning state is no longer than in play. Raises CorpusError."""
    if len(state) > MOST_CHANGES:
        what = f"the beginning state has more than {MOST_CHANGES} entries"
        raise CorpusError(called, state[MOST_CHANGES].line, what)
    aims = [each for each in state if each.change.part == "aim"]
    if len(aims) > MOST_AIMS:
        raise CorpusError(called, aims[MOST_AIMS].line, f"there are more than {MOST_AIMS} aims")
