"""What a worker and its engine's process say to each other, over one pipe."""

from dataclasses import dataclass

from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, SummaryRequest
from inference.engines.base import NewText
from inference.narrators import Narrator
from inference.prompts import Report

# ---- the worker says


@dataclass(frozen=True, slots=True)
class Load:
    """Be this narrator. The first message."""

    narrator: Narrator
    config: InferenceConfig


@dataclass(frozen=True, slots=True)
class Submit:
    """Tell this turn, or what happened before.

    `request` is the worker's number for it, as in all that comes back.
    """

    request: int
    generation: GenerationRequest | SummaryRequest


@dataclass(frozen=True, slots=True)
class Prefill:
    """Read into the cache what the prompts of an adventure's next turn begin with.

    `generation` is a turn whose action nobody knows yet: the one in it does not matter.
    """

    request: int
    generation: GenerationRequest


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop telling a turn, or reading ahead."""

    request: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process after the step under way."""


Command = Load | Submit | Prefill | Cancel | Stop

# ---- the engine says


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine is ready."""

    context_tokens: int
    load_seconds: float
    pid: int
    reads_ahead: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The engine cannot be loaded or cannot go on; its process ends. One line."""

    reason: str


@dataclass(frozen=True, slots=True)
class PromptBuilt:
    """What the narrator is given for a request."""

    request: int
    report: Report


@dataclass(frozen=True, slots=True)
class Step:
    """A step is done. Sent also when it brought nothing: it is the sign of life."""

    texts: list[NewText]


Event = EngineInfo | Failed | PromptBuilt | Step
