"""Reads JSON of strangers into plain data that a database can hold."""

import json
import math
import re
from collections import Counter
from typing import Any

from game.exchange.parsers import Unreadable
from game.imports import limits
from game.imports.encodings import UNSAFE, clean
from game.imports.notes import Notes

# How a control character, half of a surrogate pair or a carriage return may be written.
ESCAPED = re.compile(r"\\u[01dD]|\\[bfr]|\r|\\u007[fF]")


def load_json(text: str, notes: Notes) -> Any:
    """Parse JSON whose depth was checked. Raises Unreadable.

    Of a name that is there twice the last value stays; numbers that are none become null; control
    characters go. The notes say so.
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(found)
        if len(result) < len(found):
            twice = Counter(name for name, _ in found).most_common(1)[0][0]
            notes.add("doubled", clean(twice), "dropped", len(found) - len(result))
        return result

    def no_number(written: str) -> int | None:
        notes.add("no_number", "", "changed", detail=written[:20])
        return None

    def whole_number(written: str) -> int | None:
        return int(written) if len(written) <= limits.LONGEST_NUMBER else no_number(written)

    def number(written: str) -> float | None:
        found = float(written)
        return found if math.isfinite(found) else no_number(written)

    try:
        found = json.loads(
            text,
            strict=False,  # some programs write line ends into strings as they are
            object_pairs_hook=pairs,
            parse_constant=no_number,
            parse_int=whole_number,
            parse_float=number,
        )
    except (ValueError, RecursionError) as problem:
        raise Unreadable("json", str(problem)) from None
    if ESCAPED.search(text) or UNSAFE.search(text):
        found = clean_value(found, notes)
    return found


def clean_value(value: Any, notes: Notes) -> Any:
    """A value with every text in it, names too, without control characters."""
    if isinstance(value, str):
        cleaned = clean(value)
        if len(cleaned) < len(value) and UNSAFE.search(value):
            notes.add("control_characters", "", "changed")
        return cleaned
    if isinstance(value, list):
        return [clean_value(each, notes) for each in value]
    if isinstance(value, dict):
        return {clean(name): clean_value(each, notes) for name, each in value.items()}
    return value
