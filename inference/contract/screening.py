"""The rules that a reply is checked against, and their findings, as messages."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["block", "queue", "note"]


class Plain(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Plain):
    """Patterns that block a text, queue it for review, or add a note to it."""

    name: str
    severity: Severity
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = ()  # earlier in the same sentence, these cancel a finding


class Screening(Plain):
    """The rules that one text is checked against. `version` identifies this set of rules.

    `lists` are lists of words, by the name that patterns use: `<name>`.
    """

    version: str
    rules: tuple[Rule, ...]
    lists: dict[str, tuple[str, ...]] = {}


class Finding(Plain):
    """A match of a rule. `words` are the text that matched."""

    rule: str
    severity: Severity
    version: str
    words: str
