"""Replaces `${name}` in a scenario's texts by the player's answers. Pure functions.

`static/js/library/fill.js` does the same in the browser.
"""

import re
import string
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from game.models import Scenario
from game.play.protocol import clean_text

PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

# What an author may have meant as a placeholder: `${name`, `${My Name}`, `{name}`, `{{user}}`. `$$`
# is a dollar sign.
MEANT = re.compile(
    r"\$\$(?:\{[^{}\n]*\})?|\$\{[^{}\n]{0,40}\}?|\{\{?[ \t]*[^\W\d]\w{0,29}[ \t]*\}\}?"
)


class FilledPlaceholders:
    """A scenario's answers, for filling in its texts: the player's, or else the defaults."""

    def __init__(self, scenario: Scenario, answers: Mapping[str, str]) -> None:
        self.answers = with_defaults(scenario.placeholders, answers)

    def text(self, template: str, most: int | None = None) -> str:
        """The template with the answers filled in, cut to `most` code points (None: not cut)."""
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
    # safe_substitute: a stray dollar sign must not raise an error.
    return string.Template(template).safe_substitute(answers)


def names_in(texts: Iterable[str]) -> set[str]:
    """The names that occur as `${name}` in these texts."""
    return {name for text in texts for name in PLACE.findall(text)}


def undeclared_in(texts: Iterable[str], names: Collection[str]) -> list[str]:
    """What looks like a placeholder in these texts but is none of `names`: each once, in order."""
    found = [
        match.group()
        for text in texts
        for match in MEANT.finditer(text)
        if not match.group().startswith("$$")
        and not ((place := PLACE.fullmatch(match.group())) and place[1] in names)
    ]
    return list(dict.fromkeys(found))
