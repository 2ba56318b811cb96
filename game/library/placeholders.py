"""Putting a player's answers where a scenario has `${name}`. Pure.

`static/js/library/fill.js` does the same in the browser.
"""

import re
import string
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from game.models import Scenario
from game.play.protocol import clean_text

PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

# What a writer may have meant as a place: `${name`, `${My Name}`, `{name}`, `{{user}}`. `$$` is a
# dollar sign.
MEANT = re.compile(
    r"\$\$(?:\{[^{}\n]*\})?|\$\{[^{}\n]{0,40}\}?|\{\{?[ \t]*[^\W\d]\w{0,29}[ \t]*\}\}?"
)


class FilledPlaceholders:
    """A scenario's answers: the player's, or else its own."""

    def __init__(self, scenario: Scenario, answers: Mapping[str, str]) -> None:
        self.answers = with_defaults(scenario.placeholders, answers)

    def text(self, template: str, most: int | None = None) -> str:
        """The template filled, cut to `most` code points."""
        return fill_placeholders(template, self.answers)[:most]


def with_defaults(
    placeholders: Iterable[dict[str, Any]], answers: Mapping[str, str]
) -> dict[str, str]:
    """An answer for each placeholder: the player's, or else its default."""
    return {
        each["name"]: clean_text(answers.get(each["name"], "")) or each["default"]
        for each in placeholders
    }


def fill_placeholders(template: str, answers: Mapping[str, str]) -> str:
    """The template with `${name}` replaced by answers; unknown names stay as they are."""
    # safe_substitute: a dollar sign in somebody's scenario is no reason to fail.
    return string.Template(template).safe_substitute(answers)


def names_in(texts: Iterable[str]) -> set[str]:
    """The names that stand as `${name}` in these texts."""
    return {name for text in texts for name in PLACE.findall(text)}


def undeclared_in(texts: Iterable[str], names: Collection[str]) -> list[str]:
    """What looks like a place for an answer in these texts and is none, each once, in order."""
    found = [
        match.group()
        for text in texts
        for match in MEANT.finditer(text)
        if not match.group().startswith("$$")
        and not ((place := PLACE.fullmatch(match.group())) and place[1] in names)
    ]
    return list(dict.fromkeys(found))
