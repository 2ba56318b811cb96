"""Makes what a document holds fit Grue's limits, and notes what came in another form. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from game.imports.notes import Notes
from game.play.protocol import clean_text
from inference.contract.outcomes import OUTCOME_LINES
from inference.contract.world import LONGEST_FACT, LONGEST_SENTENCE, MOST_CHANGES, WorldChange

# Where a long text may be parted, the best first: paragraph, line, sentence, word.
BREAKS = ("\n\n", "\n", re.compile(r"[.!?…]['\"”’)]*\s"), " ")
LEAST_PART = 0.5  # of the longest text: an earlier break is not used
TICK = timedelta(microseconds=1)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


def split_text(text: str, most: int) -> list[str]:
    """The text in parts of at most `most` code points, parted where it reads best."""
    parts = []
    while len(text) > most:
        at = break_in(text[:most], int(most * LEAST_PART))
        parts.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [part for part in [*parts, text] if part] or [""]


def break_in(text: str, least: int) -> int:
    """The last place after `least` where a text may be parted; its end if there is none."""
    for each in BREAKS:
        if isinstance(each, str):
            at = text.rfind(each, least)
            at = at + len(each) if at >= 0 else -1
        else:
            at = max((found.end() for found in each.finditer(text, least)), default=-1)
        if at > 0:
            return at
    return len(text)


def shortened(text: str, most: int, notes: Notes, field: str) -> str:
    """The text, cleaned and cut where it reads best if it is longer than `most`."""
    text = clean_text(text)
    if len(text) <= most:
        return text
    notes.add("cut", field, "changed")
    return split_text(text, most)[0]


def one_line(text: str, most: int) -> str:
    """The text on one line, cut to `most` code points."""
    return " ".join(clean_text(text).split())[:most].rstrip()


def moment(text: str, latest: datetime) -> datetime | None:
    """A time in ISO 8601, as UTC where it has no zone; None if it is none, or beyond `latest`."""
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found if EARLIEST <= found <= latest else None
    except (ValueError, OverflowError):
        return None


def checked_dice(dice: Any) -> dict[str, Any] | None:
    """A roll as game.play.dice stores it; None if it is none."""
    if not isinstance(dice, dict) or dice.get("outcome") not in OUTCOME_LINES:
        return None
    numbers = {name: dice.get(name) for name in ("sides", "rolled", "needed")}
    found: dict[str, Any] = {
        name: value
        for name, value in numbers.items()
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1_000
    }
    if not {"sides", "rolled"} <= found.keys():
        return None
    found["outcome"] = dice["outcome"]
    if dice.get("difficulty") in ("ordinary", "hard"):
        found["difficulty"] = dice["difficulty"]
    if modifiers := list(checked_modifiers(dice.get("modifiers"))):
        found["modifiers"] = modifiers
    return found


def checked_modifiers(modifiers: Any) -> Iterator[dict[str, Any]]:
    """What made a roll easier or harder, of plain data."""
    for each in modifiers if isinstance(modifiers, list) else ():
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            change = each.get("change")
            if isinstance(change, int) and abs(change) < 100:
                yield {"name": one_line(each["name"], 60), "change": int(change)}


def checked_changes(world: list[Any], notes: Notes) -> list[WorldChange]:
    """The changes of the state in plain data that make sense, at most MOST_CHANGES a source."""
    found: list[WorldChange] = []
    counts: dict[str, int] = {}
    for each in world:
        try:
            change = WorldChange.model_validate(each)
        except ValidationError:
            notes.add("world_unknown", "world", "dropped")
            continue
        counts[change.source] = counts.get(change.source, 0) + 1
        if counts[change.source] > MOST_CHANGES:
            notes.add("world_too_many", "world", "dropped")
            continue
        found.append(
            change.model_copy(
                update={
                    "name": one_line(change.name, LONGEST_FACT),
                    "value": one_line(change.value, LONGEST_FACT),
                    "sentence": clean_text(change.sentence)[:LONGEST_SENTENCE],
                }
            )
        )
    return found
