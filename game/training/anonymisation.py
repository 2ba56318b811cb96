"""Removes the names and e-mail addresses of players from a text. Pure functions."""

import re
import string
from collections.abc import Iterable

EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
ADDRESS = "an address"  # replaces an e-mail address
NAME = "Stranger"  # replaces a name
SHORTEST = 2
# Common words, which identify nobody and would spoil most sentences if they were replaced.
WORDS = """
    a an and are as at be but by do for from go had has have he her here his i if in is it its me my
    no not of off on or our out say she so that the their them then there they this to up us was we
    were what when where who will with you your player guest admin operator
    """


def remove_names(text: str, names: Iterable[str]) -> str:
    """Replace e-mail addresses and these names in a text, in any case."""
    text = EMAIL.sub(ADDRESS, text)
    removed = sorted(
        {name.strip() for name in names if is_a_name(name.strip())}, key=lambda name: -len(name)
    )
    if not removed:
        return text
    either = "|".join(r"\s+".join(map(re.escape, name.split())) for name in removed)
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", NAME, text, flags=re.IGNORECASE)


def is_a_name(name: str) -> bool:
    """Whether a name is worth replacing: long enough, no common word and no number."""
    return len(name) >= SHORTEST and name.casefold() not in WORDS.split() and not name.isdecimal()


def answers(template: str, filled: str) -> dict[str, str]:
    """What a player filled into a scenario's template; empty if the text was edited since."""
    pattern, seen = "", set()
    place = 0
    for found in string.Template.pattern.finditer(template):
        pattern += re.escape(template[place : found.start()])
        place = found.end()
        name = found["named"] or found["braced"]
        if not name:
            pattern += re.escape("$" if found["escaped"] else found[0])
        elif name in seen:
            pattern += f"(?P={name})"
        else:
            seen.add(name)
            pattern += f"(?P<{name}>.{{1,80}}?)"
    matched = re.fullmatch(pattern + re.escape(template[place:]), filled, re.DOTALL)
    return matched.groupdict() if matched else {}
