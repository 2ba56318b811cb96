"""What a prompt is made of, and what it tells of itself."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from inference.contract.output_format import OutputFormat
from inference.contract.request import Card, Plain
from inference.contract.sampling import SamplingParams, Setting

Origin = Literal["frame", "memory", "card", "summary", "story", "note", "action", "dice", "told"]
By = Literal["player", "narrator", "dice"]
Side = Literal["", "action", "reply", "dice"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the prompt and where it comes from.

    `title` names a card. What comes of the story says which passage of the request it is, counted
    from the oldest, which side of it, and how many characters the cut took from its front.
    """

    origin: Origin
    text: str
    title: str = ""
    passage: int | None = None
    side: Side = ""
    skip: int = 0


class Firing(Plain):
    """A card that entered the prompt, and the key it fired on; a pinned one needs none.

    `via` is the title of the card whose text named it, empty where the story did.
    """

    title: str
    key: str = ""
    via: str = ""


class Report(Plain):
    """What the narrator was given. The texts of `pieces`, joined, are the prompt."""

    tokens: int
    window: int
    max_tokens: int
    pieces: tuple[Piece, ...]
    fired: tuple[Firing, ...] = ()
    left_out: tuple[str, ...] = ()  # titles of cards that fired and found no room
    cut: dict[str, int] = {}  # by origin: characters that found no room
    sampling: SamplingParams | None = None  # as the engine was asked
    ignored: tuple[Setting, ...] = ()  # settings of it that the engine cannot heed
    passages: int = 0  # how many the request's story had
    first: int = 0  # the oldest passage of which something is in the prompt


@dataclass(frozen=True)
class BuiltPrompt:
    """A prompt ready for an engine."""

    text: str
    sampling: SamplingParams
    report: Report
    output: OutputFormat | None = None  # what the answer must keep to, where a program reads it


class Line(NamedTuple):
    """A stretch of the story: what the player does, what the dice decide, or what is told."""

    by: By
    text: str
    passage: int | None = None
    side: Side = ""
    skip: int = 0


@dataclass(frozen=True)
class Given:
    """The parts of a prompt as they go in. `cards` are in the order of their importance."""

    memory: str
    pinned: tuple[Card, ...]
    story: tuple[Line, ...]
    summary: str
    cards: tuple[Card, ...]
    note: str
    action: Line | None  # None: nothing was typed
    dice: str
    begun: str  # of the reply, told earlier or begun for the narrator
    fired: tuple[Firing, ...] = ()
    left_out: tuple[str, ...] = ()
    cut: dict[str, int] = field(default_factory=dict)
    newest_cards: tuple[Card, ...] = ()  # of those that the action alone mentions
