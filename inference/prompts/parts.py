"""The parts of a prompt, and the report of what was in it."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from inference.contract.output_format import OutputFormat
from inference.contract.plain import Plain
from inference.contract.request import Card
from inference.contract.sampling import SamplingParams, Setting
from inference.contract.world import Recalled

Origin = Literal[
    "frame",
    "memory",
    "card",
    "summary",
    "story",
    "earlier",
    "world",
    "note",
    "action",
    "dice",
    "told",
]
By = Literal["player", "narrator", "dice"]
Side = Literal["", "action", "reply", "dice"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the prompt and its origin.

    `title` is that of a card. A piece of the story has the number of its passage in the request,
    counted from the oldest, its side (action or reply), and the number of characters that were cut
    from its front.
    """

    origin: Origin
    text: str
    title: str = ""
    passage: int | None = None
    side: Side = ""
    skip: int = 0


class Firing(Plain):
    """A card in the prompt, and the key it fired on; empty for a pinned card.

    `via` is the title of the card whose text has the key, empty where the story has it. `rule` is
    "secondary" where secondary keys let it fire, and "sticky" where it fired before and stays for
    `turns` more turns.
    """

    title: str
    key: str = ""
    via: str = ""
    rule: str = ""
    turns: int = 0


class PassedOver(Plain):
    """A card with a key in the text that did not fire.

    `why`: "secondary" keys kept it out, a "cooldown" of `turns` more turns, "probability", or a
    better card of its "group".
    """

    title: str
    why: str
    turns: int = 0


class Report(Plain):
    """The report of a prompt. The texts of `pieces`, joined, are the prompt."""

    tokens: int
    window: int
    max_tokens: int
    pieces: tuple[Piece, ...]
    fired: tuple[Firing, ...] = ()
    left_out: tuple[str, ...] = ()  # titles of cards that fired and found no room
    passed_over: tuple[PassedOver, ...] = ()
    cut: dict[str, int] = {}  # by origin: characters that found no room
    sampling: SamplingParams | None = None  # as the engine was asked
    ignored: tuple[Setting, ...] = ()  # settings of it that the engine does not support
    passages: int = 0  # how many the request's story had
    first: int = 0  # the oldest passage of which something is in the prompt
    recalled: tuple[Recalled, ...] = ()  # without their texts, which the pieces have


@dataclass(frozen=True)
class BuiltPrompt:
    """A prompt ready for an engine."""

    text: str
    sampling: SamplingParams
    report: Report
    output: OutputFormat | None = None  # the output format, where a program reads the reply


class Line(NamedTuple):
    """A line of the story: an action, the outcome of the dice, or a reply."""

    by: By
    text: str
    passage: int | None = None
    side: Side = ""
    skip: int = 0


class PlacedCard(NamedTuple):
    """A card in front of the action of a passage.

    `by_action`: that action mentions it, and not the reply before.
    """

    card: Card
    passage: int
    by_action: bool
    firing: Firing


class WorldLine(NamedTuple):
    """A sentence about the state of the world. `hidden`: players do not know it yet.

    `by_action`: it matters because of the newest action alone.
    """

    text: str
    hidden: bool = False
    by_action: bool = False


@dataclass(frozen=True)
class Given:
    """The parts of a prompt.

    Summary, cards and note stand some turns before the end, `cards` in order of priority; or, with
    `beside_action`, the summary at the beginning, the `placed` cards in front of their actions, and
    the note in front of the turn before the newest.
    """

    memory: str
    pinned: tuple[Card, ...]
    story: tuple[Line, ...]
    summary: str
    cards: tuple[Card, ...]
    note: str
    action: Line | None  # None: nothing was typed
    dice: str
    begun: str  # the first part of the reply: told earlier, or written for the narrator
    fired: tuple[Firing, ...] = ()
    left_out: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    cut: dict[str, int] = field(default_factory=dict)
    fact: str = ""  # what an attempt before this one contradicted
    beside_action: bool = False
    earlier: tuple[Recalled, ...] = ()  # oldest first
    world: tuple[WorldLine, ...] = ()
    placed: tuple[PlacedCard, ...] = ()
    passages: int = 0  # of the whole story: the index of the newest action
