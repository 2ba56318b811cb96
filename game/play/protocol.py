"""Every socket message as a type: commands in, events out.

PROTOCOL.md is the contract. Commands refuse unknown fields; clients ignore what they do not know.
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

from game.models import LONGEST_TEXT
from inference.queue.streams import is_log_id
from inference.reply.characters import composed

LONGEST_FRAME = 64 * 1024

ErrorCode = Literal[
    "bad_message",
    "not_allowed",
    "busy",
    "too_many",
    "full",
    "rejected",
    "unknown_turn",
    "narrator_down",
]


class Refused(Exception):
    """A command that cannot be carried out. `message` tells the player what to do."""

    def __init__(self, code: ErrorCode, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


def clean_text(text: str) -> str:
    """`text` as it is stored: NFC, one kind of line end, no control characters."""
    text = composed(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\t", " ")
    kept = (c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(kept).strip()


def short_enough(text: str) -> str:
    text = clean_text(text)
    if len(text) > LONGEST_TEXT:
        raise ValueError(
            f"That is {len(text):,} characters; a turn can have {LONGEST_TEXT:,}. Shorten it."
        )
    return text


StoryText = Annotated[str, AfterValidator(short_enough)]


def log_position(after: str) -> str:
    if after and not is_log_id(after):
        raise ValueError(
            _("That is no place in the log. Send an id that an event had, or reload the page.")
        )
    return after


LogPosition = Annotated[str, Field(max_length=64), AfterValidator(log_position)]


# Commands: client to server


class Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyedCommand(Command):
    """A command that changes something. Its key makes it safe to send again."""

    key: uuid.UUID


class TakeAction(KeyedCommand):
    type: Literal["take_action"]
    kind: Literal["do", "say", "story", "continue"]
    text: StoryText = ""


class RetryTurn(KeyedCommand):
    type: Literal["retry_turn"]
    turn: uuid.UUID


class UndoTurn(KeyedCommand):
    type: Literal["undo_turn"]


class RedoTurn(KeyedCommand):
    type: Literal["redo_turn"]


class GoToTurn(KeyedCommand):
    type: Literal["go_to_turn"]
    turn: uuid.UUID


class EditTurn(KeyedCommand):
    type: Literal["edit_turn"]
    turn: uuid.UUID
    action: StoryText | None = None
    reply: StoryText | None = None

    @model_validator(mode="after")
    def changes_something(self) -> "EditTurn":
        if self.action is None and self.reply is None:
            raise ValueError(_("An edit needs an action, a reply, or both."))
        return self


class StopTurn(KeyedCommand):
    type: Literal["stop_turn"]
    turn: uuid.UUID


class Resume(Command):
    type: Literal["resume"]
    after: LogPosition


class Ping(Command):
    type: Literal["ping"]


Keyed = TakeAction | RetryTurn | UndoTurn | RedoTurn | GoToTurn | EditTurn | StopTurn
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
    """The first mistake in words: where it is and what was wanted."""
    first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    # The discriminator's tag comes first in a union's location; only the field helps a reader.
    place = ".".join(str(part) for part in first["loc"][1:])
    return f"{place}: {message}" if place and first["type"] != "value_error" else message


def key_of(frame: str) -> str | None:
    """The key of a frame that was refused, where one can be read, so that its sender knows it."""
    try:
        return str(KEY.validate_json(frame).key)
    except ValidationError:
        return None


class Key(BaseModel):
    key: uuid.UUID


KEY = TypeAdapter(Key)


# Events: server to client. Those of the log get their `id` when they are read from it.

TurnStatus = Literal["queued", "running", "told", "stopped", "failed"]


class ActionHere(BaseModel):
    """One of the actions that were taken at the same moment, with its retellings, oldest first."""

    shown: str  # cut, with an ellipsis, where it is long
    turns: list[str]


class TurnShown(BaseModel):
    """A turn as pages show it."""

    id: str
    parent: str | None
    kind: str
    action: str
    shown: str
    reply: str
    status: TurnStatus
    attempt: int
    edited: bool
    created: str
    told: str | None
    reason: str
    siblings: list[str]
    # The siblings by what was done; none where there is but this turn.
    actions: list[ActionHere] = []
    # How many earlier versions of its texts can be looked at and put back.
    versions: int = 0
    # While it is told: the one that its turn.started named; "" while the log cannot be read.
    telling: str | None = None
    # What the dice said before the narrator spoke: sides, rolled, outcome, text for people, and
    # (since actions have one) difficulty and needed, the least roll that succeeds.
    dice: dict[str, Any] | None = None


class Event(BaseModel):
    """What the log holds. `version` is the adventure's after the change."""

    version: int | None = None


class TurnQueued(Event):
    type: Literal["turn.queued"] = "turn.queued"
    turn: TurnShown
    position: int
    eta_seconds: int | None


class TurnEnded(Event):
    type: Literal["turn.told", "turn.stopped"]
    turn: TurnShown


class TurnFailed(Event):
    type: Literal["turn.failed"] = "turn.failed"
    turn: str
    reason: str


class LastEdit(BaseModel):
    """An edit with nothing done since: undo takes it back; if it is `undone`, redo brings it."""

    turn: str
    undone: bool


class TurnEdited(Event):
    type: Literal["turn.edited"] = "turn.edited"
    turn: TurnShown
    last_edit: LastEdit | None = None


class HeadMoved(Event):
    type: Literal["head.moved"] = "head.moved"
    head: str
    undo: bool
    redo: str | None


class PlotChanged(Event):
    """The adventure's title, memory or author's note changed (an addition to the protocol)."""

    type: Literal["adventure.changed"] = "adventure.changed"
    adventure: dict[str, Any]


LoggedEvent = TurnQueued | TurnEnded | TurnFailed | TurnEdited | HeadMoved | PlotChanged


# Events that workers append to the log, without going through these types


class TurnStarted(BaseModel):
    """A worker began an attempt. `fresh`: none came before it, as far as Redis knows."""

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


# Events to one socket, not in the log


class TurnWaiting(BaseModel):
    type: Literal["turn.waiting"] = "turn.waiting"
    turn: str
    position: int
    eta_seconds: int | None


class Accepted(BaseModel):
    type: Literal["accepted"] = "accepted"
    key: str
    turn: str | None = None


class Snapshot(BaseModel):
    type: Literal["snapshot"] = "snapshot"
    id: str
    adventure: dict[str, Any]
    turns: list[TurnShown]
    earlier: bool
    head: str
    undo: bool
    redo: str | None
    last_edit: LastEdit | None = None


class ErrorEvent(BaseModel):
    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    key: str | None = None
    retry_after: int | None = None


class Pong(BaseModel):
    type: Literal["pong"] = "pong"


DirectEvent = TurnWaiting | Accepted | Snapshot | ErrorEvent | Pong
