"""What an English turn changes: who is there, what the player has, where they are, and when.

A sentence is read clause by clause: its subject (the player, someone with a name, something else),
its verb, and what follows. Clauses that tell what is not so, may be, or was, are passed over.
"""

import re

from inference.world.names import NAME
from inference.world.rules.english import deaths, others, people, places, telephone, things
from inference.world.rules.english.clauses import (
    FILLERS,
    SAME,
    SUPPOSED,
    TOKEN,
    Clause,
    Subject,
    after_noun,
    clauses,
    is_act,
    is_modal,
    is_thing,
    phrase_at,
    verb_of,
)
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.verbs import PERSONAL, VERBS
from inference.world.rules.english.words import PLACES, STARTERS
from inference.world.rules.reader import Found
from inference.world.rules.text import Sentence, sentences

YOU = re.compile(r"^you(?:'(?P<short>re|ve|ll|d))?\b\s*", re.IGNORECASE)
# "In the box under the bench you found a lamp."
FRONT = re.compile(
    r"^(?i:in|on|under|behind|inside|from|with|by|near|beside|at|above|below|across|along|over"
    r"|through|after|out of) (?i:[\w'-]+ ){1,7}?"
    rf"(?=(?i:you|he|she|they)\b|{NAME} (?!of\b|and\b|in\b|on\b|at\b)[a-z])"
)
PRONOUN = re.compile(r"^(?P<who>he|she|they|it|we|i)(?:'(?P<short>s|re|ve|ll|d|m))?\b\s*", re.I)
CALLED = re.compile(
    rf"^(?:(?:[Oo]ld|[Yy]oung|[Pp]oor|[Ll]ittle) )?(?P<name>{NAME})(?P<short>'s)?(?:,? |$)"
)
OLD_NAME = re.compile(r"^(?:old|young|poor|little) ", re.IGNORECASE)
NOUN = re.compile(r"^(?:the|an?|your|his|her|their|its|this|that|one|another|two|some)\b", re.I)
NOT_OWNED = re.compile(r"^(?:\w+ing|dead|gone|here|been|not|already|still)\b")
# "… and a pencil on a string" is still a thing; "… and the captain laughs" is not.
MORE_OF_IT = re.compile(r"^(?:of|that|which|shaped|on|in|with|from|for|under|by|as well|too|at)\b")
PLACED = re.compile(r"\b(?:to|in|at|from|near|of|into) $")
# "Her nephew Gerald pours you a cup of tea."
RELATION = re.compile(
    rf"^(?:[Tt]he|[Yy]our|[Hh]er|[Hh]is|[Tt]heir|[Mm]y) (?:[a-z]+ ){{1,2}}(?={NAME}(?:,|\s+[a-z]))"
)
BESIDE_OBJECT = re.compile(r"^(?:you|him|her|them|out|up|over|back|off) ")
THEM = re.compile(r"^((?:up |out |away |on |down )?)(?:them|both(?: of them)?)\b")
SETTING = 3  # sentences of an opening that may say where it is
DREAMS = re.compile(r"\byou dream\b|\bin (?:your|the|a) dream\b|\bdreaming\b", re.IGNORECASE)
WAKES = re.compile(r"\b(?:you|when you) (?:wake|awake)\b|\bopen your eyes\b", re.IGNORECASE)
IMAGINED = re.compile(
    r"\byou (?:remember|imagine|recall|wonder|think of|picture|dream|hope|wish|forget)\b"
    r"|\bin your memory\b",
    re.IGNORECASE,
)


def without_relation(text: str) -> str:
    """ "Her nephew Gerald pours" from the name on; "The boat takes Jory away" as it is."""
    found = RELATION.match(text)
    words = found[0].casefold().split()[1:] if found else []
    if found is None or any(word in VERBS and word != VERBS[word] for word in words):
        return text
    return text[found.end() :]


class Reader:
    """Reads the texts of one turn into `found`. `action` is what the player did or said."""

    def __init__(
        self,
        found: Found,
        opening: bool = False,
        action: str = "",
        named: frozenset[str] = frozenset(),
    ) -> None:
        """`named` is what the turn writes as names."""
        self.scene = Scene(found, opening=opening)
        self.action = action
        self.scene.on_telephone = telephone.calls(action)
        self.named = named
        self._group: list[str] = []

    def read(self, text: str) -> None:
        """Read what a text tells as what happens."""
        for number, sentence in enumerate(sentences(text)):
            if self.scene.opening and number < SETTING and not self.scene.found.has_place():
                places.read_setting(self.scene, sentence)
            self.read_sentence(sentence)
        if self.scene.opening and not self.scene.found.has_place():
            any(places.read_any_place(self.scene, each) for each in sentences(text))

    def read_sentence(self, sentence: Sentence) -> None:
        """Read one sentence."""
        scene = self.scene
        dreams = DREAMS.search(sentence.told) is not None
        scene.dreaming = (scene.dreaming or dreams) and not WAKES.search(sentence.told)
        if scene.dreaming or IMAGINED.search(sentence.told) or sentence.told.endswith("?"):
            return
        telephone.read_telephone(scene, sentence)
        places.read_time(scene, sentence)
        people.read_introductions(scene, sentence, self.action)
        people.read_it_is(scene, sentence)
        people.read_beside(scene, sentence)
        people.read_speakers(scene, sentence)
        things.read_naming(scene, sentence)
        things.read_pockets(scene, sentence)
        things.read_held(scene, sentence)
        self._read_clauses(sentence)
        others.read_elliptic(scene, sentence)
        deaths.read_dead(scene, sentence)
        telephone.read_end_of_call(scene, sentence)

    def _read_clauses(self, sentence: Sentence) -> None:
        subject: Subject = ""
        person = ""
        before: Clause | None = None
        modal = False
        waiting: list[str] = []  # "Jory" in "Jory and Mr. Tobin laugh"
        for number, (joint, text) in enumerate(clauses(sentence.told)):
            self.scene.begins = number == 0
            clause = self._parse(text, joint, subject, person)
            if joint in SUPPOSED:
                before = None
                continue
            if clause.inherited and (modal or self._is_bare(clause)):
                continue  # "he will find you and kill you"
            modal = modal if clause.inherited or not clause.subject else is_modal(clause)
            if clause.subject == "person" and not clause.verb:
                waiting.append(clause.person)
            # "The landlady, Orla Budge, sets a bowl on the table."
            if clause.subject and (clause.verb or clause.subject != "other"):
                subject, person = clause.subject, clause.person
            if not clause.verb and before is not None and joint in ("and", ","):
                self._continue(before, clause.text, sentence)
                continue
            self._read_clause(clause, sentence)
            if clause.verb and clause.subject == "person":
                for other in waiting:
                    if other != clause.person:
                        self._read_clause(clause._replace(person=other), sentence)
            waiting = [] if clause.verb else waiting
            before = clause if clause.verb else None
        self.scene.group = tuple(dict.fromkeys(self._group))
        self._group = []

    # -- clauses

    def _parse(self, text: str, joint: str, subject: Subject, person: str) -> Clause:
        """A clause; without a subject of its own it goes on about `subject`."""
        whole, short, scene = text, "", self.scene
        inherited = False
        text = without_relation(FRONT.sub("", FILLERS.sub("", text.strip())))
        if found := YOU.match(text):
            own: Subject = "you"
            who, short, text = "", found["short"] or "", text[found.end() :]
        elif found := PRONOUN.match(text):
            who = scene.last_person if found["who"].lower() in ("he", "she") else ""
            own = "person" if who else "other"
            short, text = found["short"] or "", text[found.end() :]
        elif (found := CALLED.match(text)) and not self._is_starter(found["name"]):
            after = text[found.end() :]
            owner = found["short"] and not NOT_OWNED.match(after)
            who = "" if owner else self._person(OLD_NAME.sub("", found["name"]), after)
            own = "person" if who else "other"
            short = "s" if found["short"] and not owner else ""
            text = after_noun(text) if owner else after
        elif NOUN.match(text):
            described = scene.described_at(text)
            who, after = described or ("", "")
            owner = after.startswith("'s ") and not NOT_OWNED.match(after[3:])
            who = "" if owner else who
            own = "person" if who else "other"
            short = "s" if who and after.startswith("'s ") else ""
            text = after.removeprefix("'s ") if who else after_noun(text)
        else:
            own, who, inherited = subject, person, True
            first = TOKEN.match(text)
            if first is None or first[0].casefold() not in VERBS:
                return Clause("", "", "", "", text, joint, whole)
        verb, form, rest, perfect = verb_of(text, short)
        if own == "person":
            scene.last_person = who
            if not verb and is_act(form):
                verb = "act"
        return Clause(own, who, verb, form, rest, joint, whole, perfect, inherited)

    def _is_bare(self, clause: Clause) -> bool:
        """Whether "kill" goes on about a third person: then it is no verb of what happens."""
        others = clause.subject in ("person", "other")
        return others and clause.form == clause.verb and clause.form not in SAME

    def _is_starter(self, name: str) -> bool:
        """Whether a first word is no name."""
        return name.split()[0] in STARTERS and not self.scene.found.people.find(name)

    def _person(self, name: str, after: str) -> str:
        """Who is called `name`: someone known, or someone new who does what people do."""
        found = self.scene.found
        if known := found.people.find(name):
            return known
        if found.is_player(name) or set(name.casefold().split()) & PLACES:
            return ""
        acting = TOKEN.match(FILLERS.sub("", after))
        form = acting[0].casefold() if acting else ""
        sure = not self.scene.begins or " " in name or name in self.named
        acts = form in PERSONAL or (form in VERBS and sure)
        acts = acts and form != VERBS.get(form, "") and not form.endswith("ing")
        acts = acts or (not after and " " in name and self.scene.begins is False)
        if name in self.scene.introduced or acts or people.titled(name):
            return found.people.add(name)
        return ""

    def _read_clause(self, clause: Clause, sentence: Sentence) -> None:
        scene = self.scene
        if THEM.match(clause.rest) and len(scene.group) > 1:
            for name in scene.group:
                rest = THEM.sub(rf"\1the {name}", clause.rest)
                self._read_clause(clause._replace(rest=rest), sentence)
            return
        match clause.subject:
            case "you" | "" if clause.verb:
                people.read_addressed(scene, clause, sentence)
                if not places.read_move(scene, clause, sentence):
                    things.read_player(scene, clause, sentence)
                deaths.read_killing(scene, clause, sentence)
                self._note_objects(clause)
            case "you":
                self._note_objects(clause)
            case "person":
                people.read_taken_away(scene, clause, sentence)
                people.read_behind(scene, clause, sentence)
                people.read_person(scene, clause, sentence)
                places.read_carried_off(scene, clause, sentence)
                others.read_other(scene, clause, sentence)
                self._note_thing(clause)
            case "other":
                people.read_taken_away(scene, clause, sentence)
                deaths.read_killing(scene, clause, sentence)
                self._note_people(clause)
                places.read_carried_off(scene, clause, sentence)
                others.read_other(scene, clause, sentence)
                self._note_thing(clause)

    def _continue(self, before: Clause, text: str, sentence: Sentence) -> None:
        """ "… the lantern and the rope": more of what a verb is about."""
        phrase = phrase_at(text)
        if phrase is None or not is_thing(phrase):
            return
        if phrase.rest and not MORE_OF_IT.match(phrase.rest):
            return
        if len(phrase.words) > 1 and phrase.words[-1].casefold() in VERBS:
            return
        self._group += [self.scene.last_thing, phrase.name]
        front = re.match(r"^(?:up|out|on|off|away|you|over|back)\s+", before.rest)
        rest = f"{front[0] if front else ''}{phrase.article} {phrase.name}"
        self._read_clause(before._replace(rest=rest), sentence)

    def _note_objects(self, clause: Clause) -> None:
        """Who "he" and what "it" may be in the next clause: what the player does something to."""
        self._note_people(clause)
        self._note_thing(clause)

    def _note_people(self, clause: Clause) -> None:
        """Whom something is done to."""
        scene = self.scene
        starts = re.finditer(rf"\bthe |\b{NAME}", clause.rest)
        if clause.subject != "you":  # "He takes you to Brandy Point."
            starts = (each for each in starts if not PLACED.search(clause.rest[: each.start()]))
        named = [scene.person_at(clause.rest[each.start() :]) for each in starts]
        if any(named):
            scene.last_person = next(each for each in reversed(named) if each)

    def _note_thing(self, clause: Clause) -> None:
        """What "it" may be: what is shown, offered or handled."""
        rest = BESIDE_OBJECT.sub("", clause.rest)
        whom = things.TO_WHOM.match(rest)
        phrase = phrase_at(rest[whom.end() :] if whom else rest) or phrase_at(rest)
        if phrase is not None and is_thing(phrase):
            self.scene.last_thing = phrase.name
