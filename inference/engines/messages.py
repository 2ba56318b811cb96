"""The messages between a worker and its engine process, over one pipe."""

from dataclasses import dataclass

from inference.config import InferenceConfig
from inference.contract.questions import Question
from inference.contract.request import GenerationRequest, SummaryRequest
from inference.engines.base import NewText
from inference.narrators import Narrator
from inference.prompts import Report

Generation = GenerationRequest | SummaryRequest | Question

# ---- from the worker


@dataclass(frozen=True, slots=True)
class Load:
    """Load this narrator's engine. The first message."""

    narrator: Narrator
    config: InferenceConfig


@dataclass(frozen=True, slots=True)
class Submit:
    """Generate the reply of a turn, a summary, or the answer to a question.

    `request` is the worker's number for it, as in all messages below.
    """

    request: int
    generation: Generation


@dataclass(frozen=True, slots=True)
class Prefill:
    """Prefill the part of a prompt that does not depend on the next action.

    The action in `generation` does not matter: it is not known yet.
    """

    request: int
    generation: GenerationRequest


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a reply or a prefill."""

    request: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process after the step under way."""


Command = Load | Submit | Prefill | Cancel | Stop

# ---- from the engine


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine is loaded."""

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
    """The report of the prompt that was built for a request."""

    request: int
    report: Report


@dataclass(frozen=True, slots=True)
class Step:
    """The texts of one step. Sent without texts too, as a heartbeat."""

    texts: list[NewText]


Event = EngineInfo | Failed | PromptBuilt | Step
