"""The JSON body of a request, in the server's dialect and without what it has refused."""

from typing import Any

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams
from inference.engines.openai.chat import reply_prefix, split_messages
from inference.engines.openai.dialects import (
    Dialect,
    output_fields,
    refused_fields,
    sampling_fields,
    without_fields,
)


class RequestBuilder:
    """Builds the requests to one server. `refused` are the fields it has rejected so far."""

    def __init__(self, model: str, dialect: Dialect, chats: bool, extra: dict[str, Any]) -> None:
        """`chats`: chat completions instead of plain ones. `extra` goes into every request."""
        self._model = model
        self._dialect = dialect
        self.chats = chats
        self._extra = extra
        self.refused: set[str] = set()

    @property
    def path(self) -> str:
        """Where requests go, from the server's base address."""
        return "/chat/completions" if self.chats else "/completions"

    def build(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None
    ) -> dict[str, Any]:
        """The body with every field that the server may know.

        Raises ValueError where its dialect has nothing for `output`.
        """
        body: dict[str, Any] = {
            "model": self._model,
            "stream": True,
            "stream_options": {"include_usage": True},
            **sampling_fields(sampling, self._dialect),
        }
        if self.chats:
            body.update(self._chat_fields(prompt))
        else:
            body["prompt"] = without_surrogates(prompt)
        if output is not None:
            body.update(output_fields(output, self._dialect, self.chats))
        return {**body, **self._extra}

    def _chat_fields(self, prompt: str) -> dict[str, Any]:
        messages = split_messages(prompt)
        prefix = reply_prefix(prompt)
        if not prefix and messages[-1].role == "assistant":
            messages.pop()
        sent = [
            {"role": each.role, "content": without_surrogates(each.content)} for each in messages
        ]
        continuing = self._dialect.continue_fields if prefix else {}
        return {"messages": sent, **self._dialect.disable_thinking, **continuing}

    def accepted(self, body: dict[str, Any]) -> dict[str, Any]:
        """`body` without the fields that this server has refused."""
        return without_fields(body, self.refused)

    def note_refusal(self, body: dict[str, Any], error: str) -> bool:
        """Remember the fields that a 400 or 422 complains of. False where it names none of ours.

        Fields that the host wrote into `extra` are sent again all the same.
        """
        refused = refused_fields(body, error) - self._extra.keys()
        self.refused |= refused
        return bool(refused)


def without_surrogates(text: str) -> str:
    """`text` without lone surrogates, which JSON may carry and UTF-8 may not."""
    return text.encode("utf-8", "ignore").decode("utf-8")
