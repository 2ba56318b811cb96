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

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from pydantic import TypeAdapter, ValidationError

from game.library.placeholders import FilledPlaceholders
from game.models import Scenario, Turn
from game.play.protocol import clean_text
from game.state.changes import read_turn, store
from inference.contract.world import MOST_AIMS, MOST_CHANGES, WorldChange
from inference.world.folding import LONGEST_NAMES, LONGEST_VALUE
from inference.world.lines import HIDDEN, HOLDING, STATES, LineError, entry, entry_of

LONGEST_TEXT = 16_000  # code points of all lines
# What may be wrong with a line: `inference.world.lines` has the same for files.
PROBLEMS = {
    "keyword": gettext_noop("begin it with one of these and a colon: %(keywords)s."),
    "empty": gettext_noop("nothing follows “%(keyword)s:”."),
    "contradiction": gettext_noop("“%(first)s” and “%(second)s” contradict each other."),
    "long": gettext_noop("“%(start)s…” has %(length)d characters; the limit is %(most)d."),
    "senseless": gettext_noop("“%(name)s” makes no sense here."),
}
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
            except LineError as error:
                raise ValueError(
                    _("Line %(number)d: %(problem)s")
                    % {"number": number, "problem": translated(error)}
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
    try:
        return [entry(each.part, each.name, each.field, each.value, each.hidden) for each in found]
    except LineError as error:
        raise ValueError(translated(error)) from None


def translated(error: LineError) -> str:
    """What is wrong with a line, in the player's language."""
    return _(PROBLEMS[error.problem]) % error.values


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
