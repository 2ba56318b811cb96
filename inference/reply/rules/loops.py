"""Loops: words that are repeated, in this reply or from earlier ones.

"No, no, no" and "tick tock, tick tock" are story; four words three times over are not, nor are
nine words in a row that an earlier reply has, one of them changed or not.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from inference.reply.characters import letters, spaceless
from inference.reply.draft import Draft
from inference.reply.given import Given
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict, end_with

Found = Literal["show", "hold", "end"]

PHRASE, PHRASES = 4, 2  # so many words may come so many times
LONGEST_CYCLE = 8  # words that may come round again and again
# Repeated words in a row: from WAITS on they are held, from LOOPS on they are a loop.
WAITS, LOOPS = 4, 9
EXACT = 8  # the same, of replies long ago, where no word may differ
WAITS_CHANGED, LOOPS_CHANGED = 5, 10  # with one word changed
CHANGED_AFTER = 3
# A character of a script without spaces counts as half a word.
GRAPHEMES = 2


class Loops(Rule):
    """Ends a reply that goes round in circles, or repeats a run of words of an earlier one.

    It hears every word, also one that is held for another reason, and its hold outweighs another
    rule's drop: a sentence that may be a loop is not dropped but goes on.
    """

    after = ("show", "wait", "hold", "drop")

    def __init__(self, given: Given) -> None:
        self._runs = Runs()
        self._phrases = RepeatedPhrases()
        self._own = Echo()  # words of this reply
        self._earlier = Echo(given.recent)  # words of recent replies
        # Exact repeats of any earlier reply.
        self._older = ExactRuns(given.earlier, given.action)

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold what may become a loop; end the reply before one."""
        return self.hear_word(unit.reworded)

    def hear_word(self, word: str) -> Verdict:
        """Take the next word."""
        runs = self._runs.hear(word.lower())
        phrase = self._phrases.hear(word)
        own = self._own.hear(word, learn=True)
        earlier = self._earlier.hear(word)
        older = self._older.hear(word)
        if "end" in (runs, own, phrase):
            return end_with("loop")
        if "end" in (earlier, older):
            return end_with("repeats")
        return HOLD if "hold" in (runs, own, earlier, older, phrase) else SHOW

    def resume(self, word: str) -> None:
        """Count a word of an earlier attempt."""
        self.hear_word(word)

    def interrupt(self) -> None:
        """End all runs."""
        for each in (self._own, self._phrases, self._earlier, self._older):
            each.forget()


class Runs:
    """Words that come round again at once: "and the door and the door and the door"."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._runs = [0] * (LONGEST_CYCLE + 1)  # by length of a cycle: words in a row repeating it

    def hear(self, word: str) -> Found:
        """Take the next word, in lower case."""
        verdict: Found = "show"
        self._words.append(word)
        for length in range(1, len(self._runs)):
            same = len(self._words) > length and self._words[-1 - length] == word
            run = self._runs[length] = self._runs[length] + 1 if same else 0
            allowed = {1: 5, 2: 4}.get(length, 3)  # the repetition that is a loop
            if length == 1 and spaceless(word[0]):
                allowed = 10
            if run >= length * (allowed - 1):
                return "end"
            if run > length * (allowed - 2):
                verdict = "hold"
        return verdict


class RepeatedPhrases:
    """Four words that come a third time in a reply, wherever: "you look at the …"."""

    def __init__(self) -> None:
        self._last: tuple[str, ...] = ()
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._twice: set[tuple[str, ...]] = set()  # beginnings of what was there twice

    def hear(self, word: str) -> Found:
        """Take the next word."""
        word = letters(word)
        if not word or spaceless(word[0]):
            return "show"
        self._last = (*self._last[1 - PHRASE :], word)
        if len(self._last) == PHRASE and len(set(self._last)) > 1:
            self._counts[self._last] += 1
            if self._counts[self._last] > PHRASES:
                return "end"
            if self._counts[self._last] == PHRASES:
                self._twice |= {self._last[:length] for length in range(1, PHRASE)}
        ends = (self._last[-length:] for length in range(1, PHRASE))
        return "hold" if any(end in self._twice for end in ends) else "show"

    def forget(self) -> None:
        """End the run: the last words were left out, so the next does not follow them."""
        self._last = ()


class Echo:
    """Words in a row that stand in an earlier text, one of them changed or not."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._earlier: list[str] = []  # words; "" between two texts
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        # By the place where a run goes on: its length in words, and whether one differs.
        self._going: dict[int, tuple[int, bool]] = {}
        for text in texts:
            for word in words_of(text):
                self._learn(word)
            self._learn("")

    def _learn(self, word: str) -> None:
        if word:
            self._places[word].append(len(self._earlier))
        self._earlier.append(word)

    def hear(self, word: str, learn: bool = False) -> Found:
        """Take the next word. `learn`: later words are compared with it, too."""
        word = letters(word)
        if not word:
            return "show"
        size = unit(word)
        self._going = self._extended(word, size)
        if learn:
            self._learn(word)
        runs = self._going.values()
        exact = max((length for length, changed in runs if not changed), default=0)
        nearly = max((length for length, changed in runs if changed), default=0)
        if exact >= LOOPS * size or nearly >= LOOPS_CHANGED * size:
            return "end"
        if exact >= WAITS * size or nearly >= WAITS_CHANGED * size:
            return "hold"
        return "show"

    def _extended(self, word: str, size: int) -> dict[int, tuple[int, bool]]:
        """The runs that go on with `word`, and those that begin with it."""
        going: dict[int, tuple[int, bool]] = {}
        for place, (length, changed) in self._going.items():
            there = self._earlier[place] if place < len(self._earlier) else ""
            if there == word:
                keep(going, place + 1, length + 1, changed)
            elif there and not changed and length >= CHANGED_AFTER * size:
                keep(going, place + 1, length, True)
        for place in self._places.get(word, ()):
            if place + 1 not in going:  # a run that goes on already is longer
                going[place + 1] = (1, False)
        return going

    def forget(self) -> None:
        """End the runs: the last words were left out, so the next does not follow them."""
        self._going = {}


class ExactRuns:
    """Eight words in a row that stand in one of many earlier texts, however long ago.

    `allowed` may be repeated: the words of the player's own action.
    """

    def __init__(self, texts: Sequence[str] = (), allowed: str = "") -> None:
        self._earlier = "\n".join(map(spelled, texts))
        self._allowed = spelled(allowed)
        self._last: list[str] = []
        self._length = 0  # of the run that ends with the last word

    def hear(self, word: str) -> Found:
        """Take the next word."""
        word = letters(word)
        if not word or not self._earlier:
            return "show"
        size = unit(word)
        self._last = [*self._last[1 - EXACT * size :], word]
        length = min(self._length + 1, len(self._last))
        while length and (run := f" {' '.join(self._last[-length:])} ") not in self._earlier:
            length -= 1
        self._length = length
        if length >= EXACT * size and run not in self._allowed:
            return "end"
        return "hold" if length >= WAITS * size else "show"

    def forget(self) -> None:
        """End the run: the last words were left out, so the next does not follow them."""
        self._last, self._length = [], 0


# A story is compared with every reply to it.
@lru_cache(maxsize=2048)
def spelled(text: str) -> str:
    """The words of a text as they are compared, a space around each."""
    return f" {' '.join(words_of(text))} "


def keep(going: dict[int, tuple[int, bool]], place: int, length: int, changed: bool) -> None:
    """Keep the longer of two ways to the same place, the unchanged one where they are equal."""
    if place not in going or (length, not changed) > (going[place][0], not going[place][1]):
        going[place] = (length, changed)


def unit(word: str) -> int:
    """How many entries count as one word: 2 graphemes in scripts without spaces, else 1."""
    return GRAPHEMES if spaceless(word[0]) else 1


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared; graphemes where a script has no spaces."""
    words: list[str] = []
    for word in text.split():
        if any(map(spaceless, word)):
            words += [letters(each) for each in word]
        else:
            words.append(letters(word))
    return [word for word in words if word]
