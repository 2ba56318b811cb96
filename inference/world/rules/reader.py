"""What the readers of all languages share: the changes found so far, and how things are known."""

from inference.contract.world import (
    LONGEST_MOOD,
    LONGEST_NAME,
    LONGEST_PLACE,
    Field,
    Held,
    Part,
    World,
    WorldChange,
)
from inference.world.names import People
from inference.world.rules.text import Sentence


class Found:
    """The changes of one turn: the last that is said of each thing or person counts."""

    def __init__(self, world: World, people: People, player: frozenset[str]) -> None:
        """`player` are the player's own names, in small letters."""
        self.world = world
        self.people = people
        self.player = player
        self._changes: dict[tuple[Part, str, Field], WorldChange] = {}
        self._lives = {person.name.casefold(): person.life for person in world.people}
        self._here = {person.name.casefold() for person in world.people if person.here}
        self._moods = {person.name.casefold(): person.mood for person in world.people}
        self._held = {thing.name.casefold(): thing.held for thing in world.things}

    def changes(self) -> list[WorldChange]:
        """What is not so before the turn, in the order in which it was told."""
        return [change for change in self._changes.values() if self._is_new(change)]

    def copy(self) -> "Found":
        """The same, to be tried on."""
        other = Found(self.world, self.people, self.player)
        other._changes = dict(self._changes)
        return other

    def take_over(self, change: WorldChange) -> None:
        """Count a change that another reader found."""
        key = (change.part, change.name.casefold(), change.field)
        self._changes.pop(key, None)
        self._changes[key] = change

    def moved(self) -> bool:
        """Whether the player has gone somewhere else in this turn."""
        return ("place", "", "") in self._changes

    def has_place(self) -> bool:
        """Whether a place is known now."""
        return bool(self.world.place) or ("place", "", "") in self._changes

    def held(self, name: str) -> Held | None:
        """How the player has a thing, as far as is known now."""
        change = self._changes.get(("thing", name.casefold(), "held"))
        if change is not None:
            return change.value or None  # type: ignore[return-value]
        return self._held.get(name.casefold())

    def life(self, name: str) -> str:
        """Whether someone lives, as far as is known now."""
        change = self._changes.get(("person", name.casefold(), "life"))
        return change.value if change is not None else self._lives.get(name.casefold(), "alive")

    def here(self, name: str) -> bool | None:
        """Whether someone is told to be here, or not to be; None where nothing is told."""
        change = self._changes.get(("person", name.casefold(), "here"))
        return None if change is None else change.value == "yes"

    def is_player(self, name: str) -> bool:
        """Whether this is the player."""
        return name.casefold() in self.player

    def had(self) -> list[str]:
        """What the player carries or wears now."""
        names = [thing.name for thing in self.world.things]
        names += [each.name for each in self._changes.values() if each.part == "thing"]
        return [name for name in dict.fromkeys(names) if self.held(name) in ("carried", "worn")]

    def known_thing(self, called: str) -> str:
        """What the world calls a thing that a text calls so, by its last word; or as the text."""
        head = called.casefold().split()[-1] if called.split() else ""
        names = [thing.name for thing in self.world.things]
        names += [each.name for each in self._changes.values() if each.part == "thing"]
        for name in names:
            if name.casefold() == called.casefold():
                return name
        alike = [name for name in dict.fromkeys(names) if head in heads(name)]
        own = set(called.casefold().split())
        others = {name: set(name.casefold().split()) for name in alike}
        close = [name for name, theirs in others.items() if theirs <= own or own <= theirs]
        return close[0] if len(close) == 1 else called

    def put_thing(self, called: str, held: Held, sentence: Sentence) -> None:
        """The player carries, wears or has lost something."""
        name = self.known_thing(called)
        if held == "carried" and self.held(name) == "worn":
            return  # taken in hand, not taken off
        self._put("thing", name, "held", held, sentence)

    def take_off(self, called: str, sentence: Sentence) -> None:
        """The player carries what was worn."""
        self._put("thing", self.known_thing(called), "held", "carried", sentence)

    def put_here(self, name: str, here: bool, sentence: Sentence, comes: bool = True) -> None:
        """Someone is in the same place as the player, or is not.

        `comes`: it would bring back somebody who has left in this turn; else they stay away.
        """
        if self.is_player(name) or self.life(name) == "dead":
            return
        if here and not comes and self.here(name) is False:
            return
        key = ("person", name.casefold(), "here")
        if not here and key not in self._changes and name.casefold() not in self._lives:
            return  # who was never here has not left
        self._put("person", name, "here", "yes" if here else "no", sentence)

    def put_life(self, name: str, life: str, sentence: Sentence) -> None:
        """Someone is dead, or gone for good."""
        if self.is_player(name):
            return
        if life != "alive":
            self._changes.pop(("person", name.casefold(), "here"), None)
        self._put("person", name, "life", life, sentence)

    def put_mood(self, name: str, mood: str, sentence: Sentence) -> None:
        """What someone feels toward the player."""
        if not self.is_player(name) and len(mood) <= LONGEST_MOOD:
            self._put("person", name, "mood", mood, sentence)

    def put_place(self, place: str, sentence: Sentence) -> None:
        """Where the player is now."""
        if place and len(place) <= LONGEST_PLACE:
            self._put("place", "", "", place, sentence)

    def put_time(self, time: str, sentence: Sentence) -> None:
        """What time it is now."""
        if time and len(time) <= LONGEST_PLACE:
            self._put("time", "", "", time, sentence)

    def _put(self, part: Part, name: str, field: Field, value: str, sentence: Sentence) -> None:
        if len(name) > LONGEST_NAME:
            return
        self.take_over(
            WorldChange(
                part=part,
                name=name,
                field=field,
                value=value,
                source="rule",
                sentence=sentence.text,
            )
        )

    def _is_new(self, change: WorldChange) -> bool:
        name = change.name.casefold()
        match change.part, change.field:
            case "place", _:
                return change.value.casefold() != self.world.place.casefold()
            case "time", _:
                return change.value.casefold() != self.world.time.casefold()
            case "thing", _:
                return change.value != self._held.get(name, "")
            case "person", "life":
                return change.value != self._lives.get(name, "alive")
            case "person", "here":
                return (change.value == "yes") != (name in self._here)
            case "person", "mood":
                return change.value != self._moods.get(name, "")
        return True


def heads(name: str) -> set[str]:
    """The nouns that may stand for a thing: "basket" and "eggs" for "basket of eggs"."""
    words = name.casefold().split()
    of = words.index("of") if "of" in words[1:] else 0
    return {*words[-1:], *words[of - 1 : of]} if of else {*words[-1:]}
