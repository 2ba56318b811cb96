"""A text without the names and addresses of those who played it. Pure."""

import re
import string
from collections.abc import Iterable

EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
ADDRESS = "an address"  # what stands in an e-mail address' place
NAME = "Stranger"  # what stands in a name's place
SHORTEST = 2
# Names that nobody is known by, and that would leave no sentence whole.
WORDS = """
    a an and are as at be but by do for from go had has have he her here his i if in is it its me my
    no not of off on or our out say she so that the their them then there they this to up us was we
    were what when where who will with you your player guest admin operator
    """


def without(text: str, names: Iterable[str]) -> str:
    """`text` with other words in place of e-mail addresses and of these names, in any case."""
    text = EMAIL.sub(ADDRESS, text)
    told = sorted(
        {name.strip() for name in names if is_a_name(name.strip())}, key=lambda name: -len(name)
    )
    if not told:
        return text
    either = "|".join(r"\s+".join(map(re.escape, name.split())) for name in told)
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", NAME, text, flags=re.IGNORECASE)


def is_a_name(name: str) -> bool:
    return len(name) >= SHORTEST and name.casefold() not in WORDS.split() and not name.isdecimal()


def answers(template: str, filled: str) -> dict[str, str]:
    """What a player put in the places of a scenario's text; empty where it was changed since."""
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
