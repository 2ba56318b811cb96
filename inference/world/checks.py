"""Whether a reply contradicts the state of the world. Pure; for English.

The dead do not speak or act, what is lost is not used, and whoever is not here does not answer. The
dead may be remembered, dreamt of, and lie where they fell. docs/world.md describes it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from inference.contract.world import Person, World
from inference.reply.quotes import narration
from inference.world.absent import ASIDE as ASIDE_OF_ABSENT
from inference.world.absent import BODY, until_they_may
from inference.world.dead import acts, answers, pronoun_acts, speaks
from inference.world.lost import uses_lost, was_put_down
from inference.world.names import RANKS, People, parts_of
from inference.world.needs import done_with, head_of, is_ridden, needs, needs_alive, verbs_for
from inference.world.rules import last_seen
from inference.world.rules.text import bounded

Kind = Literal["dead", "lost", "absent"]

# Where one of these is told of, the dead may well walk: nothing is said against it.
UNDEAD = re.compile(
    r"\b(?:ghosts?|spirits?|spectres?|undead|zombies?|vampires?|skeletons?|resurrect\w*|haunt\w*"
    r"|séance|seance|necromanc\w*|afterlife|underworld|reviv\w+|comes? back to life"
    r"|back from the dead|wakes? the dead|raises? the dead|shades? of)\b",
    re.IGNORECASE,
)
# A sentence with one of these tells of another time, of a dream, or of what is not so.
ASIDE = re.compile(
    r"\b(?:remember\w*|memor(?:y|ies)|dream\w*|imagin\w*|once|used to|had|years ago|yesterday|would"
    r"|if|as though|photo\w*|portrait|painting|picture|recording|letter|diary|thinks? of"
    r"|voice in your head|think about|before (?:he|she|they) died|last words)\b|['’]d\b",
    re.IGNORECASE,
)
SENTENCES = re.compile(r"[^.!?…\n]+(?:[.!?…]+[\"”’')]*|\n|$)")

FAR = re.compile(r"\b(?:somewhere|elsewhere|meanwhile|miles)\b", re.IGNORECASE)
RECENT_TEXTS = 24  # that say who was seen last, and what was put down


class Contradiction(NamedTuple):
    """What a reply contradicts: the kind, and the fact as a sentence of the prompt."""

    kind: Kind
    fact: str


FACTS: dict[Kind, str] = {
    "dead": "{name} is dead.",
    "absent": "{name} is not here.",
    "lost": "You no longer have the {name}.",
}
# How a reply begins to someone who cannot answer, or to an action with what is lost. The last word
# leads on to something else: small models would stop, or do all the same what was asked.
BEGINNINGS: dict[Kind, str] = {
    "dead": "{name} does not answer. The",
    "absent": "{name} is not here to answer. The",
    "lost": "You no longer have the {name}. The",
}
# To an action that is not said to somebody, but needs them alive: "ride away on Thistle".
BEGINNING_OF_DEAD = "{name} is dead. The"
# Who does one of these does not need to have the thing.
WITHOUT_HAVING = re.compile(
    r"You (?:\w+ly )?(?:take|pick|get|grab|fetch|find|recover|retrieve|reach|dive|search|look|seek"
    r"|ask|tell|buy|want|wish|miss|forget|remember|think|go|walk|run|climb|crawl|swim|see|hear"
    r"|listen|wait|call|replace|describe|mention)\b"
)


def told_of(kind: Kind, name: str) -> Contradiction:
    """The fact about someone or something, as a contradiction of it."""
    return Contradiction(kind, FACTS[kind].format(name=name))


def uses(thing: str, action: str) -> bool:
    """Whether an action ("You cut the rope with the saw.") needs a thing, given as a pattern."""
    the = rf"(?:the|your|my) (?:[\w-]+ )?(?i:{thing})(?!\w)"
    if re.search(rf"\b(?:with|using|by the light of) {the}", action):
        return True
    # "take your knife out of your boot", "listen for a voice in your earpiece"
    if re.match(
        rf"You (?:take|draw|pull|get) (?:out )?{the} (?:out of|from) (?:your|my)\b", action
    ):
        return True
    if re.match(rf"You listen\b[^.!?]{{0,60}} (?:in|through|to|on) {the}", action):
        return True
    used = re.match(rf"You (?:\w+ly )?\w+ (?:out |up |down |on )?{the}", action)
    return used is not None and WITHOUT_HAVING.match(action) is None


class Facts:
    """What a reply must not contradict, in the state before it.

    `action` is what the player did, as the page shows it; `texts` are those of the prompt: where
    they tell of ghosts, the dead may act.
    """

    def __init__(self, world: World, action: str = "", texts: Sequence[str] = ()) -> None:
        self._action = action
        self._texts = texts[-RECENT_TEXTS:]
        self._seen: dict[str, bool] = {}
        self._gone = frozenset(each.name for each in world.people if each.life == "gone")
        self._people = people = People(person.name for person in world.people)
        haunted = UNDEAD.search(action) or any(UNDEAD.search(text) for text in texts)
        self._alone = not any(person.here for person in world.people)
        self._dead: dict[str, str] = {}
        self._absent: dict[str, str] = {}
        for person in world.people:
            who = "|".join(map(re.escape, called(person.name, people)))
            if not who:
                continue
            pattern = re.sub(r"(?:^|(?<=\|))the\\ ", "[Tt]he ", who)
            if person.life == "dead" and not haunted:
                self._dead[person.name] = pattern
            elif person.life == "gone" or self._is_missed(person, pattern):
                self._absent[person.name] = pattern
        self._lost = {
            thing.name: re.escape(head_of(thing.name))
            for thing in world.things
            if thing.held == "lost" and thing.name.split()
        }
        # What does the same is at hand.
        had = {verbs_for(thing.name) for thing in world.things if thing.held != "lost"} - {""}
        self._needed = [name for name in self._lost if not any(shares(name, each) for each in had)]
        named = [f"(?:{each})" for each in (*self._dead.values(), *self._absent.values())]
        things = [f"(?i:{each})" for each in self._lost.values()]
        self._mentioned = re.compile(rf"(?<!\w)(?:{'|'.join([*named, *things])})(?!\w)")
        self.any = bool(named or things)
        # What the action attempts contradicts a fact, whether the reply names it or not.
        self._attempted = self.any and bool(self.dead_in_use() or self.lost_in_use())
        self.people = bool(named)
        self.asked: bool = self.mentioned(action)  # the action names something of this

    def _is_missed(self, person: Person, pattern: str) -> bool:
        """Whether the player speaks to someone who is not here, as far as the state knows."""
        if person.here or person.life != "alive":
            return False
        return has(pattern, self._action)

    def _was_here(self, name: str) -> bool:
        """Whether someone did something last, as far as the newest texts tell.

        Not everybody who is here was read to come. Found out when it matters: it takes a moment.
        """
        if name not in self._gone and name not in self._seen:
            self._seen[name] = last_seen(name, self._texts, self._people) is True
        return self._seen.get(name, False)

    def about(self, text: str) -> Contradiction | None:
        """The first fact about someone or something that a text mentions."""
        for people, kind in ((self._dead, "dead"), (self._absent, "absent")):
            for name, who in people.items():
                if re.search(rf"(?<!\w)(?:{who})(?!\w)", text):
                    return told_of(kind, name)  # type: ignore[arg-type]
        for name, thing in self._lost.items():
            if re.search(rf"(?<!\w)(?i:{thing})(?!\w)", text):
                return told_of("lost", name)
        return None

    def silent(self, name: str) -> Kind | None:
        """Why someone cannot answer, who is called `name` in a sentence; None where they can."""
        found = self.about(f"{name[:1].upper()}{name[1:]}")
        return None if found is None or found.kind == "lost" else found.kind

    def lost_in_use(self) -> str:
        """What the player's action uses although it is lost, as it is called; "" for nothing."""
        for name, thing in self._lost.items():
            if uses(thing, self._action):
                return name
        return next((name for name in self._needed if needs(name, self._action)), "")

    def dead_in_use(self) -> str:
        """Who is dead, and alive by the player's action: ridden, fed, told something; or ""."""
        for name, who in self._dead.items():
            if needs_alive(who, self._action):
                return name
        return ""

    def called_upon(self) -> str:
        """Who cannot answer and is spoken to without a name of their own: "Which way, fly?"."""
        quoted = re.search(r'"([^"]*)"', self._action)
        said = quoted[1].strip() if quoted else ""
        for name in (*self._dead, *self._absent):
            word = rf"(?:\w+ ){{0,2}}(?i:{re.escape(name.split()[-1])})"
            if re.search(rf"^{word},|, {word}[.!?]*$", said):
                return name
        return ""

    def mentioned(self, text: str) -> bool:
        """Whether a text mentions anything that it could contradict."""
        return self.any and (self._attempted or self._mentioned.search(text) is not None)

    def contradicted(self, text: str) -> Contradiction | None:
        """The first fact that a text contradicts, the beginning of a reply or all of it."""
        return next(self._contradictions(text), None) if self.any else None

    def _contradictions(self, text: str) -> Iterator[Contradiction]:
        text = bounded(text)
        for name in self._lost:  # what was begun for the narrator does not excuse what follows
            text = text.removeprefix(told_of("lost", name).fact)
        told = narration(text)
        now = "".join(each for each in SENTENCES.findall(told) if not ASIDE.search(each))
        for name, who in self._dead.items():
            if has(who, f"{now} {self._action}") and (
                self._dead_act(rf"(?:{who})(?!['’]s\b)", now, text)
                or is_ridden(who, now, self._action)
            ):
                yield told_of("dead", name)
        for name, who in self._absent.items():
            if has(who, text) and self._absent_act(who, text) and not self._was_here(name):
                yield told_of("absent", name)
        for name, head in self._lost.items():
            used = has(f"(?i:{head})", now) and uses_lost(name, now, self._action)
            done = name in self._needed and done_with(name, now, self._action)
            if (used or done) and not was_put_down(name, self._texts):
                yield told_of("lost", name)

    def _absent_act(self, who: str, text: str) -> bool:
        near = ASIDE_OF_ABSENT.sub("", until_they_may(who, text))
        near = "".join(each for each in SENTENCES.findall(near) if not FAR.search(each))
        told = narration(near)
        named = rf"(?:{who})(?!['’]s\b)"
        if re.search(rf"\b(?:{who}){BODY}", told) or acts(named, told) or speaks(named, told):
            return True
        if pronoun_acts(named, "he|she", told):
            return True
        return self._alone and answers(named, "he|she", near, self._action)

    def _dead_act(self, who: str, now: str, text: str) -> bool:
        if acts(who, now) or speaks(who, now) or pronoun_acts(who, "he|she", now):
            return True
        # "She" may be somebody else, where somebody else is here.
        return self._alone and answers(who, "he|she", text, self._action)


def shares(name: str, verbs: str) -> bool:
    """Whether a thing is for one of the verbs of another."""
    return bool(set(verbs_for(name).split("|")) & set(verbs.split("|")))


def has(pattern: str, text: str) -> bool:
    """Whether a text has what the pattern finds, as whole words."""
    return re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text) is not None


def called(name: str, people: People) -> list[str]:
    """The ways to call someone that mean nobody else, as they are written."""
    ways = [name, " ".join(parts_of(name)), *parts_of(name)]
    words = name.split()
    if words and words[0].strip(".") in RANKS:
        ways.append(f"the {words[0].strip('.').lower()}")
    found = [way for way in dict.fromkeys(ways) if len(way) > 1 and people.find(way) == name]
    return sorted(found, key=len, reverse=True)
