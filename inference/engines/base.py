"""The promise that every engine keeps."""

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
    """What one step brought for one request.

    `text` may be empty (a token that is half of a character); `tokens` counts the tokens behind
    it; `finish` is set on the last one of a request, `error` tells why when it is "error".
    `cached` is said once for a request, by engines that know: how many tokens of its prompt were
    found in the cache.
    `banned` are phrases that it would have told here, and `shortened` says that the text ends
    before one of them (`inference.engines.bans`).
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
    """The engine cannot go on; its process must end so that other workers take over."""


class Engine(Protocol):
    """Tells many stories at once, one token each per step. Knows nothing of players."""

    # Whether it heeds `SamplingParams.not_first`.
    can_avoid: bool

    @property
    def continues(self) -> bool:
        """Whether it goes on with a text that is begun; where not, that ends as it is."""
        ...

    context_tokens: int
    reads_ahead: bool  # whether `prefill` does anything

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings of `sampling` that are on, and that it cannot heed."""
        ...

    def count(self, text: str) -> int:
        """How many tokens `text` is."""
        ...

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """`messages` in the model's own chat template, with its answer `begun`."""
        ...

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Queue a prompt. Raises ValueError when prompt + new tokens exceed `context_tokens`.

        The text keeps to `output` where it is given. An engine that cannot see to that raises
        ValueError.
        """
        ...

    def prefill(self, prompt: str) -> RequestId | None:
        """Read a prompt into the cache and generate nothing, when nothing else is to do.

        It begins only while no reply waits or runs, one at a time, and the next `submit` ends it as
        "cancelled": a reply waits for at most the step under way. What was read by then stays in
        the cache. Its only text is its end; "stop" where all was read. None, and nothing happens,
        where `reads_ahead` is False. Raises ValueError as `submit` does.
        """
        ...

    def step(self) -> list[NewText]:
        """Advance every running request by one token. Raises EngineBroken."""
        ...

    def cancel(self, request: RequestId) -> None:
        """End a request; its slot is free at the next step, which reports "cancelled"."""
        ...

    @property
    def busy(self) -> bool:
        """Whether any request is waiting or running."""
        ...
