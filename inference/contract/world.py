"""The state of the world at a turn, and the changes that lead to it: plain data.

docs/world.md describes it. Each turn stores its changes; the state of a turn is what they give from
the opening to that turn, in order (`inference.world.folding`).
"""

from typing import Literal

from inference.contract.plain import Plain

Source = Literal["player", "scenario", "rule", "narrator", "dice"]
Part = Literal["place", "time", "person", "thing", "aim", "fact"]
Field = Literal["", "life", "here", "mood", "held"]
Life = Literal["alive", "dead", "gone"]
Held = Literal["carried", "worn", "lost"]

# In code points and counts. What is over is cut or left out, the oldest first.
LONGEST_NAME = 60
LONGEST_MOOD = 20
LONGEST_PLACE = 120  # of a place or a time
LONGEST_FACT = 200  # of an aim or a fact
LONGEST_SENTENCE = 300
MOST_PEOPLE = 40
MOST_THINGS = 60
MOST_AIMS = 5
MOST_FACTS = 40
MOST_CHANGES = 40  # of one turn and one source


class WorldChange(Plain):
    """One change of the state of the world.

    | part | name | field | value |
    |---|---|---|---|
    | place, time | "" | "" | a few words |
    | person | the person's name | life | alive, dead or gone (left for good) |
    | person | the person's name | here | yes or no |
    | person | the person's name | mood | one word: the mood toward the player |
    | thing | what it is called | held | carried, worn or lost (by the player) |
    | aim | its text | "" | open or done |
    | fact | its text | "" | true |

    An empty value removes the entry; for a person with the field life, the whole person.
    `sentence` is what it was read from. `hidden` entries are the narrator's alone until a later
    change reveals them. `released` changes set nothing: what the player set of the entry in earlier
    turns of the path does not count from here on.
    """

    part: Part
    name: str = ""
    field: Field = ""
    value: str
    source: Source
    sentence: str = ""
    hidden: bool = False
    released: bool = False


class Person(Plain):
    """A known person. `here`: in the same place as the player; never of the dead or gone."""

    name: str
    life: Life = "alive"
    here: bool = False
    mood: str = ""


class Thing(Plain):
    """Something that the player carries, wears, or has lost."""

    name: str
    held: Held


class World(Plain):
    """The state of the world at a turn. Everything is in the order in which it became known."""

    place: str = ""
    time: str = ""
    people: tuple[Person, ...] = ()
    things: tuple[Thing, ...] = ()
    aims: tuple[str, ...] = ()  # the open ones
    facts: tuple[str, ...] = ()
    # What the narrator knows and players do not yet, as sentences: hidden entries are here alone.
    hidden: tuple[str, ...] = ()


class Recalled(Plain):
    """Sentences of an old turn that the prompt has room for again.

    `turn` is the turn's id; `number` its place on the path, the opening being 0. `score` is
    comparable within one prompt alone; `reason` is short and for players: the words that matched,
    or "pinned". `by_action`: it was found by the player's action, and not by the newest turns.
    """

    turn: str
    number: int
    text: str
    score: float = 0.0
    reason: str = ""
    by_action: bool = False
