"""Reads adventures from text files, in the format that docs/finetuning.md describes.

    title: …        header: title, tags, author, licence, and what else an adventure may have
                    an empty line, then the opening
    > You …         an action; `>` alone is Continue
    dice: failure   marks of the turn: what the dice decided, what is recalled, what changes
                    its reply
    === after 3     what follows branches off after turn 3

Turns are numbered by their order in the file, from 1; 0 is the opening.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from inference.contract.outcomes import OUTCOME_LINES
from inference.contract.request import Card, Kind, Passage
from inference.contract.world import MOST_CHANGES
from inference.finetune.header import (
    DONE,
    FIELD,
    FORGET,
    STATE,
    Change,
    Header,
    changes_in,
    header_of,
)
from inference.finetune.trouble import CorpusError
from inference.reply import shown_action, spaceless

# Outcomes of the dice as pages show them, with their keys in OUTCOME_LINES.
OUTCOMES = {"success at a cost" if key == "cost" else key: key for key in OUTCOME_LINES}
# What may stand below an action, besides lines of the state.
DICE, EARLIER = "dice", "earlier"
MARKS = (DICE, EARLIER, DONE, FORGET, *STATE)
BRANCH = re.compile(r"=== after (\d+)")
SAID = re.compile(r' says? "([^"]*)"')


@dataclass(frozen=True)
class Sentence:
    """A recalled sentence. `number` is the turn that told it, the opening being 0; -1 is before."""

    text: str
    number: int
    line: int


@dataclass(frozen=True)
class Turn:
    """One action and its reply. Lines are those of the file, from 1.

    `player` is the character who acts, where the adventure has several players; `outcome` a key of
    OUTCOME_LINES, or empty.
    """

    number: int
    parent: int  # number of the turn before it; 0 is the opening
    kind: Kind
    action: str
    reply: str
    line: int
    reply_line: int
    player: str = ""
    outcome: str = ""
    earlier: tuple[Sentence, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def passage(self) -> Passage:
        """The turn as a passage of a story, as prompts have it."""
        return Passage(
            kind=self.kind,
            action=self.action,
            reply=self.reply,
            outcome=OUTCOME_LINES[self.outcome] if self.outcome else "",
            player=self.player,
        )

    @property
    def shown(self) -> str:
        """The action as pages and prompts show it."""
        return shown_action(self.kind, self.action, self.player)


@dataclass(frozen=True)
class Adventure:
    """One file: an opening and the tree of turns that grows from it."""

    file: str
    header: Header
    opening: str
    opening_line: int
    turns: tuple[Turn, ...]

    @property
    def title(self) -> str:
        """Its title."""
        return self.header.title

    @property
    def tags(self) -> tuple[str, ...]:
        """What kind it is, the main kind first."""
        return self.header.tags

    @property
    def author(self) -> str:
        """Who wrote it."""
        return self.header.author

    @property
    def licence(self) -> str:
        """An SPDX identifier."""
        return self.header.licence

    @property
    def cards(self) -> tuple[Card, ...]:
        """Its story cards by title."""
        return tuple(card for card, _ in self.header.cards)

    @cached_property
    def has_state(self) -> bool:
        """Whether it declares anything of the state of the world; without, nothing is known."""
        return bool(self.header.state or any(turn.changes for turn in self.turns))

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
        return sum(map(words_of, texts))


# Three characters of a script that puts no spaces between words count as two words.
SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def words_of(text: str) -> int:
    """The number of words in a text, about: Chinese and Japanese are counted by characters."""
    characters = len(SPACELESS.findall(text))
    if not characters:
        return len(text.split())
    return -(-characters * 2 // 3) + len(re.findall(r"[^\W\d_]+", SPACELESS.sub(" ", text)))


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
    header, body = header_of(lines, called)
    tree = TreeReader(called, header)
    for kind, block, line in blocks(lines, body, called):
        tree.take(kind, block, line)
    tree.finish(len(lines))
    return Adventure(
        file=called,
        header=header,
        opening=tree.opening,
        opening_line=tree.opening_line,
        turns=tuple(tree.turns),
    )


@dataclass
class Acting:
    """An action without its reply yet, and its marks."""

    kind: Kind
    action: str
    player: str
    line: int
    outcome: str = ""
    earlier: list[Sentence] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


class TreeReader:
    """Builds the opening and the tree of turns from a file's blocks, in order."""

    def __init__(self, called: str, header: Header) -> None:
        self.opening = ""
        self.opening_line = 0
        self.turns: list[Turn] = []
        self._called = called
        self._header = header
        self._after = 0  # number of the turn that the next one follows
        self._branch = 0  # line of a branch without a turn yet
        self._acting: Acting | None = None

    def take(self, kind: str, block: str, line: int) -> None:
        """Take the block that begins at `line`. Raises CorpusError."""
        if kind == "text":
            self._take_text(block, line)
        elif kind == "mark":
            self._take_mark(block, line)
        elif not self.opening:
            raise CorpusError(self._called, line, "there is no opening before the first action")
        else:
            self._check_reply()
            if kind == "action":
                self._acting = acting(block, self._header.players, self._called, line)
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
        if self._acting:
            acted = self._acting
            number = len(self.turns) + 1
            self.turns.append(
                Turn(
                    number=number,
                    parent=self._after,
                    kind=acted.kind,
                    action=acted.action,
                    reply=block,
                    line=acted.line,
                    reply_line=line,
                    player=acted.player,
                    outcome=acted.outcome,
                    earlier=tuple(acted.earlier),
                    changes=tuple(acted.changes),
                )
            )
            self._after, self._branch, self._acting = number, 0, None
        elif not self.opening and not self.turns:
            self.opening, self.opening_line = block, line
        else:
            raise CorpusError(self._called, line, "a branch begins with an action")

    def _take_mark(self, block: str, line: int) -> None:
        acted = self._acting
        assert acted is not None, "marks stand below an action"
        found = FIELD.fullmatch(block)
        if found is None or found[1] not in MARKS:
            what = f"an empty line belongs before this, or it is one of {', '.join(MARKS)}"
            raise CorpusError(self._called, line, what)
        mark, value = found[1], found[2].strip()
        if not value:
            raise CorpusError(self._called, line, f"nothing follows {mark}:")
        if mark == DICE:
            self._take_dice(acted, value, line)
        elif mark == EARLIER:
            acted.earlier.append(self._recalled(value, line))
        else:
            acted.changes += changes_in(mark, value, self._called, line)
            if len(acted.changes) > MOST_CHANGES:
                what = f"a turn changes at most {MOST_CHANGES} things"
                raise CorpusError(self._called, line, what)

    def _take_dice(self, acted: Acting, value: str, line: int) -> None:
        if value not in OUTCOMES:
            raise CorpusError(self._called, line, f"dice: is one of {', '.join(OUTCOMES)}")
        if acted.outcome:
            raise CorpusError(self._called, line, "dice is there twice")
        if acted.kind == "continue":
            raise CorpusError(self._called, line, "nothing is rolled for Continue")
        acted.outcome = OUTCOMES[value]

    def _recalled(self, text: str, line: int) -> Sentence:
        """A recalled sentence with the turn that told it: the newest on the path."""
        wanted = " ".join(text.split())
        number = self._after
        while number:
            turn = self.turns[number - 1]
            if any(wanted in " ".join(told.split()) for told in (turn.reply, turn.shown)):
                return Sentence(wanted, number, line)
            number = turn.parent
        if wanted in " ".join(self.opening.split()):
            return Sentence(wanted, 0, line)
        if self._header.before:
            return Sentence(wanted, -1, line)
        what = "no turn before says this, word for word; say `before: 30` in the header"
        raise CorpusError(
            self._called, line, f"{what} where it was told in turns that the file leaves out"
        )

    def _check_reply(self) -> None:
        if self._acting:
            raise CorpusError(self._called, self._acting.line, "the action has no reply")

    def _check_branch(self) -> None:
        if self._branch:
            raise CorpusError(self._called, self._branch, "the branch has no turns")


def blocks(lines: list[str], start: int, called: str) -> Iterator[tuple[str, str, int]]:
    """The blocks between empty lines: kind, content, number of its line.

    Kinds are text, action, mark (a line below an action) and branch. Paragraphs of one text are one
    block. The others are blocks of one line. Raises CorpusError.
    """
    text: list[str] = []
    first = 0
    below = False  # an action
    for number, line in enumerate(lines[start:], start + 1):
        kind = kind_of_line(line)
        if below and line.strip():
            if kind != "text":
                raise CorpusError(called, number, "an empty line belongs before this")
            yield "mark", line.strip(), number
            continue
        below = kind == "action"
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
    """Check line `number`, an action or a branch, and that an empty line follows a branch.

    Raises CorpusError.
    """
    line = lines[number - 1]
    action = kind_of_line(line) == "action"
    if action and line.rstrip() != ">" and not line.startswith("> "):
        raise CorpusError(called, number, "a space belongs between > and the action")
    if not action and number < len(lines) and lines[number].strip():
        raise CorpusError(called, number + 1, "an empty line belongs before this")


def acting(action: str, players: Sequence[str], called: str, line: int) -> Acting:
    """An action with its kind, which a file has as the page shows it. Raises CorpusError."""
    if not action:
        return Acting("continue", "", "", line)
    player = actor(action, players)
    if players and not player:
        what = f"an action names who acts, first of all: {', '.join(players)}"
        raise CorpusError(called, line, what)
    said = SAID.fullmatch(action.removeprefix(player or "You"))
    return Acting("say" if said else "do", said[1] if said else action, player, line)


def actor(action: str, players: Sequence[str]) -> str:
    """The player's character with whose name an action begins; "" for none."""
    for name in sorted(players, key=len, reverse=True):
        after = action[len(name) : len(name) + 1]
        if action.startswith(name) and (not after.isalnum() or spaceless(after)):
            return name
    return ""


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
