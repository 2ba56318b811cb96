"""OpenAIEngine: the promise of `Engine`, kept with a server that speaks OpenAI's protocol.

Completions for the format `transcript`, chat completions for `chat`, always streamed.
"""

import asyncio
import contextlib
from collections.abc import Iterable

from inference.config import InferenceConfig
from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.base import Message, NewText, RequestId, check_size
from inference.engines.openai.chat import join_messages, reply_prefix
from inference.engines.openai.connection import Connection
from inference.engines.openai.counting import TokenCounter
from inference.engines.openai.dialects import ignored_settings
from inference.engines.openai.discovery import list_models, only_model
from inference.engines.openai.requests import RequestBuilder
from inference.engines.openai.streaming import StreamedReply
from inference.narrators import Narrator

STEP_SECONDS = 0.02  # how long a step waits for text, so that requests can join or be cancelled
STARTUP_SECONDS = 20.0  # for a server that is being started to answer
CANCEL_SECONDS = 1.0  # for a stream to close


class OpenAIEngine:
    """Runs requests on a server. One thread: streams advance only while `step` waits.

    A prompt is plain text, or a chat as `render_chat` writes it: the server applies the model's
    chat template. Tokens are counted by the server where it can, else estimated on the safe side.
    """

    reads_ahead = False  # a server's time costs its host money, and others may be waiting for it
    can_avoid = False

    def __init__(self, narrator: Narrator, startup_seconds: float = STARTUP_SECONDS) -> None:
        """Connect to the server and choose its model.

        `startup_seconds`: how long a server that is being started is asked again.
        Raises ValueError with one line where it cannot be used.
        """
        self.chats = narrator.format == "chat"
        self._connection = Connection(narrator)
        try:
            self._choose_model(narrator, startup_seconds)
        except ValueError:
            self._connection.close()
            raise
        self._server = narrator.server
        self._counter = TokenCounter(self._connection, self.dialect, self.model)
        self._requests = RequestBuilder(self.model, self.dialect, self.chats, narrator.server.extra)
        self._slots = asyncio.Semaphore(narrator.slots)
        self._replies: dict[RequestId, StreamedReply] = {}
        self._reported: list[NewText] = []  # since the last step
        self._has_reported = asyncio.Event()
        self._last_request = 0

    def _choose_model(self, narrator: Narrator, startup_seconds: float) -> None:
        """Set `dialect`, `model` and `context_tokens` from the server's list. Raises ValueError."""
        server, host = narrator.server, self._connection.host
        models = list_models(self._connection, startup_seconds, bool(server.model))
        self.dialect = models.dialect
        self.model = server.model or only_model(models, host, self._connection.errors.one_line)
        limit = models.context.get(self.model)
        self.context_tokens = min(narrator.context, limit) if limit else narrator.context
        continues = self.dialect.continues if server.continues is None else server.continues
        self._continues_chats = continues
        if self.chats and narrator.begun and not continues:
            raise ValueError(
                f"{host} is not known to continue what it has begun to say: leave out "
                "`begun`, or write `continues: true` under `server` if it can"
            )

    # ---- the promise of Engine

    @property
    def busy(self) -> bool:
        """Whether a reply is under way, or its end was not yet returned by `step`."""
        return bool(self._replies or self._reported)

    @property
    def continues(self) -> bool:
        """Whether the server can continue a reply from its first part."""
        return not self.chats or self._continues_chats

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings that are on and that the dialect lacks or the server has refused so far."""
        return ignored_settings(sampling, self.dialect, self._requests.refused)

    def count(self, text: str) -> int:
        """The tokens of a text, or of a chat as `render_chat` writes it."""
        return self._counter.count(text)

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """The messages and the beginning of the reply as one text, for `submit` and `count`."""
        return join_messages([*messages, Message("assistant", begun)])

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Send a prompt as soon as a slot is free.

        Raises ValueError for an empty prompt, one too long for the context, and an `output` that
        the server cannot keep to.
        """
        tokens = self.count(prompt)
        check_size(tokens, sampling, self.context_tokens)
        self._last_request += 1
        number = self._last_request
        reply = self._replies[number] = StreamedReply(
            number,
            self._requests.build(prompt, sampling, output),
            sampling.max_tokens,
            self._connection,
            self._requests,
            self._server,
            self._report,
        )
        if not self.continues and reply_prefix(prompt):
            # The text of an earlier attempt cannot be continued: the reply ends with that text.
            reply.end("length")
        else:
            reply.task = self._connection.loop.create_task(reply.run(self._slots))
        return number

    def prefill(self, prompt: str) -> None:
        """Do nothing: see `reads_ahead`."""

    def step(self) -> list[NewText]:
        """Let the streams run until there is new text, for STEP_SECONDS at most."""
        self._connection.run(self._wait_for_text())
        reported, self._reported = self._reported, []
        return merge_texts(reported)

    def cancel(self, request: RequestId) -> None:
        """Close the stream now. The next step reports "cancelled", unless the reply has ended."""
        reply = self._replies.pop(request, None)
        if reply is None:
            return
        self._reported = [text for text in self._reported if text.request != request]
        self._reported.append(NewText(request, "", 0, "cancelled"))
        if reply.task is not None:
            reply.task.cancel()
            self._connection.run(asyncio.wait([reply.task], timeout=CANCEL_SECONDS))

    # ---- beside the promise

    @property
    def counts_exactly(self) -> bool:
        """Whether the server counts tokens at present, instead of an estimate."""
        return self._counter.exact

    def count_read_tokens(self, prompt: str) -> int | None:
        """How many tokens of `prompt` the server reads; None where it does not say.

        For checks of a narrator, while no reply is under way. Raises ValueError where the server
        does not answer.
        """
        request = self.submit(
            prompt, SamplingParams(max_tokens=1, temperature=0, repetition_penalty=1)
        )
        reply = self._replies[request]
        while self.busy:
            for text in self.step():
                if text.finish == "error" and not reply.sent_reasoning:
                    raise ValueError(text.error)
        return reply.prompt_tokens

    def close(self) -> None:
        """Close every connection. For tests and checks: the end of a process does the same."""
        for request in list(self._replies):
            self.cancel(request)
        self._connection.close()

    def _report(self, text: NewText) -> None:
        """Keep new text for `step`. The end of a cancelled reply is dropped."""
        if text.finish and self._replies.pop(text.request, None) is None:
            return
        self._reported.append(text)
        self._has_reported.set()

    async def _wait_for_text(self) -> None:
        if self._reported:
            await asyncio.sleep(0)
            return
        self._has_reported.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._has_reported.wait(), STEP_SECONDS)


def merge_texts(texts: Iterable[NewText]) -> list[NewText]:
    """One text for each request, in the order of their first texts."""
    merged: dict[RequestId, NewText] = {}
    for new in texts:
        old = merged.get(new.request)
        if old is not None:
            new = NewText(
                new.request, old.text + new.text, old.tokens + new.tokens, new.finish, new.error
            )
        merged[new.request] = new
    return list(merged.values())


def load(narrator: Narrator, config: InferenceConfig) -> OpenAIEngine:
    """The engine of a narrator whose `model` is a server's address. Raises ValueError."""
    return OpenAIEngine(narrator)
