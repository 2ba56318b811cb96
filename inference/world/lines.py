"""Entries of the state of the world as lines that people write: `person: Teo, here, shy`. Pure.

`game.state.beginnings` has the whole form; adventures in text files have the same lines.
"""

from collections.abc import Iterator

from inference.contract.world import Field, Held, Part, WorldChange
from inference.world.folding import LONGEST_NAMES, LONGEST_VALUE, normalise

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

# What may be wrong with a line, in words for people who write files; pages translate their own.
PROBLEMS = {
    "keyword": "begin it with one of these and a colon: {keywords}",
    "empty": 'nothing follows "{keyword}:"',
    "contradiction": '"{first}" and "{second}" contradict each other',
    "long": '"{start}…" has {length} characters, and the limit is {most}',
    "senseless": '"{name}" makes no sense here',
}


class LineError(ValueError):
    """What is wrong with a line: a key of PROBLEMS, and the values of its places."""

    def __init__(self, problem: str, **values: str | int) -> None:
        self.problem, self.values = problem, values
        super().__init__(PROBLEMS[problem].format(**values))


def entry_of(line: str) -> Iterator[WorldChange]:
    """The changes of one line. Raises LineError."""
    keyword, colon, rest = line.partition(":")
    words = keyword.casefold().split()
    hidden = words[:1] == [HIDDEN]
    keyword, rest = " ".join(words[hidden:]), " ".join(rest.split())
    if not colon or keyword not in KEYWORDS:
        raise LineError("keyword", keywords=", ".join(KEYWORDS))
    if not rest:
        raise LineError("empty", keyword=keyword)
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
            raise LineError("contradiction", first=values[field], second=state)
        values[field] = value
    values.setdefault("life", "alive")
    for field, value in values.items():
        yield entry("person", name, field, value, hidden)


def entry(part: Part, name: str, field: Field, value: str, hidden: bool) -> WorldChange:
    """One entry as a scenario's change. Raises LineError for a text that is too long."""
    limits = [(name, LONGEST_NAMES.get(part, 0))]
    if part in LONGEST_VALUE:
        limits.append((value, LONGEST_VALUE[part]))
    for text, most in limits:
        if len(text) > most:
            raise LineError("long", start=text[:20], length=len(text), most=most)
    change = WorldChange(
        part=part, name=name, field=field, value=value, source="scenario", hidden=hidden
    )
    if not value or normalise(change) is None or (part == "person" and "," in name):
        raise LineError("senseless", name=(name or value or part)[:40])
    return change
