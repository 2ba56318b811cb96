"""Adventures in text files: the shape that docs/finetuning.md describes, read.

    title: …        header: title, tags, author, licence
                    an empty line, then the opening
    > You …         an action; `>` alone is Continue
                    its reply
    === after 3     what follows branches off after turn 3

Turns are counted as they stand in the file, from 1; 0 is the opening.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.contract.request import Kind, Passage

HEADER = ("title", "tags", "author", "licence")
FIELD = re.compile(r"(\w+):(.*)")
BRANCH = re.compile(r"=== after (\d+)")
SAID = re.compile(r'You say "([^"]*)"')


class CorpusError(Exception):
    """What is wrong, in one line that names the file and, where there is one, the line."""

    def __init__(self, file: str, line: int, what: str) -> None:
        self.file, self.line, self.what = file, line, what
        super().__init__(f"{file}:{line}: {what}" if line else f"{file}: {what}")


@dataclass(frozen=True)
class Turn:
    """One action and its reply. Lines are those of the file, from 1."""

    number: int
    parent: int  # number of the turn before it; 0 is the opening
    kind: Kind
    action: str
    reply: str
    line: int
    reply_line: int

    @property
    def passage(self) -> Passage:
        return Passage(kind=self.kind, action=self.action, reply=self.reply)


@dataclass(frozen=True)
class Adventure:
    """One file: an opening and the tree of turns that grows from it."""

    file: str
    title: str
    tags: tuple[str, ...]
    author: str
    licence: str
    opening: str
    opening_line: int
    turns: tuple[Turn, ...]

    @property
    def paths(self) -> list[list[Turn]]:
        """Every way from the opening to a leaf, in the order in which the leaves stand."""
        inner = {turn.parent for turn in self.turns}
        return [self.path_to(turn) for turn in self.turns if turn.number not in inner]

    def path_to(self, turn: Turn) -> list[Turn]:
        path = [turn]
        while path[0].parent:
            path.insert(0, self.turns[path[0].parent - 1])
        return path

    @property
    def words(self) -> int:
        """Words of opening, actions and replies, each counted once."""
        texts = [self.opening, *(f"{turn.action} {turn.reply}" for turn in self.turns)]
        return sum(len(text.split()) for text in texts)


def files_of(folder: Path) -> list[Path]:
    """The adventures of a folder by name. Raises CorpusError where it holds none."""
    if not folder.is_dir():
        raise CorpusError(str(folder), 0, "is no folder")
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise CorpusError(str(folder), 0, "holds no adventures (*.txt)")
    return files


def read(file: Path) -> Adventure:
    """The adventure in `file`. Raises CorpusError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CorpusError(str(file), 0, f"cannot be read: {error.strerror}") from error
    return parse(decoded(content, str(file)), str(file))


def decoded(content: bytes, called: str) -> str:
    """The text of a file. Raises CorpusError where it is not UTF-8."""
    if content.startswith(b"\xef\xbb\xbf"):
        raise CorpusError(called, 1, "begins with a byte order mark; save it as plain UTF-8")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"0x{content[error.start]:02x}"
        raise CorpusError(called, line, f"is not UTF-8 here (byte {found})") from error


def parse(text: str, called: str) -> Adventure:
    """The adventure that `text` tells; errors name the file as `called`. Raises CorpusError."""
    lines = text.split("\n")
    fields, body = header_of(lines, called)
    opening, opening_line = "", body + 1
    turns: list[Turn] = []
    after = 0  # the turn that the next one follows
    branch = 0  # the line of a branch that waits for its first turn
    begun: tuple[Kind, str, int] | None = None  # an action that waits for its reply

    for kind, block, line in blocks(lines, body, called):
        if kind == "text" and begun:
            turns.append(Turn(len(turns) + 1, after, *begun[:2], block, begun[2], line))
            after, branch, begun = len(turns), 0, None
        elif kind == "text" and not opening and not turns:
            opening, opening_line = block, line
        elif kind == "text":
            raise CorpusError(called, line, "a branch begins with an action")
        elif not opening:
            raise CorpusError(called, line, "there is no opening before the first action")
        elif begun:
            raise CorpusError(called, begun[2], "the action has no reply")
        elif kind == "action":
            begun = (*kind_of(block), line)
        else:
            if branch:
                break
            after, branch = branching(block, len(turns), called, line), line
    if begun:
        raise CorpusError(called, begun[2], "the action has no reply")
    if not turns:
        raise CorpusError(called, len(lines), "there are no turns")
    if branch:
        raise CorpusError(called, branch, "the branch has no turns")
    tags = tuple(tag.strip() for tag in fields["tags"].split(","))
    return Adventure(
        file=called,
        title=fields["title"],
        tags=tags,
        author=fields["author"],
        licence=fields["licence"],
        opening=opening,
        opening_line=opening_line,
        turns=tuple(turns),
    )


def header_of(lines: list[str], called: str) -> tuple[dict[str, str], int]:
    """The header's fields, and the index of the line after it."""
    fields: dict[str, str] = {}
    for index, line in enumerate(lines):
        if not line.strip():
            break
        found = FIELD.fullmatch(line)
        if found is None or found[1] not in HEADER:
            what = f"the header has {', '.join(HEADER)}, and an empty line after it"
            raise CorpusError(called, index + 1, f"{what}; this is {line[:40]!r}")
        if found[1] in fields:
            raise CorpusError(called, index + 1, f"{found[1]} is there twice")
        fields[found[1]] = found[2].strip()
    for name in HEADER:
        if not fields.get(name):
            raise CorpusError(called, 1, f"the header has no {name}")
    return fields, len(fields)


def blocks(lines: list[str], start: int, called: str) -> Iterator[tuple[str, str, int]]:
    """What stands between empty lines: kind (text, action, branch), content, its first line.

    Paragraphs of one text are one block. Actions and branches have a block to themselves.
    """
    waiting: list[str] = []
    first = 0
    for index in range(start, len(lines) + 1):
        line = lines[index] if index < len(lines) else ">"
        kind = "action" if line.startswith(">") else "branch" if line.startswith("===") else "text"
        if kind == "text":
            if line.strip() and not waiting:
                first = index + 1
            if waiting or line.strip():
                waiting.append(line.rstrip())
            continue
        if waiting:
            if index < len(lines) and waiting[-1]:
                raise CorpusError(called, index + 1, "an empty line belongs before this")
            yield "text", "\n".join(waiting).strip(), first
            waiting = []
        if index == len(lines):
            return
        if line.rstrip() != ">" and kind == "action" and not line.startswith("> "):
            raise CorpusError(called, index + 1, "a space belongs between > and the action")
        if index + 1 < len(lines) and lines[index + 1].strip():
            raise CorpusError(called, index + 2, "an empty line belongs before this")
        yield kind, line[1:].strip() if kind == "action" else line.rstrip(), index + 1


def kind_of(action: str) -> tuple[Kind, str]:
    """How the player took an action that stands in a file as the page shows it."""
    if not action:
        return "continue", ""
    said = SAID.fullmatch(action)
    return ("say", said[1]) if said else ("do", action)


def branching(block: str, told: int, called: str, line: int) -> int:
    """After which turn a branch begins."""
    found = BRANCH.fullmatch(block)
    if found is None:
        raise CorpusError(called, line, f"a branch begins with `=== after N`, not {block[:40]!r}")
    after = int(found[1])
    if after >= told:
        raise CorpusError(
            called, line, f"a branch goes back to an earlier turn (0 to {told - 1}), not to {after}"
        )
    return after
