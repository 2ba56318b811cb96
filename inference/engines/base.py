"""The interface of every engine."""

from dataclasses import dataclass
from typing import Literal, Protocol

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting

RequestId = int
Finish = Literal["stop", "length", "cancelled", "error"]


@dataclass(frozen=True)
class Message:
    """One message of a chat, for models that have a chat template."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class NewText:
    """The new text of one request in one step.

    `text` may be empty (a token that is half of a character); `tokens` is its number of tokens;
    `finish` is set on the last one of a request, and `error` where that is "error".
    `cached` is set once per request by engines that know it: how many tokens of the prompt were
    found in the cache.
    `banned` are phrases that the model generated here and that were removed; `shortened` is True
    where the reply ends before one of them (`inference.engines.bans`).
    """

    request: RequestId
    text: str
    tokens: int
    finish: Finish | None = None
    error: str = ""
    cached: int | None = None
    banned: tuple[str, ...] = ()
    shortened: bool = False


class EngineBroken(Exception):
    """The engine has failed; its process must end so that other workers take over its turns."""


def check_size(tokens: int, sampling: SamplingParams, context_tokens: int) -> None:
    """Raises ValueError for a prompt of no `tokens`, or one without room for the new tokens."""
    if not tokens:
        raise ValueError("the prompt is empty")
    if tokens + sampling.max_tokens > context_tokens:
        raise ValueError(
            f"{tokens} tokens of prompt and {sampling.max_tokens} new ones exceed {context_tokens}"
        )


class Engine(Protocol):
    """Generates many replies in one batch, one token each per step. Knows nothing of players."""

    # Whether it supports `SamplingParams.not_first`.
    can_avoid: bool

    @property
    def continues(self) -> bool:
        """Whether it can continue the beginning of a reply; else such a reply ends at once."""
        ...

    context_tokens: int
    reads_ahead: bool  # whether `prefill` does anything

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings of `sampling` that are on and not supported."""
        ...

    def count(self, text: str) -> int:
        """The number of tokens of `text`."""
        ...

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """The prompt in the model's chat template; it ends with `begun`, a reply's first part."""
        ...

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Queue a prompt. Raises ValueError where prompt and new tokens exceed `context_tokens`.

        The reply conforms to `output` where it is given; an engine without support for it raises
        ValueError.
        """
        ...

    def prefill(self, prompt: str) -> RequestId | None:
        """Compute a prompt into the cache and generate nothing, while the engine is idle.

        It starts only while no reply waits or runs, one at a time, and the next `submit` cancels
        it: a reply waits for one step at most. What was computed stays in the cache. Its only text
        is its end; "stop" where the prompt is complete. Returns None and does nothing where
        `reads_ahead` is False. Raises ValueError as `submit` does.
        """
        ...

    def step(self) -> list[NewText]:
        """Advance every running request by one token. Raises EngineBroken."""
        ...

    def cancel(self, request: RequestId) -> None:
        """End a request; the next step frees its slot and reports "cancelled"."""
        ...

    @property
    def busy(self) -> bool:
        """Whether any request is waiting or running."""
        ...
