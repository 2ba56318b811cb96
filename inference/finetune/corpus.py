"""Reads adventures from text files, in the format that docs/finetuning.md describes.

    title: …        header: title, tags, author, licence
                    an empty line, then the opening
    > You …         an action; `>` alone is Continue
                    its reply
    === after 3     what follows branches off after turn 3

Turns are numbered by their order in the file, from 1; 0 is the opening.
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
    """An error in one line that names the file and, where it is known, the line."""

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
        """The turn as a passage of a story, as prompts have it."""
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
        """Every path from the opening to a leaf, in the order of the leaves in the file."""
        inner = {turn.parent for turn in self.turns}
        return [self.path_to(turn) for turn in self.turns if turn.number not in inner]

    def path_to(self, turn: Turn) -> list[Turn]:
        """The turns from the first after the opening to `turn`."""
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
    """The adventure in `text`; errors name the file as `called`. Raises CorpusError."""
    lines = text.split("\n")
    fields, body = header_of(lines, called)
    tree = TreeReader(called)
    for kind, block, line in blocks(lines, body, called):
        tree.take(kind, block, line)
    tree.finish(len(lines))
    return Adventure(
        file=called,
        title=fields["title"],
        tags=tuple(tag.strip() for tag in fields["tags"].split(",")),
        author=fields["author"],
        licence=fields["licence"],
        opening=tree.opening,
        opening_line=tree.opening_line,
        turns=tuple(tree.turns),
    )


class TreeReader:
    """Builds the opening and the tree of turns from a file's blocks, in order."""

    def __init__(self, called: str) -> None:
        self.opening = ""
        self.opening_line = 0
        self.turns: list[Turn] = []
        self._called = called
        self._after = 0  # number of the turn that the next one follows
        self._branch = 0  # line of a branch without a turn yet
        self._action: tuple[Kind, str, int] | None = None  # an action without its reply yet

    def take(self, kind: str, block: str, line: int) -> None:
        """Take the block that begins at `line`. Raises CorpusError."""
        if kind == "text":
            self._take_text(block, line)
        elif not self.opening:
            raise CorpusError(self._called, line, "there is no opening before the first action")
        else:
            self._check_reply()
            if kind == "action":
                self._action = (*kind_of(block), line)
            else:
                self._check_branch()
                self._after = branching(block, len(self.turns), self._called, line)
                self._branch = line

    def finish(self, last_line: int) -> None:
        """Take the end of the file. Raises CorpusError where something is missing."""
        self._check_reply()
        if not self.turns:
            raise CorpusError(self._called, last_line, "there are no turns")
        self._check_branch()

    def _take_text(self, block: str, line: int) -> None:
        if self._action:
            kind, action, action_line = self._action
            number = len(self.turns) + 1
            self.turns.append(Turn(number, self._after, kind, action, block, action_line, line))
            self._after, self._branch, self._action = number, 0, None
        elif not self.opening and not self.turns:
            self.opening, self.opening_line = block, line
        else:
            raise CorpusError(self._called, line, "a branch begins with an action")

    def _check_reply(self) -> None:
        if self._action:
            raise CorpusError(self._called, self._action[2], "the action has no reply")

    def _check_branch(self) -> None:
        if self._branch:
            raise CorpusError(self._called, self._branch, "the branch has no turns")


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
    """The blocks between empty lines: kind (text, action, branch), content, number of its line.

    Paragraphs of one text are one block. Actions and branches are blocks of one line. Raises
    CorpusError.
    """
    text: list[str] = []
    first = 0
    for number, line in enumerate(lines[start:], start + 1):
        kind = kind_of_line(line)
        if kind == "text":
            if line.strip() and not text:
                first = number
            if text or line.strip():
                text.append(line.rstrip())
            continue
        if text:
            if text[-1]:
                raise CorpusError(called, number, "an empty line belongs before this")
            yield "text", "\n".join(text).strip(), first
            text = []
        check_line(lines, number, called)
        yield kind, line[1:].strip() if kind == "action" else line.rstrip(), number
    if text:
        yield "text", "\n".join(text).strip(), first


def kind_of_line(line: str) -> str:
    """Whether a line is an action, a branch, or text."""
    return "action" if line.startswith(">") else "branch" if line.startswith("===") else "text"


def check_line(lines: list[str], number: int, called: str) -> None:
    """Check line `number`, an action or a branch, and that an empty line follows.

    Raises CorpusError.
    """
    line = lines[number - 1]
    if kind_of_line(line) == "action" and line.rstrip() != ">" and not line.startswith("> "):
        raise CorpusError(called, number, "a space belongs between > and the action")
    if number < len(lines) and lines[number].strip():
        raise CorpusError(called, number + 1, "an empty line belongs before this")


def kind_of(action: str) -> tuple[Kind, str]:
    """Kind and text of an action, which a file has as the page shows it."""
    if not action:
        return "continue", ""
    said = SAID.fullmatch(action)
    return ("say", said[1]) if said else ("do", action)


def branching(block: str, count: int, called: str, line: int) -> int:
    """The number of the turn after which a branch begins. Raises CorpusError."""
    found = BRANCH.fullmatch(block)
    if found is None:
        raise CorpusError(called, line, f"a branch begins with `=== after N`, not {block[:40]!r}")
    after = int(found[1])
    if after >= count:
        raise CorpusError(
            called,
            line,
            f"a branch goes back to an earlier turn (0 to {count - 1}), not to {after}",
        )
    return after
