"""What travels between the game and a worker: plain data, no Django, no engine."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams
from inference.contract.screening import Finding, Screening

Kind = Literal["opening", "do", "say", "story", "continue"]
Outcome = Literal["told", "stopped", "failed"]


class Plain(BaseModel):
    """A frozen value that refuses unknown fields and travels as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def heard(cls, said: str | bytes) -> Self:
        """Read what another process says. It may be a newer one: fields unknown here are ignored.

        During a rolling update both are there, and no turn may fail for that.
        """
        return cls.model_validate_json(said, extra="ignore")


class Passage(Plain):
    """One turn as the narrator reads it: what the player did, and what was told.

    `outcome` is what the dice decided about the action, in words.
    """

    kind: Kind
    action: str = ""
    reply: str = ""
    outcome: str = ""


class Card(Plain):
    """Lore that enters the prompt when one of its keys is mentioned, or always if pinned."""

    title: str
    keys: tuple[str, ...]
    text: str
    pinned: bool = False


class StoryContext(Plain):
    """Everything the narrator is given. `story` is oldest first; `action` is to be answered.

    `cards` may be those alone that could fire; `card_characters` is the length of all that there
    are then, so that the room kept for them stays the same from turn to turn. `summary` tells what
    happened before.
    """

    memory: str = ""
    authors_note: str = ""
    cards: tuple[Card, ...] = ()
    card_characters: int = 0
    summary: str = ""
    story: tuple[Passage, ...] = ()
    action: Passage


class GenerationRequest(Plain):
    """Ask a narrator for the reply of one turn.

    `told` is what earlier attempts of this turn have told already, exactly as players saw it: the
    narrator goes on from there. `player` is whoever asked, by a name that says nothing: turns of
    one player do not crowd out those of others. `screening` is what the reply is held against
    before anybody sees it. `output` is the shape of an answer that a program reads, and nobody
    else: bulk work gives it back as it came, from its first word, whatever was `told`.
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


class BatchResult(Plain):
    """What came of one prompt of many. `error` is empty where it was told."""

    id: str
    reply: str
    error: str = ""
    tokens: int = 0
    seconds: float = 0.0
    narrator: str
    revision: str


class SummaryRequest(Plain):
    """Ask a narrator for what happened before, when it has nothing else to tell.

    `before` is the summary until then, `story` what followed, oldest first; `limit` is how many
    characters there is room for. `replaces` is the summary that stands there meanwhile.
    """

    adventure: str
    turn: str  # the last one of `story`
    narrator: str
    before: str = ""
    story: tuple[Passage, ...] = ()
    limit: int
    replaces: str = ""


class SummaryResult(Plain):
    """What the narrator found to say. It goes where `replaces` stands, and nowhere else."""

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
    """How a turn ended. `reply` equals the joined pieces; `reason` tells people why it failed.

    `details` is what the narrator was given, packed by `inference.contract.prompt_report`; "" where
    nobody knows.
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
    # Why the reply was told again, once for each time, and why it is shorter than it might be.
    resampled: tuple[str, ...] = ()
    shortened: str = ""
    trace: str = ""  # as of GenerationRequest, of the span that told it
    screened: tuple[Finding, ...] = ()  # what rules found, in tellings too that nobody saw
