"""The messages between the game and a worker: plain data, no Django, no engine."""

from typing import Literal

from inference.contract.cards import CardOptions
from inference.contract.output_format import OutputFormat
from inference.contract.plain import Plain
from inference.contract.sampling import SamplingParams
from inference.contract.screening import Finding, Screening
from inference.contract.world import Recalled, World

Kind = Literal["opening", "do", "say", "story", "continue"]
Outcome = Literal["told", "stopped", "failed"]


class Passage(Plain):
    """One turn as the narrator reads it: the player's action and the reply.

    `outcome` is what the dice decided about the action, in words. `player` is the character who
    acts where several players play: then the action is told in the third person, as it stands.
    """

    kind: Kind
    action: str = ""
    reply: str = ""
    outcome: str = ""
    player: str = ""


class Card(Plain):
    """Lore that enters the prompt when one of its keys is mentioned, or always if pinned.

    Of the options of a pinned card `disabled`, `order` and `group` count.
    """

    title: str
    keys: tuple[str, ...]
    text: str
    pinned: bool = False
    options: CardOptions = CardOptions()


class StoryContext(Plain):
    """All the material of a prompt. `story` is oldest first; `action` gets the reply.

    `cards` may hold only those that could fire; `card_characters` is then the length of all cards,
    so that the room reserved for them stays the same from turn to turn. `summary` sums up what
    happened before `story`. `earlier` are sentences of old turns, the best first; those of turns
    that the prompt has anyway are left out there. `turns` is the number of turns on the path, of
    which `story` are the newest; 0 where nobody counted. `world` is the state before the action.
    """

    memory: str = ""
    authors_note: str = ""
    cards: tuple[Card, ...] = ()
    card_characters: int = 0
    summary: str = ""
    story: tuple[Passage, ...] = ()
    turns: int = 0
    earlier: tuple[Recalled, ...] = ()
    world: World | None = None
    action: Passage


class GenerationRequest(Plain):
    """A request for the reply of one turn.

    `told` is the text of earlier attempts, exactly as players saw it: the reply continues it.
    `player` is the player's pseudonym, for a fair order in the queue. `screening` are the rules
    that the reply is checked against before players see it. `output` is the format of a reply that
    that a program reads: batch jobs return it unchanged from its first token, whatever was `told`.
    `fact` is what an attempt before this one contradicted, in a sentence: the last words before the
    reply.
    """

    adventure: str
    turn: str
    attempt: int
    narrator: str
    player: str = ""
    context: StoryContext
    sampling: SamplingParams | None = None  # None: the narrator's own
    told: str = ""
    trace: str = ""  # the traceparent of the span that asked; empty where none is recorded
    screening: Screening | None = None
    output: OutputFormat | None = None
    suggestions: bool = False  # whether actions are suggested after the reply
    fact: str = ""


class BatchResult(Plain):
    """The result of one prompt of a batch job. `error` is empty where it succeeded."""

    id: str
    reply: str
    error: str = ""
    tokens: int = 0
    seconds: float = 0.0
    narrator: str
    revision: str


class SummaryRequest(Plain):
    """A background job: summarise the story while the worker is idle.

    `before` is the summary so far, `story` what followed, oldest first; `limit` is the length of
    the new summary in characters. `replaces` is the summary that the turn has at present.
    """

    adventure: str
    turn: str  # the last one of `story`
    narrator: str
    before: str = ""
    story: tuple[Passage, ...] = ()
    limit: int
    replaces: str = ""


class SummaryResult(Plain):
    """A new summary. It is stored only where the turn's summary still is `replaces`."""

    adventure: str
    turn: str
    text: str
    replaces: str


class Token(Plain):
    """A piece of a reply. `index` is its offset in the reply, in code points."""

    turn: str
    attempt: int
    index: int
    text: str


class Result(Plain):
    """How a turn ended. `reply` equals the joined pieces; `reason` is why it failed, for players.

    `details` is the prompt report, packed by `inference.contract.prompt_report`; "" where there is
    none.
    """

    adventure: str
    turn: str
    attempt: int
    outcome: Outcome
    reply: str
    reason: str = ""
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float | None = None
    details: str = ""
    # Why attempts were discarded, once for each, and why the reply was cut.
    resampled: tuple[str, ...] = ()
    shortened: str = ""
    trace: str = ""  # as of GenerationRequest, of the span that generated it
    screened: tuple[Finding, ...] = ()  # what rules found, in discarded attempts too
