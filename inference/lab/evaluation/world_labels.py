"""What a careful reader writes down of a turn's changes of the world, and how others compare.

`labelled/world-dev.jsonl` may be read by whoever writes rules or prompts, `world-held2.jsonl` is
for scores alone. `labelled/README.md` says what counts as a change. Pure.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from inference.contract.plain import Plain
from inference.contract.request import Kind, Passage
from inference.contract.world import Field, Part, Person, World, WorldChange

FOLDER = Path(__file__).parent / "labelled"

Origin = Literal["quill", "smol", "opening", "written"]
Set = Literal["dev", "held2"]
Key = tuple[str, str, str]  # part, name, field

# Free texts: another reader may write down others that are as true.
OPEN_ENDED = ("aim", "fact")
ARTICLE_WORDS = """
    the a an your my der die das den dem ein eine einen einem deine deinen le la les un une des ton
    ta votre el los las una tu su l
"""
ARTICLES = frozenset(ARTICLE_WORDS.split())
WORDS = re.compile(r"[^\W_]+", re.UNICODE)
UNSPACED = re.compile(r"[぀-ヿ㐀-鿿]")


class ExpectedChange(Plain):
    """A change that a reader wrote down. Alternatives of a name and of a value are parted by "|".

    The empty alternative of a value means that the entry is removed. `optional`: a reader may write
    it down or not; it is neither demanded nor counted as wrong.
    """

    part: Part
    name: str = ""
    field: Field = ""
    value: str
    sentence: str
    optional: bool = False


class LabelledTurn(Plain):
    """A turn, the world before it, and its changes. `names` are the names known before it,
    `player` is the player's own.

    `trap` says in a word what a hasty reader would get wrong. `outcome` is what the dice decided.
    """

    id: str
    language: str
    origin: Origin
    source: str = ""
    trap: str = ""
    world: World
    names: tuple[str, ...] = ()
    player: str = ""
    story: tuple[Passage, ...] = ()
    kind: Kind
    action: str = ""
    outcome: str = ""
    reply: str
    changes: tuple[ExpectedChange, ...]


def read_turns(name: Set, folder: Path = FOLDER) -> list[LabelledTurn]:
    lines = (folder / f"world-{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [LabelledTurn.model_validate_json(line) for line in lines]


class Count(Plain):
    """How many changes of one kind were right, wrong, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            right=self.right + other.right,
            wrong=self.wrong + other.wrong,
            missed=self.missed + other.missed,
        )

    @property
    def precision(self) -> float | None:
        found = self.right + self.wrong
        return self.right / found if found else None

    @property
    def recall(self) -> float | None:
        wanted = self.right + self.missed
        return self.right / wanted if wanted else None


def score_turns(
    turns: Iterable[LabelledTurn], read: Callable[[LabelledTurn], Sequence[WorldChange]]
) -> dict[str, Count]:
    """The counts of a reader over some turns, by kind of change, and of all but aims and facts."""
    counts: dict[str, Count] = {}
    for turn in turns:
        for kind, count in compare(turn, read(turn)).items():
            counts[kind] = counts.get(kind, Count()) + count
    closed = [count for kind, count in counts.items() if kind not in OPEN_ENDED]
    return {**counts, "all": sum(closed, Count())}


def compare(turn: LabelledTurn, found: Sequence[WorldChange]) -> dict[str, Count]:
    """The counts of one turn, by kind of change (life, here, mood, held, place, …).

    Of several changes of one entry the last counts. What says what is so already counts as nothing,
    and so do aims and facts that nobody wrote down.
    """
    last = {(each.part, words(each.name), each.field): each for each in found}
    open_labels = list(turn.changes)
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for change in last.values():
        label = next((each for each in open_labels if says(each, change)), None)
        if label is not None:
            open_labels.remove(label)
            right[kind_of(change)] += not label.optional
        elif not (
            is_known(turn, change) or follows_from(turn, change) or change.part in OPEN_ENDED
        ):
            wrong[kind_of(change)] += 1
    missed = Counter(kind_of(each) for each in open_labels if not each.optional)
    return {
        kind: Count(right=right[kind], wrong=wrong[kind], missed=missed[kind])
        for kind in {*right, *wrong, *missed}
    }


def kind_of(change: WorldChange | ExpectedChange) -> str:
    """Its field, or its part where it has none."""
    return change.field or change.part


def says(label: ExpectedChange, change: WorldChange) -> bool:
    """Whether a change is the one that the reader wrote down, in one of its ways."""
    if (label.part, label.field) != (change.part, change.field):
        return False
    names, values = label.name.split("|"), label.value.split("|")
    if label.part in OPEN_ENDED:
        return any(overlap(name, change.name) for name in names)
    if label.part in ("place", "time"):
        return any(same_name(value, change.value) for value in values)
    return change.value.casefold() in values and any(same_name(name, change.name) for name in names)


def is_known(turn: LabelledTurn, change: WorldChange) -> bool:
    """Whether the world before the turn says so already."""
    world = turn.world
    if change.part == "place":
        return bool(world.place) and same_name(world.place, change.value)
    if change.part == "time":
        return bool(world.time) and same_name(world.time, change.value)
    if change.part == "thing":
        held = [each.held for each in world.things if same_name(each.name, change.name)]
        return change.value in held if held else change.value == ""
    if change.part == "person":
        people = [each for each in world.people if same_name(each.name, change.name)]
        if change.field == "life" and change.value == "alive":
            named = any(same_name(each, change.name) for each in turn.names)
            return all(each.life == "alive" for each in people) if people else named
        if change.field == "here" and change.value == "no":
            return not any(each.here for each in people)
        return any(change.value == value_of(each, change.field) for each in people)
    return False


def value_of(person: Person, field: str) -> str:
    return {"life": person.life, "here": "yes" if person.here else "no"}.get(field, person.mood)


def follows_from(turn: LabelledTurn, change: WorldChange) -> bool:
    """Whether it says of the dead and gone that they are not here."""
    return (change.part, change.field, change.value) == ("person", "here", "no") and any(
        each.field == "life"
        and "alive" not in each.value.split("|")
        and any(same_name(name, change.name) for name in each.name.split("|"))
        for each in turn.changes
    )


def same_name(one: str, other: str) -> bool:
    """Whether one has all words of the other, as "Ruta" and "Ruta Banks", "the lamp" and "lamp"."""
    if UNSPACED.search(one) and UNSPACED.search(other):
        return one in other or other in one
    first, second = set(words(one).split()), set(words(other).split())
    return bool(first and second) and (first <= second or second <= first)


def words(text: str) -> str:
    """Casefolded words without articles, each followed by a space."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return " ".join(word for word in WORDS.findall(plain) if word not in ARTICLES)


def overlap(one: str, other: str) -> bool:
    """Whether half of the words of the shorter of two texts stand in the other."""
    if UNSPACED.search(one) and UNSPACED.search(other):
        first, second = set(one), set(other)
    else:
        first, second = set(words(one).split()), set(words(other).split())
    return bool(first and second) and 2 * len(first & second) >= min(len(first), len(second))


def table(counts: Mapping[str, Count]) -> str:
    """A Markdown table: a row for each kind of change."""
    lines = ["| | right | wrong | missed | precision | recall |", "| --- | " + "---: | " * 5]
    lines[1] = lines[1].rstrip()
    for kind in sorted(counts, key=lambda each: (each == "all", each)):
        each = counts[kind]
        # A free text that nobody wrote down may be true.
        precision = None if kind in OPEN_ENDED else each.precision
        shares = ("–" if share is None else f"{share:.2f}" for share in (precision, each.recall))
        numbers = map(str, (each.right, each.wrong, each.missed))
        lines.append(f"| {' | '.join((kind, *numbers, *shares))} |")
    return "\n".join(lines) + "\n"
