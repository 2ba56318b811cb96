"""Builds the turns of a story from a file's pieces, which are actions and replies in any order."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from game.imports.documents import TurnDocument

# "> You say "…"" is speech; everything else after ">" is an action.
SPOKEN = re.compile(r"""(?:you|i)\s+say[,:]?\s+["“](.+?)["”]?[.]?\s*""", re.IGNORECASE | re.DOTALL)
ACTION_LINE = re.compile(r"^[ \t]*>(?!>)[ \t]*(.*)$", re.MULTILINE)


def read_action(line: str) -> tuple[str, str]:
    """The kind and the text of an action that was written after `>`."""
    line = " ".join(line.split())
    spoken = SPOKEN.fullmatch(line)
    return ("say", spoken[1]) if spoken else ("do", line)


def split_actions(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a text as (kind, text), where a line with `>` is an action.

    The kind is "do" or "say", or "" for what was told. Lines of an action that follow each other
    are one action.
    """
    place = 0
    lines: list[str] = []
    for found in ACTION_LINE.finditer(text):
        told = text[place : found.start()]
        if told.strip() and lines:
            yield read_action(" ".join(lines))
            lines = []
        if told.strip():
            yield "", told.strip()
        lines.append(found[1])
        place = found.end()
    if any(line.strip() for line in lines):
        yield read_action(" ".join(lines))
    if text[place:].strip():
        yield "", text[place:].strip()


@dataclass
class Story:
    """Turns as they are built. The path goes through the last turn that was added."""

    turns: list[TurnDocument] = field(default_factory=list)
    pending: TurnDocument | None = None  # an action that has no reply yet

    @property
    def head(self) -> int | None:
        """The place of the last turn; None if there is none."""
        return len(self.turns) - 1 if self.turns else None

    def act(self, kind: str, action: str, **fields: Any) -> None:
        """Add an action. The next reply is its reply."""
        self.finish()
        if not self.turns:
            self.turns.append(TurnDocument(kind="opening"))
        self.pending = TurnDocument(parent=self.head, kind=kind, action=action, **fields)

    def tell(self, reply: str, others: Iterable[str] = (), **fields: Any) -> TurnDocument:
        """Add a reply, to the action that waits for one, or else as the opening or a continue.

        `others` are replies beside it: they become siblings, which come before it.
        """
        turn = self.pending or TurnDocument(
            parent=self.head, kind="continue" if self.turns else "opening"
        )
        self.pending = None
        if turn.parent is not None:
            for other in others:
                self.turns.append(
                    TurnDocument(turn.parent, turn.kind, turn.action, other, player=turn.player)
                )
        turn.reply = reply
        created = fields.pop("created", "")
        turn.created = turn.created or created
        turn.kept.update(fields.pop("kept", {}))
        for name, value in fields.items():
            setattr(turn, name, value)
        self.turns.append(turn)
        return turn

    def read(self, text: str, **fields: Any) -> None:
        """Add a text in which lines with `>` are actions."""
        for kind, piece in split_actions(text):
            if kind:
                self.act(kind, piece, **fields)
            else:
                self.tell(piece, **fields)

    def finish(self) -> list[TurnDocument]:
        """All turns, the last action too if it got no reply."""
        if self.pending is not None:
            self.turns.append(self.pending)
            self.pending = None
        return self.turns
