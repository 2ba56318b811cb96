"""A text heard word by word against rules: what was found, and whether it may become something.

All patterns are one automaton, so that a word costs about the same whether there are ten or a
thousand. What a pattern begins with is looked up; only patterns that have begun are stepped.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from inference.contract.screening import Finding, Screening
from inference.screening.patterns import Gap, Part, Words, parsed
from inference.screening.words import END, forms, words_apart

SPELLED = 3  # single letters in a row that are a word: "k i l l"
WORDS_OF_A_LETTER = ("a", "i", "o")
LONGEST_SPELLED = 24
REPEATED = re.compile(r"(.)\1+")
KEPT = 60  # words of a sentence that a finding may quote
MOST_BEGINNINGS = 50_000  # words whose patterns are remembered
MOST_SCREENS = 16


@dataclass(slots=True)
class Node:
    """A place within a pattern: which words lead on, and whether it ends here."""

    rule: int
    ends: bool = False
    cancels: bool = False
    ways: list[tuple[Words, int]] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)  # any word leads there
    never: tuple[Words, int] | None = None  # anything but these leads on as from there

    @property
    def goes_on(self) -> bool:
        """Whether the pattern can continue after this node."""
        return bool(self.ways or self.gaps) or self.never is not None


class Beginnings:
    """What patterns begin with, by word and by the first letters of words."""

    def __init__(self) -> None:
        self._whole: defaultdict[str, list[int]] = defaultdict(list)
        self._by_letter: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self._numbers: list[tuple[Words, int]] = []

    def add(self, words: Words, node: int) -> None:
        """Register a node to which these words lead."""
        for word in words.whole:
            self._whole[word].append(node)
        for begin in words.begins:
            self._by_letter[begin[0]].append((begin, node))
        if words.digits:
            self._numbers.append((Words(digits=words.digits), node))

    def of(self, found: tuple[str, ...]) -> tuple[int, ...]:
        """The nodes that the forms of a word lead to, each once."""
        nodes: dict[int, None] = {}
        for form in found:
            nodes |= dict.fromkeys(self._whole.get(form, ()))
            for begin, node in self._by_letter.get(form[:1], ()):
                if form.startswith(begin):
                    nodes[node] = None
        for words, node in self._numbers:
            if found in words:
                nodes[node] = None
        return tuple(nodes)


class Screen:
    """Rules made ready to listen with."""

    def __init__(self, screening: Screening) -> None:
        """Raises PatternError."""
        self.screening = screening
        self.nodes: list[Node] = []
        self.first = Beginnings()
        self._begins: dict[str, tuple[int, ...]] = {}
        self._spelling: dict[str, tuple[bool, bool]] = {}
        self._spellings: set[str] = set()  # beginnings of words, each letter once
        self._spelled_out: set[str] = set()  # whole words, alike
        self._spelled_begins: set[str] = set()  # what `kill*` begins with, alike
        for number, rule in enumerate(screening.rules):
            for pattern in rule.patterns:
                self._add(number, parsed(pattern, self._list), cancels=False)
            for pattern in rule.unless:
                self._add(number, parsed(pattern, self._list), cancels=True)

    def _list(self, name: str) -> tuple[str, ...]:
        return self.screening.lists[name]

    def _know(self, words: Words) -> None:
        """Note how the words of a pattern begin, for those that are spelled out."""
        self._spelled_begins |= {once(begin) for begin in words.begins}
        self._spelled_out |= {once(word) for word in words.whole}
        for word in (*words.whole, *words.begins):
            short = once(word)
            self._spellings |= {short[:end] for end in range(1, len(short) + 1)}

    def spelling(self, letters: str) -> tuple[bool, bool]:
        """Whether letters in a row may begin a word that some pattern has, and may be one whole.

        It errs on the side of yes: drawn-out letters count once.
        """
        known = self._spelling.get(letters)
        if known is None:
            shorts = [once(plain) for plain in forms(letters)]
            may_be = any(short in self._spelled_out or self._begun(short) for short in shorts)
            known = may_be or any(short in self._spellings for short in shorts), may_be
            if len(self._spelling) < MOST_BEGINNINGS:
                self._spelling[letters] = known
        return known

    def _begun(self, short: str) -> bool:
        begins = self._spelled_begins
        return any(short[:end] in begins for end in range(1, len(short) + 1))

    def _node(self, rule: int, cancels: bool) -> int:
        self.nodes.append(Node(rule, cancels=cancels))
        return len(self.nodes) - 1

    def _add(self, rule: int, parts: tuple[Part, ...], cancels: bool) -> None:
        """Put a pattern into the automaton. -1 stands for the beginning."""
        sources = [-1]
        for part in parts:
            if isinstance(part, Gap):
                sources += self._add_gap(rule, sources, part.most, cancels)
                continue
            after = self._node(rule, cancels)
            if part.never:
                words = [way[0] for way in part.ways]
                self._know(union(words))
                self.nodes[sources[0]].never = (union(words), after)
                sources = [after]
                continue
            for way in part.ways:
                self._add_way(rule, sources, way, after, cancels)
            sources = [*sources, after] if part.optional else [after]
        for source in sources:
            self.nodes[source].ends = True

    def _add_gap(self, rule: int, sources: list[int], most: int, cancels: bool) -> list[int]:
        """Places that are reached from each of the sources through up to `most` words."""
        through = [self._node(rule, cancels) for _ in range(most)]
        for source in sources:
            self.nodes[source].gaps.append(through[0])
        for here, there in pairwise(through):
            self.nodes[here].gaps.append(there)
        return through

    def _add_way(
        self, rule: int, sources: list[int], way: tuple[Words, ...], after: int, cancels: bool
    ) -> None:
        """One way from each of the sources to `after`, through words in a row."""
        for words in way:
            self._know(words)
        steps = [self._node(rule, cancels) for _ in way[1:]] + [after]
        for source in sources:
            if source < 0:
                self.first.add(way[0], steps[0])
            else:
                self.nodes[source].ways.append((way[0], steps[0]))
        for words, here, there in zip(way[1:], steps, steps[1:], strict=False):
            self.nodes[here].ways.append((words, there))

    def begins(self, word: str) -> tuple[int, ...]:
        """Where patterns stand once `word` was heard as their first."""
        known = self._begins.get(word)
        if known is None:
            known = self.first.of(forms(word))
            if len(self._begins) < MOST_BEGINNINGS:
                self._begins[word] = known
        return known

    @cached_property
    def blocking(self) -> tuple[bool, ...]:
        """For each node, whether what waits there may be withheld."""
        rules = self.screening.rules
        return tuple(
            not node.cancels and rules[node.rule].severity == "block" for node in self.nodes
        )


def is_letter(word: str) -> bool:
    """Whether `word` is one letter, as in spelled-out words."""
    return len(word) == 1 and word.isalpha()


def once(word: str) -> str:
    """A word with each of its letters once where they stand in a row: `killl` as `kil`."""
    return REPEATED.sub(r"\1", word)


def union(sets: list[Words]) -> Words:
    """One set with the words of all."""
    return Words(
        whole=frozenset().union(*(each.whole for each in sets)),
        begins=tuple(begin for each in sets for begin in each.begins),
        digits=frozenset().union(*(each.digits for each in sets)),
    )


class Spelled(NamedTuple):
    """Single letters in a row that may be a word."""

    before: dict[int, int]  # where patterns stood before the first of them
    letters: str
    start: int  # which word of the sentence the first of them is


class Listener:
    """Hears one text. `found` is what rules found in it until now, each rule once.

    What a rule's `unless` says counts when it stands before the finding in its sentence; where the
    listener is `patient`, also after it. A text that is shown while it is told cannot wait so long.
    """

    def __init__(self, screen: Screen, patient: bool = False) -> None:
        self.screen = screen
        self.patient = patient
        self.found: list[Finding] = []
        self._active: dict[int, int] = {}  # node -> which word the pattern began with
        self._heard: list[str] = []  # words of this sentence
        self._cancelled: set[int] = set()
        self._pending: dict[int, Finding] = {}  # by rule, until the sentence ends
        self._spelled = ""
        self._spellings: list[Spelled] = []
        self._word_ended = False  # with the letter before
        self._through: dict[int, int] = {}  # patterns that wait in a gap since these letters began
        self._end_held = False  # a dot after a letter, which may be the end of a sentence

    @property
    def blocked(self) -> Finding | None:
        """The first finding because of which the text may not be shown."""
        return next((each for each in self.found if each.severity == "block"), None)

    @property
    def waits(self) -> bool:
        """Whether the latest words may become something that may not be shown."""
        if self.found and self.blocked is not None:
            return False  # they are it already
        blocking = self.screen.blocking
        spelling = bool(self._spelled) and self._spelled.lower() not in WORDS_OF_A_LETTER
        return spelling or any(blocking[node] for node in self._active)

    def hear(self, text: str) -> None:
        """Take a text, or the next whole words of one."""
        for word, apart in words_apart(text):
            if word == END:
                if len(self._spelled) > 1:  # "e.a.t. q.u.i.n.c.e."
                    self._end_held = True
                else:
                    self.pause()
                continue
            if self._end_held and not is_letter(word):
                self.pause()
            self._end_held = False
            self._hear_word(word, apart)

    def pause(self) -> None:
        """A sentence ends: nothing goes on beyond it."""
        for node, start in self._active.items():
            never = self.screen.nodes[node].never
            if never is not None and self.screen.nodes[never[1]].ends:
                self._end(never[1], start)
        for rule, finding in self._pending.items():
            if rule not in self._cancelled:
                self.found.append(finding)
        self._pending.clear()
        self._active = {}
        self._heard = []
        self._cancelled.clear()
        self._end_spelling()

    def _end_spelling(self) -> None:
        self._spelled = ""
        self._spellings = []
        self._word_ended = False
        self._through = {}
        self._end_held = False

    def _hear_word(self, word: str, apart: bool) -> None:
        here = len(self._heard)
        self._heard.append(word)
        before = self._active
        self._active = self._after(before, word, here)
        if is_letter(word):
            self._hear_letter(word, before, here, apart)
        elif self._spelled:
            self._end_spelling()

    def _hear_letter(self, letter: str, before: dict[int, int], here: int, apart: bool) -> None:
        """One more single letter. Letters in a row may spell several words.

        A letter may begin one where a space stands before it, or where another one ended. It goes
        on as long as patterns have words that begin so.
        """
        going_on = [
            each._replace(letters=each.letters + letter)
            for each in self._spellings
            if len(each.letters) < LONGEST_SPELLED
        ]
        if apart or self._word_ended or not self._spelled:
            going_on.append(Spelled(before, letter, here))
        self._spelled = (self._spelled + letter)[:LONGEST_SPELLED]
        self._spellings = []
        self._word_ended = False
        for each in going_on:
            may_begin, may_be = self.screen.spelling(each.letters)
            if may_begin:
                self._spellings.append(each)
            if may_be and len(each.letters) > 1:
                self._word_ended = True
                self._hear_spelled(each)
        # Between two words of a pattern may be others, spelled out as well: any number of letters.
        nodes = self.screen.nodes
        self._through |= {node: start for node, start in before.items() if nodes[node].gaps}
        for node, start in self._through.items():
            for then in nodes[node].gaps:
                self._arrive(then, start, self._active)

    def _hear_spelled(self, spelled: Spelled) -> None:
        if len(spelled.letters) >= SPELLED:
            self._active |= self._after(spelled.before, spelled.letters, spelled.start)
            return
        found = forms(spelled.letters)  # too short to begin with, and may go on: "e a t m e"
        for node, start in spelled.before.items():
            self._step(node, start, found, self._active)

    def _after(self, before: dict[int, int], word: str, here: int) -> dict[int, int]:
        """Where patterns stand once `word` was heard."""
        after: dict[int, int] = {}
        for node in self.screen.begins(word):
            self._arrive(node, here, after)
        if before:
            found = forms(word)
            for node, start in before.items():
                self._step(node, start, found, after)
        return after

    def _step(self, number: int, start: int, found: tuple[str, ...], after: dict[int, int]) -> None:
        node = self.screen.nodes[number]
        if node.never is not None:
            words, then = node.never
            if found not in words:
                self._arrive(then, start, after)
                self._step(then, start, found, after)
            return
        for words, then in node.ways:
            if found in words:
                self._arrive(then, start, after)
        for then in node.gaps:
            self._arrive(then, start, after)

    def _arrive(self, number: int, start: int, after: dict[int, int]) -> None:
        node = self.screen.nodes[number]
        if node.ends:
            self._end(number, start)
        if node.goes_on:
            after.setdefault(number, start)

    def _end(self, number: int, start: int) -> None:
        """A pattern is complete."""
        node = self.screen.nodes[number]
        if node.cancels:
            self._cancelled.add(node.rule)
            return
        rule = self.screen.screening.rules[node.rule]
        if node.rule in self._cancelled or any(each.rule == rule.name for each in self.found):
            return
        finding = Finding(
            rule=rule.name,
            severity=rule.severity,
            version=self.screen.screening.version,
            words=" ".join(self._heard[start:][-KEPT:]),
        )
        if self.patient and rule.unless:
            self._pending.setdefault(node.rule, finding)
        else:
            self.found.append(finding)


_screens: dict[str, Screen] = {}


def screen_for(screening: Screening) -> Screen:
    """The rules made ready, once for each state of them. Raises PatternError."""
    key = screening.model_dump_json()
    known = _screens.get(key)
    if known is None:
        while len(_screens) >= MOST_SCREENS:
            _screens.pop(next(iter(_screens)), None)
        known = _screens[key] = Screen(screening)
    return known


def found_in(text: str, screen: Screen) -> list[Finding]:
    """Everything that rules find in a whole text."""
    listener = Listener(screen, patient=True)
    listener.hear(text)
    listener.pause()
    return listener.found


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """Those because of which a text may not be shown or kept."""
    return [each for each in findings if each.severity == "block"]
