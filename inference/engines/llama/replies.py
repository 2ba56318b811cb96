"""One reply of llama.cpp: its state, and how a thread of its own has it generated."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams
from inference.engines.base import NewText, RequestId
from inference.engines.llama.requests import ERROR_CHARS, request_body, text_of_event

# A character may be several tokens, and the library returns no token before a whole character.
MAX_TOKENS_OF_A_CHARACTER = 4


@dataclass
class Reply:
    """One request: its prompt, its sampling, and how far it is. Tokens are given by number."""

    prompt: list[int]
    sampling: SamplingParams
    output: OutputFormat | None = None
    prefill_only: bool = False  # fill the cache and generate nothing
    biases: list[list[float]] = field(default_factory=list)  # pairs of token and bias
    not_first: list[int] = field(default_factory=list)  # tokens that must not be the first
    generated: list[int] = field(default_factory=list)
    running: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)
    slot_free: threading.Event = field(default_factory=threading.Event)


class ReplyRunner:
    """Generates replies with the library's server, each on the thread that calls `run`."""

    def __init__(self, server: Any, context_tokens: int, report: Callable[[NewText], None]) -> None:
        """`report` is called on the replies' threads."""
        self._server = server
        self._context_tokens = context_tokens
        self._report = report

    def run(self, number: RequestId, reply: Reply) -> None:
        """Generate one reply. Its end is reported whatever happens."""
        end = self._generate_first_token(number, reply) if reply.not_first else None
        if end is None:
            end = self._generate(number, reply, self._body(reply))
        if reply.prefill_only and end.finish != "error":
            end = NewText(number, "", 0, "stop")
        reply.slot_free.set()
        self._report(end)

    def _body(self, reply: Reply) -> dict[str, Any]:
        return request_body(
            reply.prompt, reply.sampling, reply.output, reply.biases, self._context_tokens
        )

    def _generate_first_token(self, number: RequestId, reply: Reply) -> NewText | None:
        """Generate the first token, which is none of `reply.not_first`.

        Returns the end where the reply is over already; else `reply` is set to go on from there.
        """
        max_tokens = reply.sampling.max_tokens
        banned = [[token, False] for token in reply.not_first]
        for tokens in (1, MAX_TOKENS_OF_A_CHARACTER):
            body = self._body(reply)
            body["n_predict"] = min(tokens, max_tokens)
            body["logit_bias"] = [*body["logit_bias"], *banned]
            end = self._generate(number, reply, body)
            if reply.generated or end.finish != "length" or reply.cancelled.is_set():
                break
        left = max_tokens - len(reply.generated)
        over = not reply.generated or left < 1 or end.finish != "length"
        if over or reply.cancelled.is_set():
            return end
        reply.prompt = reply.prompt + reply.generated
        reply.sampling = reply.sampling.model_copy(update={"max_tokens": left})
        return None

    def _generate(self, number: RequestId, reply: Reply, body: dict[str, Any]) -> NewText:
        """Run one request of the library, report its texts, and return its end."""
        end = NewText(number, "", 0, "error", "llama.cpp ended the reply without a word")

        def on_event(event: Any) -> bool:
            """True stops the reply. The library would swallow an exception raised here."""
            nonlocal end
            try:
                text = text_of_event(number, event)
            except Exception as error:
                text = NewText(number, "", 0, "error", f"{type(error).__name__}: {error}")
            if text.finish:
                end = text
                return text.finish == "error"
            if text.tokens:
                reply.generated += event["__verbose"]["tokens"]
            self._report(NewText(number, "", 0) if reply.prefill_only else text)
            return reply.cancelled.is_set()

        try:
            self._server.handle_completions(body, on_event)
        except Exception as error:
            end = NewText(number, "", 0, "error", " ".join(str(error).split())[:ERROR_CHARS])
        return end
