"""Rules of a language that has only a table of patterns. For all but English."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inference.contract.world import Held
from inference.world.names import NAME
from inference.world.rules.reader import Found
from inference.world.rules.text import Sentence, has_word, sentences

CLAUSE_ENDS = re.compile(r"[,;:，；：—]")


@dataclass(frozen=True)
class Language:
    """The patterns of a language, each for one clause or sentence outside quotation.

    In them {thing}, {place} and {who} stand for what is meant. `thing` and `place` are patterns
    for these, with a group `name`. A pattern of `takes` and `goes` is of an action, which counts
    where the reply mentions what it is about.
    """

    thing: str
    place: str
    carried: tuple[str, ...]
    worn: tuple[str, ...]
    lost: tuple[str, ...]
    loses: str  # verbs by which a thing that is carried is lost, whoever does it
    keeps: str  # in a clause: it is not lost, but put away or given to the player
    gives: str  # verbs of an action by which a thing is given away, dropped or used up
    speech: tuple[str, ...]  # who speaks, by a name that may be new
    here: tuple[str, ...]
    left: tuple[str, ...]
    dead: tuple[str, ...]
    dying: str  # in a clause: whom it names is dead
    at: tuple[str, ...]  # where the player is
    times: tuple[tuple[str, str], ...]
    takes: tuple[str, ...]
    goes: tuple[str, ...]
    joints: str  # where a clause ends
    denied: str  # in a clause: it is not so, or may be
    aside: str  # in a sentence: a dream, a memory
    but: str  # what an attempt comes to besides: it failed
    stays: tuple[str, ...] = ()  # who is left behind by a player that goes
    returned: str = "(?!)"  # in a sentence: what was given away comes back
    offers: tuple[str, ...] = ()  # what "it" means, when the player takes it
    takes_it: str = "(?!)"  # the player takes what was offered
    pronoun: str = ""  # of a person, at the beginning of a clause
    acts: str = ""  # what follows the name of somebody who is here, at a sentence's beginning
    no_things: frozenset[str] = frozenset()
    no_places: frozenset[str] = frozenset()
    spaced: bool = True


@dataclass
class TableReader:
    """Reads texts of one turn into `found`, by the table of a language."""

    found: Found
    language: Language
    last_person: str = ""
    offered: str = ""
    _compiled: dict[tuple[str, bool, int], re.Pattern[str]] = field(default_factory=dict)

    def read(self, text: str) -> None:
        """Read what a text tells as what happens."""
        for sentence in sentences(text):
            self.read_sentence(sentence)

    def read_sentence(self, sentence: Sentence) -> None:
        """Read one sentence."""
        language, found = self.language, self.found
        told = sentence.told
        if re.search(language.aside, told, re.IGNORECASE):
            return
        for pattern, time in language.times:
            if re.search(pattern, told, re.IGNORECASE):
                found.put_time(time, sentence)
        for held, patterns in self._things():
            for name in self._matches(patterns, told, "thing"):
                found.put_thing(name, held, sentence)
        self.offered = next(self._matches(language.offers, told, "thing"), self.offered)
        if self.offered and re.search(language.takes_it, told):
            found.put_thing(self.offered, "carried", sentence)
        returned = re.search(language.returned, told)
        for name in () if returned else self.lost_in(told, language.loses):
            found.put_thing(name, "lost", sentence)
        for name in self._matches(language.at, told, "place"):
            found.put_place(name, sentence)
        self._read_people(sentence)

    def attempted(self, action: str) -> Iterator[tuple[str, str]]:
        """What an action would change: "thing" or "place", and its name."""
        for part, patterns in (("thing", self.language.takes), ("place", self.language.goes)):
            for name in self._matches(patterns, action, part):
                yield part, name

    def lost_in(self, text: str, loses: str) -> Iterator[str]:
        """What the player has, and loses by one of the verbs of `loses`, clause by clause."""
        for clause in re.split(self.language.joints, text):
            if not re.search(loses, clause) or re.search(self.language.keeps, clause):
                continue
            if re.search(self.language.denied, clause, re.IGNORECASE):
                continue
            for name in self.found.had():
                if has_word(clause, name.split()[-1]):
                    yield name

    def _things(self) -> Iterator[tuple[Held, Sequence[str]]]:
        yield "carried", self.language.carried
        yield "worn", self.language.worn
        yield "lost", self.language.lost

    def _read_people(self, sentence: Sentence) -> None:
        told, found, language = sentence.told, self.found, self.language
        for who in self._people((*language.speech, *language.here), told):
            found.put_here(who, True, sentence)
        if language.acts and (start := self._pattern("{who}").match(told)):
            who = found.people.find(start["who"])
            if (
                who
                and re.match(language.acts, told[start.end() :])
                and not self._denied(told, start)
            ):
                self.last_person = who
                found.put_here(who, True, sentence)
        stays = language.stays if found.moved() else ()
        for who in self._people((*language.left, *stays), told):
            found.put_here(who, False, sentence)
        for who in (*self._people(language.dead, told), *self._dying(told)):
            found.put_life(who, "dead", sentence)
        for quoted in sentence.quoted:
            if quoted.rstrip().endswith(("?", "？")):
                continue
            for who in (*self._people(language.dead, quoted), *self._dying(quoted)):
                found.put_life(who, "dead", sentence)
        if named := self._pattern("{who}", pronouns=False).search(told):
            self.last_person = found.people.find(named["who"]) or self.last_person

    def _dying(self, text: str) -> Iterator[str]:
        """Whom a clause names last before it says that somebody is dead."""
        for clause in re.split(self.language.joints, text):
            death = re.search(self.language.dying, clause)
            if death is None or re.search(self.language.denied, clause, re.IGNORECASE):
                continue
            named = list(self._pattern("{who}", pronouns=False).finditer(clause, 0, death.start()))
            who = self.found.people.find(named[-1]["who"]) if named else ""
            if who and not self.found.is_player(who):
                yield who

    def _people(self, patterns: Sequence[str], text: str) -> Iterator[str]:
        """Whom the patterns find: known people, and new ones who do what only people do."""
        for pattern in patterns:
            for match in self._pattern(pattern).finditer(text):
                if self._denied(text, match, pattern):
                    continue
                called = match["who"]
                if self.language.pronoun and re.fullmatch(self.language.pronoun, called):
                    who = self.last_person
                else:
                    who = self.found.people.find(called)
                    # Only after a quotation: nouns may have capitals, and sentences do.
                    new = self.language.spaced and pattern == self.language.speech[0]
                    if not who and new and re.fullmatch(NAME, called):
                        who = self.found.people.add(called)
                if who and not self.found.is_player(who):
                    self.last_person = who
                    yield who

    def _matches(self, patterns: Sequence[str], text: str, part: str) -> Iterator[str]:
        """What the patterns find as a thing or a place."""
        language = self.language
        out = language.no_things if part == "thing" else language.no_places
        for pattern in patterns:
            for match in self._pattern(pattern).finditer(text):
                name = (match["name"] or "").strip()
                last = name.split()[-1].casefold() if name.split() else ""
                first = name.split()[0].casefold() if name.split() else ""
                if not name or {first, last} & out or self.found.people.find(name):
                    continue
                if not self._denied(text, match, pattern):
                    yield name

    def _denied(self, text: str, match: re.Match[str], pattern: str = "") -> bool:
        """Whether the clause of a match says that it is not so, where the pattern does not."""
        if re.search(self.language.denied, pattern):
            return False
        begins = [found.end() for found in CLAUSE_ENDS.finditer(text, 0, match.start())]
        after = CLAUSE_ENDS.search(text, match.end())
        clause = text[begins[-1] if begins else 0 : after.start() if after else len(text)]
        return re.search(self.language.denied, clause, re.IGNORECASE) is not None

    def _pattern(self, pattern: str, pronouns: bool = True) -> re.Pattern[str]:
        key = (pattern, pronouns, len(self.found.people.names))
        if key not in self._compiled:
            self._compiled[key] = re.compile(
                pattern.replace("{thing}", self.language.thing)
                .replace("{place}", self.language.place)
                .replace("{who}", f"(?P<who>{self._who(pronouns)})")
            )
        return self._compiled[key]

    def _who(self, pronouns: bool) -> str:
        """Whoever has a name: known people first."""
        known = [way for name in self.found.people.names for way in written(name)]
        ways = [re.escape(way) for way in sorted(set(known), key=len, reverse=True)]
        if self.language.pronoun and pronouns:
            ways.append(self.language.pronoun)
        return "|".join([*ways, *([NAME] if self.language.spaced else [])]) or r"(?!)"


def written(name: str) -> Iterator[str]:
    """How a name may be written: whole, without its article, and by each of its words."""
    yield name
    words = name.split()
    if len(words) > 1:
        yield " ".join(words[1:])
        yield from (word for word in words if word[:1].isupper() and len(word) > 2)
        yield name[0].upper() + name[1:]
