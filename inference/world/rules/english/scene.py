"""What the English rules remember from one clause to the next."""

import re
from dataclasses import dataclass, field

from inference.world.names import NAME
from inference.world.rules.english.clauses import Phrase, is_thing, is_vague, phrase_at
from inference.world.rules.reader import Found

IT = re.compile(r"^(?:it|them|both of them|one of them)\b\s*", re.IGNORECASE)


@dataclass
class Scene:
    """The changes found so far, and whom "he" and what "it" may mean."""

    found: Found
    last_person: str = ""
    last_thing: str = ""
    introduced: set[str] = field(default_factory=set)  # names that the text gives someone
    begins: bool = True  # the clause begins its sentence, where any word has a capital
    dreaming: bool = False
    pockets: bool = False  # it is told what is in the player's pockets
    opening: bool = False
    on_telephone: bool = False  # who speaks is elsewhere, until somebody hangs up
    subject: Phrase | None = None  # of the clause before: "the blade sticks, and is torn …"
    group: tuple[str, ...] = ()  # what "them" may mean: "the rope and the lantern"
    unnamed: str = ""  # what became of something that the next sentence names: "lost"

    def take_object(self, rest: str) -> tuple[str, str] | None:
        """The thing that `rest` begins with, and what follows: "the lantern" or "it"."""
        if found := IT.match(rest):
            return (self.last_thing, rest[found.end() :]) if self.last_thing else None
        phrase = phrase_at(rest)
        if phrase is None or not is_thing(phrase):
            return None
        self.last_thing = phrase.name
        return phrase.name, phrase.rest

    def thing_at(self, rest: str) -> Phrase | None:
        """As `take_object`, without remembering it."""
        if found := IT.match(rest):
            words = tuple(self.last_thing.split())
            return Phrase("the", words, rest[found.end() :]) if words else None
        phrase = phrase_at(rest)
        return phrase if phrase is not None and is_thing(phrase) else None

    def vague_at(self, rest: str) -> bool:
        """Whether `rest` begins with something that is not named."""
        phrase = phrase_at(rest)
        if phrase is None:
            return re.match(r"(?:some|any)thing\b", rest) is not None
        return is_vague(phrase)

    def has(self, called: str) -> bool:
        """Whether the player carries or wears what is called so."""
        return self.found.held(self.found.known_thing(called)) in ("carried", "worn")

    def person_at(self, text: str) -> str:
        """Whom `text` begins with: someone known by name or rank; "" otherwise."""
        if described := self.described_at(text):
            return described[0]
        name = re.match(rf"(?:old |young |poor )?{NAME}", text)
        if name is None:
            return ""
        return self.found.people.find(re.sub(r"^(?:old|young|poor) ", "", name[0]))

    def described_at(self, text: str) -> tuple[str, str] | None:
        """Whom `text` begins with, as "the old woman", and what follows."""
        if text[:4].casefold() != "the ":
            return None
        for words in (3, 2, 1):
            found = re.match(
                rf"the(?: [\w'-]+?(?='s\b|[ ,.;!?]|$)){{{words}}}", text, re.IGNORECASE
            )
            if found and (who := self.found.people.find_exactly(found[0])):
                return who, text[found.end() :].strip()
        return None
