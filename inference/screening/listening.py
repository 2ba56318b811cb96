"""A text heard word by word against rules: what was found, and whether it may become something.

All patterns are one automaton, so that a word costs about the same whether there are ten or a
thousand. What a pattern begins with is looked up; only patterns that have begun are stepped.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from inference.rules import Finding, Screening
from inference.screening.patterns import Gap, Part, Words, parsed
from inference.screening.words import END, forms, words_of

SPELLED = 3  # single letters in a row that are a word: "k i l l"
WORDS_OF_A_LETTER = ("a", "i", "o")
LONGEST_SPELLED = 24
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
        return bool(self.ways or self.gaps) or self.never is not None


class Beginnings:
    """What patterns begin with, by word and by the first letters of words."""

    def __init__(self) -> None:
        self._whole: defaultdict[str, list[int]] = defaultdict(list)
        self._by_letter: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self._numbers: list[tuple[Words, int]] = []

    def add(self, words: Words, node: int) -> None:
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
        for number, rule in enumerate(screening.rules):
            for pattern in rule.patterns:
                self._add(number, parsed(pattern, self._list), cancels=False)
            for pattern in rule.unless:
                self._add(number, parsed(pattern, self._list), cancels=True)

    def _list(self, name: str) -> tuple[str, ...]:
        return self.screening.lists[name]

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


def union(sets: list[Words]) -> Words:
    return Words(
        whole=frozenset().union(*(each.whole for each in sets)),
        begins=tuple(begin for each in sets for begin in each.begins),
        digits=frozenset().union(*(each.digits for each in sets)),
    )


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
        self._before_spelled: dict[int, int] = {}

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
        for word in words_of(text):
            if word == END:
                self.pause()
            else:
                self._hear_word(word)

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
        self._spelled = ""

    def _hear_word(self, word: str) -> None:
        here = len(self._heard)
        self._heard.append(word)
        before = self._active
        self._active = self._after(before, word, here)
        if len(word) == 1 and word.isalpha():
            if not self._spelled:
                self._before_spelled = before
            self._spelled = (self._spelled + word)[:LONGEST_SPELLED]
            if len(self._spelled) >= SPELLED:
                start = here + 1 - len(self._spelled)
                self._active |= self._after(self._before_spelled, self._spelled, start)
        elif self._spelled:
            self._spelled = ""

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
