"""Every socket message as a type: commands from clients, events to them.

docs/protocol.md is the contract. Commands with unknown fields are refused; clients ignore unknown
events and fields.
"""

import unicodedata
import uuid
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from game.models import LONGEST_OPENING, LONGEST_TEXT
from inference.queue.streams import is_log_id
from inference.reply.characters import composed

LONGEST_FRAME = 64 * 1024

ErrorCode = Literal[
    "bad_message",
    "not_allowed",
    "busy",
    "not_your_turn",
    "too_many",
    "full",
    "rejected",
    "unknown_turn",
    "narrator_down",
]


class Refused(Exception):
    """A command cannot be carried out. `message` tells the player what to do.

    `retry_after` is in seconds.
    """

    def __init__(self, code: ErrorCode, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


def clean_text(text: str) -> str:
    """The text as it is stored: NFC, line feeds, spaces for tabs, no other control characters."""
    text = composed(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\t", " ")
    printable = (c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(printable).strip()


def short_enough(text: str) -> str:
    """The text, cleaned. Raises ValueError if it is longer than LONGEST_TEXT."""
    text = clean_text(text)
    if len(text) > LONGEST_TEXT:
        raise ValueError(too_long(text, LONGEST_TEXT))
    return text


def short_enough_for_opening(text: str) -> str:
    """The text, cleaned. Raises ValueError if it is longer than LONGEST_OPENING.

    That no other turn is so long, `edit_turn` in game.play.turns sees to.
    """
    text = clean_text(text)
    if len(text) > LONGEST_OPENING:
        raise ValueError(too_long(text, LONGEST_OPENING))
    return text


def too_long(text: str, most: int) -> str:
    """What is said of a text that is too long."""
    return f"That is {len(text):,} characters; a turn can have {most:,}. Shorten it."


StoryText = Annotated[str, AfterValidator(short_enough)]
OpeningText = Annotated[str, AfterValidator(short_enough_for_opening)]


def log_position(after: str) -> str:
    """A log id, or "". Raises ValueError for anything else."""
    if after and not is_log_id(after):
        raise ValueError(
            _("That is no place in the log. Send an id that an event had, or reload the page.")
        )
    return after


LogPosition = Annotated[str, Field(max_length=64), AfterValidator(log_position)]


# Commands: client to server


class Command(BaseModel):
    """A message from a client."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyedCommand(Command):
    """A command that changes something. Its key makes it safe to send again."""

    key: uuid.UUID


class TakeAction(KeyedCommand):
    """Take an action at the head; an empty one continues the story."""

    type: Literal["take_action"]
    kind: Literal["do", "say", "story", "continue"]
    text: StoryText = ""


class RetryTurn(KeyedCommand):
    """Take the action of a turn again, beside it."""

    type: Literal["retry_turn"]
    turn: uuid.UUID


class UndoTurn(KeyedCommand):
    """Undo the last edit or the last action."""

    type: Literal["undo_turn"]


class RedoTurn(KeyedCommand):
    """Redo what was undone last."""

    type: Literal["redo_turn"]


class GoToTurn(KeyedCommand):
    """Make a turn of the tree the head."""

    type: Literal["go_to_turn"]
    turn: uuid.UUID


class EditTurn(KeyedCommand):
    """Replace the action or the reply of a turn, or both."""

    type: Literal["edit_turn"]
    turn: uuid.UUID
    action: StoryText | None = None
    reply: OpeningText | None = None

    @model_validator(mode="after")
    def changes_something(self) -> "EditTurn":
        """Raises ValueError for an edit without a text."""
        if self.action is None and self.reply is None:
            raise ValueError(_("An edit needs an action, a reply, or both."))
        return self


class StopTurn(KeyedCommand):
    """Stop the turn under way."""

    type: Literal["stop_turn"]
    turn: uuid.UUID


class VoteFor(KeyedCommand):
    """Vote for the proposal of a member."""

    type: Literal["vote_for"]
    member: uuid.UUID


class ApproveProposal(KeyedCommand):
    """As game master: tell the proposal of a member, as it stands or with another text."""

    type: Literal["approve_proposal"]
    member: uuid.UUID
    text: StoryText | None = None


class WithdrawProposal(KeyedCommand):
    """Take one's own proposal back."""

    type: Literal["withdraw_proposal"]


class SkipMember(KeyedCommand):
    """As owner: pass the turn on, or tell what there is, without waiting for who has not acted."""

    type: Literal["skip_member"]


class Resume(Command):
    """Forward the log from just after an id; "" asks for a snapshot."""

    type: Literal["resume"]
    after: LogPosition


class Ping(Command):
    """Ask for a pong."""

    type: Literal["ping"]


Keyed = (
    TakeAction
    | RetryTurn
    | UndoTurn
    | RedoTurn
    | GoToTurn
    | EditTurn
    | StopTurn
    | VoteFor
    | ApproveProposal
    | WithdrawProposal
    | SkipMember
)
AnyCommand = Annotated[Keyed | Resume | Ping, Field(discriminator="type")]
COMMANDS: TypeAdapter[Keyed | Resume | Ping] = TypeAdapter(AnyCommand)


def parse_command(frame: str) -> Keyed | Resume | Ping:
    """The command in a text frame. Raises Refused("bad_message") for anything else."""
    if len(frame) > LONGEST_FRAME:
        raise Refused("bad_message", _("That message is larger than 64 KiB. Send less at once."))
    try:
        return COMMANDS.validate_json(frame)
    except ValidationError as problem:
        raise Refused("bad_message", explain(problem)) from None


def explain(problem: ValidationError) -> str:
    """The first error in words, with the field that it is about."""
    first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    # A union's location begins with the discriminator's tag, which would not help the reader.
    place = ".".join(str(part) for part in first["loc"][1:])
    return f"{place}: {message}" if place and first["type"] != "value_error" else message


def key_of(frame: str) -> str | None:
    """The key of a frame, if one can be read, so that a refusal can name it."""
    try:
        return str(KEY.validate_json(frame).key)
    except ValidationError:
        return None


class Key(BaseModel):
    """The key of a frame whose other fields may be invalid."""

    key: uuid.UUID


KEY = TypeAdapter(Key)


# Events: server to client. Events of the log get their `id` when they are read from it.

TurnStatus = Literal["queued", "running", "told", "stopped", "failed"]


class SiblingAction(BaseModel):
    """An action taken at the same place as others, with the turns that have it, oldest first."""

    shown: str  # as players see it; cut, with an ellipsis, if it is long
    turns: list[str]


class TurnData(BaseModel):
    """A turn as pages show it."""

    id: str
    parent: str | None
    kind: str
    action: str
    shown: str
    # Who acted, where several play: the character's name then, and the member as long as they are.
    character: str = ""
    member: str | None = None
    reply: str
    status: TurnStatus
    attempt: int
    edited: bool
    created: str
    told: str | None
    reason: str
    siblings: list[str]
    # The siblings grouped by action; empty if there are none beside this turn.
    actions: list[SiblingAction] = []
    # How many earlier versions of its texts can be restored.
    versions: int = 0
    # The title of the chapter that ends with it; "" where none does.
    chapter: str = ""
    # While it runs: the id in its turn.started; "" while the log cannot be read.
    telling: str | None = None
    # The roll before the reply: sides, rolled, outcome, text for players, and (not in turns of
    # older versions) difficulty and needed, the lowest roll that succeeds.
    dice: dict[str, Any] | None = None


class Event(BaseModel):
    """An event of the log. `version` is the adventure's after the change."""

    version: int | None = None


class TurnQueued(Event):
    """A turn was added, and waits in its narrator's queue."""

    type: Literal["turn.queued"] = "turn.queued"
    turn: TurnData
    position: int
    eta_seconds: int | None


class TurnEnded(Event):
    """A turn has its reply, or was stopped."""

    type: Literal["turn.told", "turn.stopped"]
    turn: TurnData


class TurnFailed(Event):
    """A turn failed. `reason` is for the player."""

    type: Literal["turn.failed"] = "turn.failed"
    turn: str
    reason: str


class LastEdit(BaseModel):
    """The last change, if it was an edit: undo applies to it, or redo if it is `undone`."""

    turn: str
    undone: bool


class TurnEdited(Event):
    """The texts of a turn were replaced."""

    type: Literal["turn.edited"] = "turn.edited"
    turn: TurnData
    last_edit: LastEdit | None = None


MemberRole = Literal["owner", "player", "spectator"]


class MemberData(BaseModel):
    """One who acts in the adventure, by their character's name; their account is not named."""

    id: str
    name: str
    role: MemberRole
    description: str = ""


class ProposalData(BaseModel):
    """What a member proposes. `text` is null for those who may not read it yet."""

    member: str
    kind: str | None
    text: str | None
    votes: list[str] = []  # the members who vote for it


class AskedChange(BaseModel):
    """A change that waits until more than half of the players send the same command."""

    type: str
    turn: str | None
    member: str  # who asked first
    agreed: list[str]
    needed: int
    action: str | None = None  # of an edit: the texts that it asks for
    reply: str | None = None


class TableData(BaseModel):
    """Who plays together, and how they take turns."""

    members: list[MemberData]  # the owner and the players, in the order in which they joined
    order: Literal["free", "round", "together", "vote", "master"] = "free"
    changes: Literal["owner", "actor", "vote"] = "owner"
    seconds: int = 0  # to act in; 0: no limit
    turn_of: str | None = None  # in a round: the member whose turn it is
    master: str | None = None  # the game master, where there is one
    until: str | None = None  # when the time is up
    proposals: list[ProposalData] = []
    asked: AskedChange | None = None


class Viewer(BaseModel):
    """Who the player of one page is: the member, with their role and character's name."""

    member: str
    role: MemberRole
    name: str = ""


class TableChanged(Event):
    """Members, their characters or the rules of playing together changed; null: one plays alone."""

    type: Literal["table.changed"] = "table.changed"
    table: TableData | None


class HeadMoved(Event):
    """Another turn is the head. `undo`: whether undo is possible; `redo`: the turn it leads to."""

    type: Literal["head.moved"] = "head.moved"
    head: str
    undo: bool
    redo: str | None


class PlotChanged(Event):
    """The adventure's own fields changed: title, plot, narrator, options, cards."""

    type: Literal["adventure.changed"] = "adventure.changed"
    adventure: dict[str, Any]


class TurnSuggested(Event):
    """Actions that the narrator suggests after a turn. They change nothing: no version."""

    type: Literal["turn.suggested"] = "turn.suggested"
    turn: str
    actions: list[str]


class ChaptersChanged(Event):
    """A chapter now ends with a turn, has another title, or (title "") was reopened."""

    type: Literal["chapters.changed"] = "chapters.changed"
    turn: str
    title: str


class WorldChanged(Event):
    """The state of the world changed at a turn, other than by its being told or edited."""

    type: Literal["world.changed"] = "world.changed"
    turn: str
    last_edit: LastEdit | None = None


LoggedEvent = (
    TurnQueued
    | TurnEnded
    | TurnFailed
    | TurnEdited
    | HeadMoved
    | PlotChanged
    | TurnSuggested
    | ChaptersChanged
    | WorldChanged
    | TableChanged
)


# Events that workers append to the log; they do not use these types


class TurnStarted(BaseModel):
    """A worker began an attempt. `fresh`: there was none before, as far as Redis knows."""

    type: Literal["turn.started"] = "turn.started"
    turn: str
    attempt: int
    telling: str
    fresh: bool


class TurnToken(BaseModel):
    """A piece of a reply. `index` counts the code points before it."""

    type: Literal["turn.token"] = "turn.token"
    turn: str
    attempt: int
    index: int
    text: str


WorkerEvent = TurnStarted | TurnToken


# Events to one socket, which are not in the log


class TurnWaiting(BaseModel):
    """The place of a waiting turn in the queue has changed."""

    type: Literal["turn.waiting"] = "turn.waiting"
    turn: str
    position: int
    eta_seconds: int | None


class Accepted(BaseModel):
    """A command was carried out. `turn` is the turn that it made or went to."""

    type: Literal["accepted"] = "accepted"
    key: str
    turn: str | None = None


class Snapshot(BaseModel):
    """The whole adventure, with the log id to continue from."""

    type: Literal["snapshot"] = "snapshot"
    id: str
    adventure: dict[str, Any]
    turns: list[TurnData]
    earlier: bool
    head: str
    undo: bool
    redo: str | None
    last_edit: LastEdit | None = None
    suggestions: list[str] = []  # actions that are suggested after the head
    table: TableData | None = None  # null while the owner plays alone
    you: Viewer | None = None  # null where the page's player is not known


class ErrorEvent(BaseModel):
    """A command was refused, or the socket is about to close. `retry_after` is in seconds."""

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    key: str | None = None
    retry_after: int | None = None


class Pong(BaseModel):
    """The answer to a ping."""

    type: Literal["pong"] = "pong"


DirectEvent = TurnWaiting | Accepted | Snapshot | ErrorEvent | Pong
