"""What a reply answers and what came before it: what rules are made with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from inference.contract.request import Kind
from inference.contract.screening import Finding
from inference.reply.phrases import Phrases
from inference.reply.quotes import unquoted


class Moderator(Protocol):
    """Checks a reply word by word against a host's rules.

    `inference.screening.Listener` is one.
    """

    found: list[Finding]

    @property
    def blocked(self) -> object | None:
        """What may not be shown, if it was heard."""

    @property
    def waits(self) -> bool:
        """Whether the latest words may become something that may not be shown."""

    def hear(self, text: str) -> None:
        """Take the next words."""

    def pause(self) -> None:
        """A sentence ends."""


class Contradiction(Protocol):
    """What a reply contradicts, and the fact as a sentence of the prompt."""

    @property
    def kind(self) -> Literal["dead", "lost", "absent"]:
        """What is wrong with the reply."""

    @property
    def fact(self) -> str:
        """The fact, as a sentence."""


class Facts(Protocol):
    """What a reply should not contradict. `inference.world.checks.Facts` is one."""

    any: bool  # there are some
    people: bool  # some are about people
    asked: bool  # the action names what some are about

    def mentioned(self, text: str) -> bool:
        """Whether a text mentions what one of them is about."""

    def contradicted(self, text: str) -> Contradiction | None:
        """The first that a text contradicts, the beginning of a reply or all of it."""


@dataclass(frozen=True)
class Given:
    """What a reply answers and what came before it; the fields are as in `ReplyStream`."""

    kind: Kind
    action: str  # as it is shown; "" where none is
    told: str
    recent: Sequence[str]
    older: Sequence[str]
    by_sentences: bool
    moderator: Moderator | None
    bans: Phrases | None
    reminder: str = ""  # what the narrator was reminded of after the action
    texts: Sequence[str] = ()  # the latest of the prompt
    facts: Facts | None = None  # of the state before the reply, which it should not contradict
    fact: str = ""  # what an attempt before this one contradicted

    @property
    def earlier(self) -> list[str]:
        """All replies before this one, the oldest first."""
        return [*self.older, *self.recent]

    @cached_property
    def in_first_person(self) -> bool:
        """Whether the story is told by someone who says "I"."""
        return sum(map(narrated_by_i, self.recent)) * 2 > len(self.recent)


def narrated_by_i(reply: str) -> bool:
    """Whether a reply is told by someone who says "I", outside quotation."""
    told = unquoted(reply)
    return len(re.findall(r"\bI\b", told)) > len(re.findall(r"\b[Yy]ou\b", told))
