"""Rules over the text of a turn: what it changes in the state of the world. One module a language.

The reply decides: what the player does is an attempt, and counts only where the reply takes it up
and denies nothing of it, and the dice did not fail it.
"""

import re
from collections.abc import Sequence

from inference.contract.request import Passage
from inference.contract.world import MOST_CHANGES, Person, World, WorldChange
from inference.reply.actions import shown_action
from inference.world.names import People, are_people, names_in
from inference.world.rules.accepting import accepted
from inference.world.rules.english import Reader
from inference.world.rules.reader import Found

FAILS = re.compile(r"^(?:The attempt fails|This fails|This does not succeed)")
THROWS = re.compile(r"\b(?:throw|toss|hurl|fling)\b")  # leaves the hand, whatever comes of it


def read_turn(
    passage: Passage,
    world: World,
    known_names: frozenset[str] = frozenset(),
    player_name: str = "",
) -> list[WorldChange]:
    """What a turn changes in `world`, the state before it, by rules; their source is "rule".

    `known_names` are names that memory, cards and story have (`inference.world.names.names_in`);
    others count only where the text introduces them. `player_name` is the player's, who is no one
    of the people. What is so already is no change.
    """
    known = are_people(known_names, f"{passage.action} {passage.reply}")
    people = People([*(person.name for person in world.people), *known])
    player = frozenset(part.casefold() for part in (player_name, *player_name.split()) if part)
    found = Found(world, people, player)
    named = names_in(f"{passage.action}\n{passage.reply}")
    reader = Reader(found, passage.kind == "opening", passage.action, named)
    if passage.kind in ("story", "opening"):
        reader.read(passage.action)
    elif passage.kind == "do":
        fails = FAILS.match(passage.outcome) and not THROWS.search(passage.action)
        attempt = Found(world, people, player)
        attempting = Reader(attempt)
        shown = shown_action("do", passage.action)
        attempting.read(shown)
        reader.scene.last_thing = attempting.scene.last_thing
        for change in attempt.changes():
            if not fails and accepted(change, shown, passage.reply):
                found.take_over(change)
    reader.read(passage.reply)
    return found.changes()[:MOST_CHANGES]


def last_seen(name: str, texts: Sequence[str], people: People) -> bool | None:
    """Whether someone was here when they were last told of in `texts`, the newest last.

    None where none of them says.
    """
    for text in reversed(texts):
        if not text:
            continue
        found = Found(World(people=(Person(name=name, here=True),)), people, frozenset())
        Reader(found).read(text)
        if (here := found.here(name)) is not None:
            return here
    return None
