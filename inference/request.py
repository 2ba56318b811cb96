"""What travels between the game and a worker: plain data, no Django, no engine."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from inference.sampling import SamplingParams

Kind = Literal["opening", "do", "say", "story", "continue"]
Outcome = Literal["told", "stopped", "failed"]


class Plain(BaseModel):
    """A frozen value that refuses unknown fields and travels as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Passage(Plain):
    """One turn as the narrator reads it: what the player did, and what was told."""

    kind: Kind
    action: str = ""
    reply: str = ""


class Card(Plain):
    """Lore that enters the prompt when one of its keys is mentioned, or always if pinned."""

    title: str
    keys: tuple[str, ...]
    text: str
    pinned: bool = False


class StoryContext(Plain):
    """Everything the narrator is given. `story` is oldest first; `action` is to be answered."""

    memory: str = ""
    authors_note: str = ""
    cards: tuple[Card, ...] = ()
    story: tuple[Passage, ...] = ()
    action: Passage


class GenerationRequest(Plain):
    """Ask a narrator for the reply of one turn.

    `told` is what earlier attempts of this turn have told already, exactly as players saw it: the
    narrator goes on from there.
    """

    adventure: str
    turn: str
    attempt: int
    narrator: str
    context: StoryContext
    sampling: SamplingParams | None = None  # None: the narrator's own
    told: str = ""


class Token(Plain):
    """A piece of a reply. `index` is its offset in the reply, in code points."""

    turn: str
    attempt: int
    index: int
    text: str


class Result(Plain):
    """How a turn ended. `reply` equals the joined pieces; `reason` tells people why it failed."""

    adventure: str
    turn: str
    attempt: int
    outcome: Outcome
    reply: str
    reason: str = ""
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float | None = None
