"""The options of a story card as they are stored: checked, and without those that are as usual.

`inference.contract.cards.CardOptions` says what each of them means.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from django.utils.translation import gettext as _
from pydantic import ValidationError

from game.play.protocol import clean_text
from inference.contract.cards import MOST_DEPTH, MOST_TURNS, ORDER, CardOptions, SecondaryLogic
from inference.prompts.card_patterns import PatternError, compiled
from inference.words import key_of

LONGEST_KEY = 200  # code points; of a regular expression too
MOST_KEYS = 50  # and as many secondary ones
LONGEST_GROUP = 60
LEAST_ORDER, MOST_ORDER = -10_000, 10_000

# The whole numbers among the options: the least, the most, and the usual one.
NUMBERS: dict[str, tuple[int, int, int | None]] = {
    "order": (LEAST_ORDER, MOST_ORDER, ORDER),
    "depth": (1, MOST_DEPTH, None),
    "probability": (1, 100, 100),
    "cooldown": (0, MOST_TURNS, 0),
    "sticky": (0, MOST_TURNS, 0),
}
SWITCHES = ("whole_words", "case_sensitive", "regex", "forms", "disabled")
USUAL = CardOptions()
NAMES = tuple(CardOptions.model_fields)


class OptionProblem(ValueError):
    """An option cannot be as it is. The message is for the player; `field` is its name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def read_options(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options in plain data as they are stored. Raises OptionProblem for the first bad one."""
    for name in data:
        if name not in NAMES:
            raise OptionProblem(str(name), _("There is no option of that name."))
    return without_usual({name: READERS[name](name, data[name]) for name in NAMES if name in data})


def usable_options(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The options that can be stored, and the names of those that cannot: for files.

    A number that is too small or too large becomes the nearest that is possible, and is no problem.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in data.items():
        if name not in NAMES:
            problems.append(str(name))
            continue
        try:
            found[name] = READERS[name](name, nearest(name, value))
        except OptionProblem:
            problems.append(name)
    return without_usual(found), problems


def nearest(name: str, value: Any) -> Any:
    """The possible number next to a value; other values as they are."""
    if name not in NUMBERS or not isinstance(value, int | float) or math.isnan(value):
        return value
    least, most, _usual = NUMBERS[name]
    return int(min(max(value, least), most))


def options_of(stored: Mapping[str, Any]) -> CardOptions:
    """Stored options for a prompt. What a later version stored is left out."""
    if not stored:
        return USUAL
    try:
        return CardOptions.model_validate({name: stored[name] for name in NAMES if name in stored})
    except ValidationError:  # stored by hand: no turn may fail for it
        return CardOptions.model_validate(usable_options(stored)[0])


def without_usual(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are not as usual."""
    return CardOptions.model_validate(options).model_dump(mode="json")


# ---- readers, one for each kind of option


def read_switch(name: str, value: Any) -> bool:
    """An option that is on or off."""
    if not isinstance(value, bool):
        raise OptionProblem(name, _("This is either on or off."))
    return value


def read_number(name: str, value: Any) -> int | None:
    """A whole number within its limits; None where that is the usual one."""
    least, most, usual = NUMBERS[name]
    if value is None and usual is None:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        raise OptionProblem(
            name,
            _("Enter a whole number from %(least)s to %(most)s.")
            % {"least": f"{least:,}", "most": f"{most:,}"},
        )
    return int(value)


def read_logic(name: str, value: Any) -> str:
    """How secondary keys count."""
    if value not in get_args(SecondaryLogic):
        raise OptionProblem(name, _("Choose one of the ways."))
    return str(value)


def read_group(name: str, value: Any) -> str:
    """The name of a group."""
    if not isinstance(value, str):
        raise OptionProblem(name, _("This is not a text."))
    cleaned = " ".join(clean_text(value[: 10 * LONGEST_GROUP]).split())
    if len(cleaned) > LONGEST_GROUP:
        raise OptionProblem(
            name, _("The name has at most %(most)s characters.") % {"most": LONGEST_GROUP}
        )
    return cleaned


def read_secondary_keys(name: str, value: Any) -> list[str]:
    """Secondary keys, each once, in their order."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise OptionProblem(name, _("This is not a list of keys."))
    keys = list(unique_keys(list(value)))
    problem = keys_problem(keys)
    if problem:
        raise OptionProblem(name, problem)
    return keys


READERS: dict[str, Callable[[str, Any], Any]] = {
    "secondary_keys": read_secondary_keys,
    "secondary_logic": read_logic,
    "group": read_group,
    **dict.fromkeys(NUMBERS, read_number),
    **dict.fromkeys(SWITCHES, read_switch),
}


# ---- keys


def unique_keys(keys: Iterable[str], patterns: bool = False) -> tuple[str, ...]:
    """The keys that can match something, cleaned, each once, in their order."""
    unique: dict[str, str] = {}
    for key in keys:
        cleaned = clean_text(key) if patterns else " ".join(clean_text(key).split())
        matched = key_of(cleaned)
        if matched is not None:
            unique.setdefault(cleaned if patterns else matched.text, cleaned)
    return tuple(unique.values())


def keys_problem(keys: list[str] | tuple[str, ...]) -> str:
    """What is wrong with keys, in words for the player; "" if nothing is."""
    if len(keys) > MOST_KEYS:
        return _("It has %(count)s keys; the limit is %(most)s.") % {
            "count": len(keys),
            "most": MOST_KEYS,
        }
    long = [key for key in keys if len(key) > LONGEST_KEY]
    if long:
        return _("A key has at most %(most)s characters: “%(key)s…” is longer.") % {
            "most": LONGEST_KEY,
            "key": long[0][:30],
        }
    return ""


def patterns_problem(keys: list[str] | tuple[str, ...]) -> str:
    """What is wrong with keys that are regular expressions; "" if nothing is."""
    for key in keys:
        try:
            compiled(key)
        except PatternError as wrong:
            return PATTERN_PROBLEMS[wrong.why]() % {"key": key[:60], "detail": wrong.detail}
    return ""


PATTERN_PROBLEMS: dict[str, Callable[[], str]] = {
    "syntax": lambda: _("“%(key)s” is no regular expression that Grue knows: %(detail)s."),
    "size": lambda: _("The regular expression “%(key)s” takes too much work. Make it simpler."),
    "empty": lambda: _("The regular expression “%(key)s” matches every text."),
}
