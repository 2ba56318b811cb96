"""Folds the changes of turns into the state of the world. Pure; docs/world.md has the rules.

The state at a turn is `fold` of the changes of every turn on its path, from the opening on. It
depends on nothing else: the same changes in the same order give the same state. Before they are
folded, `without_released` leaves out what the player set and gave back later on the path.
"""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inference.contract.world import (
    LONGEST_FACT,
    LONGEST_MOOD,
    LONGEST_NAME,
    LONGEST_PLACE,
    LONGEST_SENTENCE,
    MOST_AIMS,
    MOST_FACTS,
    MOST_PEOPLE,
    MOST_THINGS,
    Field,
    Part,
    Person,
    Source,
    Thing,
    World,
    WorldChange,
)

# Within a turn the changes of the least trusted source come first, so the most trusted wins.
TRUST: dict[Source, int] = {"narrator": 0, "rule": 1, "dice": 2, "scenario": 3, "player": 4}

# The values of each part and field; None: any text. Every field may also be emptied.
VALUES: dict[tuple[Part, Field], tuple[str, ...] | None] = {
    ("place", ""): None,
    ("time", ""): None,
    ("person", "life"): ("alive", "dead", "gone"),
    ("person", "here"): ("yes", "no"),
    ("person", "mood"): None,
    ("thing", "held"): ("carried", "worn", "lost"),
    ("aim", ""): ("open", "done"),
    ("fact", ""): ("true",),
}
LONGEST_VALUE: dict[Part, int] = {
    "place": LONGEST_PLACE,
    "time": LONGEST_PLACE,
    "person": LONGEST_MOOD,
}
LONGEST_NAMES: dict[Part, int] = {
    "person": LONGEST_NAME,
    "thing": LONGEST_NAME,
    "aim": LONGEST_FACT,
    "fact": LONGEST_FACT,
}
MOST: dict[Part, int] = {
    "person": MOST_PEOPLE,
    "thing": MOST_THINGS,
    "aim": MOST_AIMS,
    "fact": MOST_FACTS,
}
MOST_REMOVED = 100  # removals by the player that are remembered

Key = tuple[Part, str, Field]  # the name as `fold_name` gives it
Entries = dict[Key, "Entry"]  # in the order in which they became known


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the state, and where it is from.

    `turn` is the id of the turn that set it and `number` its place on the path, the opening being
    0. `seen` is the number of the last turn that said it. An empty `value` is what the player
    removed, which stays removed.
    """

    part: Part
    name: str
    field: Field
    value: str
    source: Source
    turn: str
    number: int
    seen: int
    sentence: str = ""
    hidden: bool = False

    @property
    def locked(self) -> bool:
        """Whether the player set it: nobody else changes it then."""
        return self.source == "player"

    @property
    def key(self) -> Key:
        """Its key in the state."""
        return key_of(self)


def key_of(about: "Entry | WorldChange") -> Key:
    """The key of an entry, or of the entry that a change is about."""
    return about.part, fold_name(about.name), about.field


def fold_name(name: str) -> str:
    """The name as names are compared: NFC, in one case, single spaces. Accents stay."""
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())


def without_released(
    path: Sequence[Collection[WorldChange]],
) -> tuple[list[list[WorldChange]], int]:
    """The changes of each turn of a path, oldest first, without those that were released later.

    With them comes the place in `path` of the last release, 0 without one.
    """
    released: set[Key] = set()
    last = 0
    kept: list[list[WorldChange]] = []
    for place in range(len(path) - 1, -1, -1):
        changes = [
            each
            for each in path[place]
            if not each.released and not (each.source == "player" and key_of(each) in released)
        ]
        kept.append(changes)
        here = {key_of(each) for each in path[place] if each.released}
        last = last or (place if here else 0)
        released |= here
    return kept[::-1], last


def fold(before: Entries, turn: str, number: int, changes: Collection[WorldChange]) -> Entries:
    """The state after a turn with these changes. `before` stays as it is.

    Changes that make no sense, or that a more trusted source rules out, are left out.
    """
    state = dict(before)
    for change in sorted(changes, key=lambda each: TRUST[each.source]):
        if (valid := normalise(change)) is not None:
            apply(state, valid, turn, number)
    for part in {change.part for change in changes} & MOST.keys():
        drop_oldest(state, part, MOST[part])
    drop_removals(state)
    return state


def normalise(change: WorldChange) -> WorldChange | None:
    """The change with its texts on one line and cut to their limits; None if it makes no sense."""
    name, value = " ".join(change.name.split()), " ".join(change.value.split())
    if (change.part, change.field) not in VALUES:
        return None
    needs_name = change.part in LONGEST_NAMES
    if change.released or needs_name != bool(name):
        return None
    allowed = VALUES[change.part, change.field]
    if value and allowed is not None and value not in allowed:
        return None
    if allowed is None:
        value = value[: LONGEST_VALUE[change.part]].strip()
    texts = {
        "name": name[: LONGEST_NAMES.get(change.part, 0)].strip(),
        "value": value,
        "sentence": change.sentence[:LONGEST_SENTENCE],
    }
    same = all(getattr(change, field) == text for field, text in texts.items())
    return change if same else change.model_copy(update=texts)


def apply(state: Entries, change: WorldChange, turn: str, number: int) -> None:
    """Apply one valid change to `state`, unless a more trusted source rules it out."""
    key = key_of(change)
    if is_ruled_out(state, key, change):
        return
    if change.part == "person":
        before_person_change(state, change)
    if not change.value or change.value == "done":
        remove(state, key, change, turn, number)
        return
    present = state.get(key)
    if present is not None and says_nothing_new(present, change):
        state[key] = replace(present, seen=number)
        return
    entry = Entry(
        part=change.part,
        name=known_name(state, change),
        field=change.field,
        value=change.value,
        source=change.source,
        turn=turn,
        number=number,
        seen=number,
        sentence=change.sentence,
        hidden=change.hidden,
    )
    if present is not None and not present.value:
        del state[key]  # what was removed becomes known again
    state[key] = entry


def is_ruled_out(state: Entries, key: Key, change: WorldChange) -> bool:
    """Whether a more trusted source, or death, does not allow the change."""
    present = state.get(key)
    if change.source != "player":
        if present is not None and present.locked:
            return True
        if change.part == "person" and is_removed(state, key[1]):
            return True
    if change.source == "narrator" and present is not None and is_fixed(present):
        return change.value != present.value
    if change.part == "person" and change.field == "here" and change.value == "yes":
        life = state.get(("person", key[1], "life"))
        if life is not None and life.hidden:
            return False  # nobody is to learn of it by what cannot be
        if life is not None and life.value == "dead":
            return True
        if life is not None and life.value == "gone":
            return life.locked and change.source != "player"
    return False


def is_fixed(entry: Entry) -> bool:
    """Whether a narrator may not contradict it: no dead come back, and nothing that was lost."""
    return entry.value in ("dead", "lost") and entry.source != "narrator"


def is_removed(state: Entries, name: str) -> bool:
    """Whether the player removed this person; `name` as `fold_name` gives it."""
    life = state.get(("person", name, "life"))
    return life is not None and not life.value


def before_person_change(state: Entries, change: WorldChange) -> None:
    """Drop what a change of a person makes outdated."""
    name = fold_name(change.name)
    if change.field == "life" and change.value != "alive" and not change.hidden:
        # Of the dead and gone only the place is outdated; whoever is removed goes as a whole.
        fields: tuple[Field, ...] = ("here",) if change.value else ("here", "mood")
        for field in fields:
            entry = state.get(("person", name, field))
            if entry is not None and (change.source == "player" or not entry.locked):
                del state["person", name, field]
    elif change.field != "life" and change.value:
        life = state.get(("person", name, "life"))
        came_back = change.field == "here" and change.value == "yes"
        if life is not None and (not life.value or (life.value == "gone" and came_back)):
            del state["person", name, "life"]


def remove(state: Entries, key: Key, change: WorldChange, turn: str, number: int) -> None:
    """Remove an entry; what the player removes is remembered as removed."""
    name = known_name(state, change)
    state.pop(key, None)
    if change.source != "player":
        return
    state[key] = Entry(
        part=change.part,
        name=name,
        field=change.field,
        value="",
        source="player",
        turn=turn,
        number=number,
        seen=number,
    )


def says_nothing_new(present: Entry, change: WorldChange) -> bool:
    """Whether the state has this value already, by a source that is trusted as much."""
    if present.value != change.value or TRUST[change.source] > TRUST[present.source]:
        return False
    return change.hidden or not present.hidden


def known_name(state: Entries, change: WorldChange) -> str:
    """The first spelling of a name."""
    name = fold_name(change.name)
    fields: tuple[Field, ...] = (
        ("life", "here", "mood") if change.part == "person" else (change.field,)
    )
    for field in fields:
        if (entry := state.get((change.part, name, field))) is not None:
            return entry.name
    return change.name


def drop_oldest(state: Entries, part: Part, most: int) -> None:
    """Drop what is beyond a limit: what was said longest ago, and the player's own last."""
    names = {key[1] for key, entry in state.items() if key[0] == part and entry.value}
    over = len(names) - most
    if over <= 0:
        return
    groups: dict[str, list[Entry]] = {}
    for key, entry in state.items():
        if key[0] == part and entry.value:
            groups.setdefault(key[1], []).append(entry)
    for name in sorted(groups, key=lambda name: rank(groups[name]))[:over]:
        for key in [key for key in state if key[:2] == (part, name)]:
            del state[key]


def drop_removals(state: Entries) -> None:
    """Drop the oldest of the player's removals beyond MOST_REMOVED."""
    if len(state) <= MOST_REMOVED:
        return
    removed = [entry for entry in state.values() if not entry.value]
    for entry in sorted(removed, key=lambda each: each.seen)[: max(0, len(removed) - MOST_REMOVED)]:
        del state[entry.key]


def rank(group: list[Entry]) -> tuple[bool, int]:
    """How long the entries of one person or thing are kept; the smallest goes first."""
    return any(entry.locked for entry in group), max(entry.seen for entry in group)


# The state as others read it


def world_of(entries: Entries) -> World:
    """The state as a narrator reads it. Hidden entries are sentences in `hidden` alone."""
    shown = [entry for entry in entries.values() if entry.value and not entry.hidden]
    place, time = (only_value(shown, part) for part in ("place", "time"))
    return World(
        place=place,
        time=time,
        people=tuple(people(shown)),
        things=tuple(
            Thing(name=entry.name, held=entry.value)  # type: ignore[arg-type]
            for entry in shown
            if entry.part == "thing"
        ),
        aims=tuple(entry.name for entry in shown if entry.part == "aim"),
        facts=tuple(entry.name for entry in shown if entry.part == "fact"),
        hidden=tuple(
            hidden_sentence(entry) for entry in entries.values() if entry.value and entry.hidden
        ),
    )


def only_value(entries: Iterable[Entry], part: Part) -> str:
    """The place or the time; "" where it is unknown."""
    return next((entry.value for entry in entries if entry.part == part), "")


def people(entries: Iterable[Entry]) -> Iterator[Person]:
    """The known people among entries."""
    for fields in people_fields(entries).values():
        yield person_of(fields)


def people_fields(entries: Iterable[Entry]) -> dict[str, dict[str, Entry]]:
    """The entries of each person by field, in the order in which people became known."""
    found: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        if entry.part == "person" and entry.value:
            found.setdefault(fold_name(entry.name), {})[entry.field] = entry
    return found


def person_of(fields: dict[str, Entry]) -> Person:
    """A person from their entries by field; at least one."""
    values = {field: entry.value for field, entry in fields.items()}
    life: Any = values.get("life", "alive")
    return Person(
        name=next(iter(fields.values())).name,
        life=life,
        here=life == "alive" and values.get("here") == "yes",
        mood=values.get("mood", ""),
    )


def hidden_sentence(entry: Entry) -> str:
    """A hidden entry in words."""
    name, value = entry.name, entry.value
    match entry.part, entry.field:
        case "place", _:
            return f"The place is {value}."
        case "time", _:
            return f"The time is {value}."
        case "person", "life":
            return f"{name} is {value}."
        case "person", "here":
            return f"{name} is here." if value == "yes" else f"{name} is not here."
        case "person", _:
            return f"{name} is {value} toward the player."
        case "thing", _:
            return {
                "carried": f"The player carries {name}.",
                "worn": f"The player wears {name}.",
                "lost": f"The player has lost {name}.",
            }[value]
        case "aim", _:
            return f"Open aim: {name}"
    return name
