"""How a rule says what it looks for: words in a row, within one sentence.

kill|stab        one of these words
kill*            a word that begins so
<weapons>        one of a list's
the?             there or not
... and ...5     up to three words between, or five
!laptop          and then not this word
#  and  #3       a number, or one of three digits
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from inference.screening.words import END, forms, words_of

GAP = 3  # words that `...` stands for
LONGEST_GAP = 12
MOST_WORDS = 20_000  # in one pattern, its lists unfolded

PART = re.compile(r"[^\s()]*\([^()]*\)\??|[^\s()]+")
NUMBER = re.compile(r"<n(\d*)>")


class PatternError(ValueError):
    """What is wrong with a pattern, for the host who wrote it."""


@dataclass(frozen=True)
class Words:
    """A set of words: whole ones, beginnings, and numbers by how many digits they have."""

    whole: frozenset[str] = frozenset()
    begins: tuple[str, ...] = ()
    digits: frozenset[int] = frozenset()  # 0 is any number

    def __contains__(self, found: object) -> bool:
        """Whether one of the forms of a word is among them."""
        assert isinstance(found, tuple)
        return any(self.has(each) for each in found)

    def has(self, form: str) -> bool:
        """Whether the set has a word, given in its compared form."""
        if form in self.whole or (self.begins and form.startswith(self.begins)):
            return True
        return bool(self.digits) and form.isdigit() and bool({0, len(form)} & self.digits)


@dataclass(frozen=True)
class Gap:
    """Up to `most` words of any kind between two parts of a pattern."""

    most: int


@dataclass(frozen=True)
class Step:
    """What comes next: a word of a set, or several in a row. `never`: it must not come next."""

    ways: tuple[tuple[Words, ...], ...]
    optional: bool = False
    never: bool = False


Part = Gap | Step
Lists = Callable[[str], tuple[str, ...]]


def parsed(pattern: str, lists: Lists) -> tuple[Part, ...]:
    """The parts of a pattern. Raises PatternError."""
    if PART.sub("", pattern).strip():
        raise PatternError("its brackets do not match")
    parts = tuple(part(each, lists) for each in PART.findall(pattern))
    if not parts:
        raise PatternError("it is empty")
    first, last = parts[0], parts[-1]
    if isinstance(first, Gap) or first.optional or first.never:
        raise PatternError("it must begin with a word that has to be there")
    if isinstance(last, Gap) or last.optional:
        raise PatternError("it must end with a word that has to be there")
    for before, after in pairwise(parts):
        if isinstance(after, Step) and after.never:
            loose = isinstance(before, Gap) or before.optional or before.never
            if loose:
                raise PatternError("`!` stands after a word that has to be there")
    return parts


def part(written: str, lists: Lists) -> Part:
    """Parse one part of a pattern: words, `!` none of these, `?` optional, or a gap.

    Raises PatternError.
    """
    if written.startswith("..."):
        return gap(written)
    never, optional = written.startswith("!"), written.endswith("?")
    bare = written.removeprefix("!").removesuffix("?").removeprefix("(").removesuffix(")")
    if never and optional:
        raise PatternError(f"`{written}`: `!` and `?` do not go together")
    found = tuple(ways(bare, lists))
    if never and any(len(way) > 1 for way in found):
        raise PatternError(f"`{written}`: `!` takes single words")
    return Step(found, optional, never)


def gap(written: str) -> Gap:
    """Parse `...` or `...N`: a gap of GAP or N words. Raises PatternError."""
    digits = written[3:]
    if digits and not digits.isdecimal():
        raise PatternError(f"`{written}`: after `...` comes a number of words, or nothing")
    most = int(digits) if digits else GAP
    if not 1 <= most <= LONGEST_GAP:
        raise PatternError(f"`{written}`: between 1 and {LONGEST_GAP} words")
    return Gap(most)


def ways(bare: str, lists: Lists) -> list[tuple[Words, ...]]:
    """The alternatives of a step. Single words are one set, those of several words their own."""
    entries: list[str] = []
    for each in bare.split("|"):
        named = re.fullmatch(r"<([\w-]+)>", each)
        entries += lists(named[1]) if named and not NUMBER.fullmatch(each) else [each]
    if len(entries) > MOST_WORDS:
        raise PatternError(f"{len(entries):,} words in one place are too many")
    single = set()
    several = []
    for entry in dict.fromkeys(entries):
        split = entry_words(entry)
        if len(split) == 1:
            single.add(split[0])
        else:
            several.append(tuple(word_set([each]) for each in split))
    return [(word_set(sorted(single)),), *several] if single else several


def entry_words(entry: str) -> list[str]:
    """`jump off` as its words, each with its `*`; a number stays as it is."""
    if NUMBER.fullmatch(entry):
        return [entry]
    found = []
    for each in entry.split():
        inner = [word for word in words_of(each.rstrip("*")) if word != END]
        if not inner:
            raise PatternError(f"`{entry}` is no word")
        if each.endswith("*"):
            inner[-1] += "*"
        found += inner
    if not found:
        raise PatternError("a word is missing beside `|`")
    return found


def word_set(entries: list[str]) -> Words:
    """Parse the entries of a list: words, beginnings with `*`, and numbers."""
    numbers = [found for entry in entries if (found := NUMBER.fullmatch(entry))]
    plain = [entry for entry in entries if not NUMBER.fullmatch(entry)]
    return Words(
        whole=frozenset(forms(entry)[0] for entry in plain if not entry.endswith("*")),
        begins=tuple(forms(entry[:-1])[0] for entry in plain if entry.endswith("*")),
        digits=frozenset(int(found[1] or 0) for found in numbers),
    )
