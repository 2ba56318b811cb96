"""The rules of this host, from a file that is read again after each change."""

import codecs
import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.config_file import ConfigFile
from inference.contract.screening import Rule, Screening, Severity
from inference.narrators import at, line_of
from inference.screening import PatternError, parsed, screen_for

logger = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent / "rules.yaml"
MOST_BYTES = 64 * 1024  # of the rules in a request, which also has up to 200 KiB of story
RANGE = re.compile(r"(\d+)\.\.(\d+)([a-z]*)")
MOST_IN_RANGE = 1000

Where = Literal["input", "output", "publish"]
Rating = Literal["everyone", "teen", "mature"]
EVERYWHERE: tuple[Where, ...] = ("input", "output", "publish")
RATINGS: tuple[Rating, ...] = ("everyone", "teen", "mature")


class RulesError(Exception):
    """A rules file is invalid. The message says where and why, in one line."""


class Plain(BaseModel):
    """A part of a rules file: unknown fields are errors, texts are stripped."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class HouseRule(Plain):
    """A rule of the file: its texts for players, and the patterns it matches."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str = Field(min_length=1, max_length=80)
    says: str = Field(min_length=1, max_length=400)
    severity: Severity
    where: tuple[Where, ...] = EVERYWHERE
    ratings: tuple[Rating, ...] = RATINGS
    shadow: bool = False
    patterns: tuple[str, ...] = Field(min_length=1)
    unless: tuple[str, ...] = ()


class RuleBook(Plain):
    """All rules of a host. An empty one matches nothing."""

    version: str = Field(default="none", max_length=40)
    shadow: bool = False
    lists: dict[str, tuple[str, ...]] = {}
    coded_lists: dict[str, tuple[str, ...]] = {}
    rules: tuple[HouseRule, ...] = ()

    @model_validator(mode="after")
    def check_patterns(self) -> "RuleBook":
        """Raises ValueError for repeated names, unknown lists and invalid patterns."""
        words = self.words
        names = [rule.name for rule in self.rules]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ValueError(f"the rule {min(repeated)!r} is there twice")
        for rule in self.rules:
            for pattern in (*rule.patterns, *rule.unless):
                try:
                    parsed(pattern, lambda name: words[name])
                except KeyError as missing:
                    raise ValueError(f"{rule.name}: {pattern!r}: no list {missing}") from None
                except PatternError as wrong:
                    raise ValueError(f"{rule.name}: {pattern!r}: {wrong}") from None
        return self

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """The lists, decoded, with ranges expanded."""
        clear = {
            name: tuple(codecs.decode(word, "rot13") for word in words)
            for name, words in self.coded_lists.items()
        }
        both = {**self.lists, **clear}
        return {
            name: tuple(each for word in words for each in expand_range(word))
            for name, words in both.items()
        }

    def get(self, name: str) -> HouseRule | None:
        """The rule with this name."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def screening(self, where: Where, rating: str) -> Screening | None:
        """The rules for texts at this place in stories of this rating; None without any."""
        return screening_of(self.key, where, rating)

    @property
    def key(self) -> str:
        """A key of this instance for `screening_of`, whose cache cannot hash the book itself."""
        key = f"{self.version} {id(self)}"
        _books[key] = self
        return key


_books: dict[str, RuleBook] = {}


@lru_cache(maxsize=64)
def screening_of(key: str, where: Where, rating: str) -> Screening | None:
    """`RuleBook.screening`, cached by the book's key."""
    book = _books[key]
    rules = [rule for rule in book.rules if where in rule.where and rating in rule.ratings]
    if not rules:
        return None
    named = {
        name
        for rule in rules
        for pattern in (*rule.patterns, *rule.unless)
        for name in re.findall(r"<([\w-]+)>", pattern)
    }
    return Screening(
        version=book.version,
        rules=tuple(
            Rule(
                name=rule.name,
                severity="note" if book.shadow or rule.shadow else rule.severity,
                patterns=rule.patterns,
                unless=rule.unless,
            )
            for rule in rules
        ),
        lists={name: words for name, words in book.words.items() if name in named},
    )


def expand_range(word: str) -> Iterator[str]:
    """`1..17yo` as 1yo, 2yo and so on; any other word as it is. Raises ValueError."""
    found = RANGE.fullmatch(word)
    if found is None:
        yield word
        return
    first, last = int(found[1]), int(found[2])
    if not first <= last <= first + MOST_IN_RANGE:
        raise ValueError(f"{word!r} is no range")
    for number in range(first, last + 1):
        yield f"{number}{found[3]}"


# The file

EMPTY = RuleBook()


def rulebook() -> RuleBook:
    """The rules of the file, or the last valid ones while it is invalid.

    Raises RulesError if it was never valid.
    """
    file: Path | None = settings.RULES_FILE
    return EMPTY if file is None else _files.read(file)


def rules_problem() -> str:
    """What is wrong with the file now; "" if it is valid, or there is none."""
    file: Path | None = settings.RULES_FILE
    return "" if file is None else _files.problem(file)


def parse_rules(text: str, file_name: str) -> RuleBook:
    """Parse a rules file (YAML of plain strings). Raises RulesError."""
    try:
        node = yaml.BaseLoader(text).get_single_node()
        content: Any = yaml.BaseLoader(text).get_single_data()  # strings alone
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        raise RulesError(f"{file_name}, line {line}: {problem.problem}") from None
    except yaml.YAMLError as problem:
        raise RulesError(f"{file_name}: {' '.join(str(problem).split())}") from None
    try:
        book = RuleBook.model_validate(content or {})
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        line = line_of(at(node, first["loc"])) if node else 1
        where_wrong = f"{file_name}, line {line}: {place + ': ' if place else ''}"
        raise RulesError(f"{where_wrong}{message}") from None
    for where in EVERYWHERE:
        for rating in RATINGS:
            check_size(book, where, rating, file_name)
    return book


def check_size(book: RuleBook, where: Where, rating: Rating, file_name: str) -> None:
    """Raise RulesError if the rules for one place and rating do not fit into a request."""
    screening = book.screening(where, rating)
    if screening is None:
        return
    size = len(screening.model_dump_json().encode())
    if size > MOST_BYTES:
        raise RulesError(f"{file_name}: {size:,} bytes of rules are too many; {MOST_BYTES:,} fit")
    screen_for(screening)


_files = ConfigFile(parse_rules, RulesError, "the rules")
