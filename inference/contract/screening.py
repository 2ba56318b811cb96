"""Rules as they travel, and what they found."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["block", "queue", "note"]


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Plain):
    """What a text may not hold (block), what people should look at (queue), or a mere note."""

    name: str
    severity: Severity
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = ()  # said before in the same sentence, these cancel a finding


class Screening(Plain):
    """The rules that one text is held against. `version` names this state of them.

    `lists` are words that patterns name as `<list>`.
    """

    version: str
    rules: tuple[Rule, ...]
    lists: dict[str, tuple[str, ...]] = {}


class Finding(Plain):
    """A place where a text is what a rule looks for. `words` are those of the text."""

    rule: str
    severity: Severity
    version: str
    words: str
