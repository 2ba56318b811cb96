"""The beginning state of a scenario, written as one line for each entry.

    place: the Lost Property office
    time: Friday, ten to six
    person: Teo, here, shy
    hidden person: Mr. Prosser, away
    carry: the pen
    wear: the name badge
    lost: the key
    aim: hide the tortoise until Monday
    hidden fact: Teo's mother does not know that he is here

Entries with `hidden` are the narrator's alone until the story tells of them. `${name}` stands for
the player's answer.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _
from pydantic import TypeAdapter, ValidationError

from game.library.placeholders import FilledPlaceholders
from game.models import Scenario, Turn
from game.play.protocol import clean_text
from game.state.changes import read_turn, store
from inference.contract.world import (
    MOST_AIMS,
    MOST_CHANGES,
    Field,
    Held,
    Part,
    WorldChange,
)
from inference.world.folding import LONGEST_NAMES, LONGEST_VALUE, normalise

LONGEST_TEXT = 16_000  # code points of all lines
HIDDEN = "hidden"
HOLDING: dict[str, Held] = {"carry": "carried", "wear": "worn", "lost": "lost"}
# What follows a person's name: the field and value of each word; any other word is the mood.
STATES: dict[str, tuple[Field, str]] = {
    "here": ("here", "yes"),
    "away": ("here", "no"),
    "dead": ("life", "dead"),
    "gone": ("life", "gone"),
}
KEYWORDS = ("place", "time", "person", *HOLDING, "aim", "fact")
CHANGES = TypeAdapter(list[WorldChange])


def parse(text: str) -> list[WorldChange]:
    """The entries in a text of lines. Raises ValueError with the line and what is wrong."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(
            _("The beginning state has %(length)s characters; the limit is %(most)s. Shorten it.")
            % {"length": f"{len(text):,}", "most": f"{LONGEST_TEXT:,}"}
        )
    found: list[WorldChange] = []
    for number, line in enumerate(clean_text(text).splitlines(), 1):
        if line.strip():
            try:
                found += entry_of(line)
            except ValueError as problem:
                raise ValueError(
                    _("Line %(number)d: %(problem)s") % {"number": number, "problem": problem}
                ) from None
    refuse_too_many(found)
    return found


def entries_in(value: Any) -> list[WorldChange]:
    """The entries in lines, or in what `as_data` returned. Raises ValueError."""
    if isinstance(value, str):
        return parse(value)
    try:
        found = CHANGES.validate_python(value)
    except ValidationError:
        raise ValueError(
            _("write the beginning state as lines, like “place: the cellar”.")
        ) from None
    refuse_too_many(found)
    return [entry(each.part, each.name, each.field, each.value, each.hidden) for each in found]


def refuse_too_many(entries: list[WorldChange]) -> None:
    """Raise ValueError if a beginning state has more entries than a turn can store."""
    if len(entries) > MOST_CHANGES:
        raise ValueError(
            _("The beginning state has %(count)d entries; the limit is %(most)d.")
            % {"count": len(entries), "most": MOST_CHANGES}
        )
    aims = sum(each.part == "aim" for each in entries)
    if aims > MOST_AIMS:
        raise ValueError(
            _("The beginning state has %(count)d aims; the limit is %(most)d.")
            % {"count": aims, "most": MOST_AIMS}
        )


def entry_of(line: str) -> Iterator[WorldChange]:
    """The changes of one line. Raises ValueError."""
    keyword, colon, rest = line.partition(":")
    words = keyword.casefold().split()
    hidden = words[:1] == [HIDDEN]
    keyword, rest = " ".join(words[hidden:]), " ".join(rest.split())
    if not colon or keyword not in KEYWORDS:
        raise ValueError(
            _("begin it with one of these and a colon: %(keywords)s.")
            % {"keywords": ", ".join(KEYWORDS)}
        )
    if not rest:
        raise ValueError(_("nothing follows “%(keyword)s:”.") % {"keyword": keyword})
    if keyword == "person":
        yield from person(rest, hidden)
    elif keyword in HOLDING:
        yield entry("thing", rest, "held", HOLDING[keyword], hidden)
    elif keyword in ("place", "time"):
        yield entry(keyword, "", "", rest, hidden)  # type: ignore[arg-type]
    else:
        yield entry(keyword, rest, "", "open" if keyword == "aim" else "true", hidden)  # type: ignore[arg-type]


def person(rest: str, hidden: bool) -> Iterator[WorldChange]:
    """The changes of a person: the name, then states and a mood after commas."""
    name, *states = [part.strip() for part in rest.split(",")]
    values: dict[Field, str] = {}
    for state in filter(None, states):
        field, value = STATES.get(state.casefold(), ("mood", state))
        if field in values:
            raise ValueError(
                _("“%(first)s” and “%(second)s” contradict each other.")
                % {"first": values[field], "second": state}
            )
        values[field] = value
    values.setdefault("life", "alive")
    for field, value in values.items():
        yield entry("person", name, field, value, hidden)


def entry(part: Part, name: str, field: Field, value: str, hidden: bool) -> WorldChange:
    """One entry as a scenario's change. Raises ValueError for a text that is too long."""
    limits = [(name, LONGEST_NAMES.get(part, 0))]
    if part in LONGEST_VALUE:
        limits.append((value, LONGEST_VALUE[part]))
    for text, most in limits:
        if len(text) > most:
            raise ValueError(
                _("“%(start)s…” has %(length)d characters; the limit is %(most)d.")
                % {"start": text[:20], "length": len(text), "most": most}
            )
    change = WorldChange(
        part=part, name=name, field=field, value=value, source="scenario", hidden=hidden
    )
    if not value or normalise(change) is None or (part == "person" and "," in name):
        raise ValueError(
            _("“%(name)s” makes no sense here.") % {"name": (name or value or part)[:40]}
        )
    return change


def as_data(entries: Iterable[WorldChange]) -> list[dict[str, Any]]:
    """Entries as they are stored with a scenario."""
    return [entry.model_dump(exclude_defaults=True) for entry in entries]


def as_text(stored: Iterable[dict[str, Any]]) -> str:
    """A stored beginning state as lines that `parse` reads."""
    lines: dict[tuple[str, str, bool], str] = {}
    words = {value: word for word, value in HOLDING.items()}
    states = {value: word for word, value in STATES.items()}
    for change in CHANGES.validate_python(list(stored)):
        prefix = f"{HIDDEN} " if change.hidden else ""
        match change.part:
            case "person":
                key = ("person", change.name, change.hidden)
                line = lines.get(key, f"{prefix}person: {change.name}")
                if (change.field, change.value) != ("life", "alive"):
                    line += f", {states.get((change.field, change.value), change.value)}"
                lines[key] = line
            case "thing":
                lines[change.part, change.name, False] = (
                    f"{prefix}{words[change.value]}: {change.name}"  # type: ignore[index]
                )
            case "place" | "time":
                lines[change.part, "", False] = f"{prefix}{change.part}: {change.value}"
            case _:
                lines[change.part, change.name, False] = f"{prefix}{change.part}: {change.name}"
    return "\n".join(lines.values())


def texts_of(stored: Iterable[dict[str, Any]]) -> list[str]:
    """Every text that the author wrote in a beginning state."""
    return [as_text([each]).partition(": ")[2] for each in stored]


def begin_world(opening: Turn, scenario: Scenario, filled: FilledPlaceholders) -> None:
    """Store a scenario's beginning state with an adventure's opening, and read the opening."""
    declared = [
        each.model_copy(
            update={
                "name": filled.text(each.name, LONGEST_NAMES.get(each.part, 0)),
                "value": filled.text(each.value, LONGEST_VALUE.get(each.part)),
            }
        )
        for each in CHANGES.validate_python(scenario.world)
    ]
    store(opening.pk, "scenario", declared)
    read_turn(opening)
