"""One reply from the server: its stream of tokens, its deadlines, its retries and its end."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

from inference.engines.base import Finish, NewText, RequestId
from inference.engines.openai.connection import Connection, read_error_body
from inference.engines.openai.dialects import token_number
from inference.engines.openai.errors import ResponseTooLarge, ServerError
from inference.engines.openai.requests import RequestBuilder, without_surrogates
from inference.engines.openai.sse import EventStream
from inference.engines.openai.thinking import ThinkingFilter
from inference.engines.servers import Server

# A failed request is sent again only before its first token: players have read what came after.
RETRY_DELAYS = (0.5, 2.0)  # seconds
NO_RETRY = float("inf")
MAX_RETRY_DELAY = 15.0  # seconds; a server that asks for a longer wait fails the reply

USAGE_SECONDS = 5.0  # for the server to report token counts, once a reply is complete
SECONDS_PER_TOKEN = 2.0  # for the deadline of a whole reply, where the host sets none

# Bytes of a stream that are accepted before it is parsed.
MAX_REPLY_BYTES = 1 << 20  # beside what its tokens may need
MAX_TOKEN_BYTES = 16 << 10  # one event each, with everything that servers put into it

THINKING_ONLY = (
    "it spent all its words on thinking: the host should switch the model's thinking "
    "off, or take a model that does not think"
)


class StreamedReply:
    """One request to the server and the state of its stream.

    `report` gets each new text, the last one with its `finish`. All times are of the event loop's
    clock, in seconds.
    """

    def __init__(
        self,
        number: RequestId,
        body: dict[str, Any],
        max_tokens: int,
        connection: Connection,
        requests: RequestBuilder,
        server: Server,
        report: Callable[[NewText], None],
    ) -> None:
        """`body` is the request as `requests` built it, with every field."""
        self._number = number
        self._body = body
        self._max_tokens = max_tokens
        self._connection = connection
        self._errors = connection.errors
        self._requests = requests
        self._server = server
        self._report = report
        self.task: asyncio.Task[None] | None = None
        self.prompt_tokens: int | None = None  # as the server counted them
        self._tokens = 0  # reported so far
        self._has_text = False  # any text was reported, so that no retry is possible
        self._deadline = 0.0  # of the next token, or of the end
        self._reply_deadline = 0.0  # of the whole reply
        self._reset()

    def _reset(self) -> None:
        """Forget a stream that ended before its first token."""
        self._thinking = ThinkingFilter()
        self.sent_reasoning = False  # in a field of its own
        self._held_tokens = 0  # tokens whose text is held back, as it may begin a tag
        self._finish: Finish | None = None
        self._completion_tokens: int | None = None  # as the server counted them

    @property
    def thought(self) -> bool:
        """Whether the model has sent any thinking."""
        return self.sent_reasoning or self._thinking.found

    @property
    def seconds_allowed(self) -> float:
        """How long the whole reply may take."""
        estimate = self._server.timeout + SECONDS_PER_TOKEN * self._max_tokens
        return self._server.reply_timeout or estimate

    async def run(self, slots: asyncio.Semaphore) -> None:
        """Generate the reply once a slot is free, with retries. Every error becomes its end."""
        async with slots:
            now = self._connection.loop.time()
            self._reply_deadline = now + self.seconds_allowed
            self._deadline = min(now + self._server.timeout, self._reply_deadline)
            for retry_delay in (*RETRY_DELAYS, NO_RETRY):
                self._reset()
                try:
                    await self._request()
                    self._end_complete()
                    return
                except ServerError as error:
                    delay = max(retry_delay, error.retry_after or 0)
                    if delay > MAX_RETRY_DELAY or self._has_text or not error.transient:
                        self.end("error", str(error))
                        return
                    await asyncio.sleep(delay)
                except Exception as error:  # a bug of ours must not leave the turn without an end
                    self.end("error", f"{type(error).__name__}: {error}")
                    raise

    async def _request(self) -> None:
        """Send the request, again for each field that the server turns out to refuse.

        Raises ServerError.
        """
        while True:
            url = f"{self._connection.base}{self._requests.path}"
            body = self._requests.accepted(self._body)
            try:
                async with asyncio.timeout_at(self._deadline) as timeout:
                    async with self._connection.stream(url, body) as response:
                        if response.status_code == 200:
                            await self._read(response, timeout)
                            return
                        raw = await read_error_body(response)
                        error_text = raw.decode(errors="replace")
            except TimeoutError:
                if self._finish:
                    return
                raise self._timeout_error() from None
            except ResponseTooLarge:
                if self._finish:
                    return
                raise self._errors.too_large() from None
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise self._errors.unreachable(error) from None
            except httpx.HTTPError:
                if self._finish:
                    return
                raise self._errors.disconnected() from None
            status = response.status_code
            if status not in (400, 422) or not self._requests.note_refusal(body, error_text):
                raise self._errors.for_status(status, error_text, response.headers)

    async def _read(self, response: httpx.Response, timeout: asyncio.Timeout) -> None:
        """Read events until the server says that the reply is done.

        Raises ServerError, ResponseTooLarge and httpx.HTTPError.
        """
        headers = response.headers
        if "text/event-stream" not in headers.get("content-type", "").lower():
            raise self._errors.unexpected_response()
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise self._errors.unexpected_response()
        events = EventStream()
        size, limit = 0, MAX_REPLY_BYTES + MAX_TOKEN_BYTES * self._max_tokens
        async for raw in response.aiter_raw():
            size += len(raw)
            if size > limit:
                raise ResponseTooLarge
            try:
                complete = events.feed(raw)
            except ValueError:
                raise self._errors.unexpected_response() from None
            for data in complete:
                if data.strip() == "[DONE]":
                    return
                self._handle_event(data)
            timeout.reschedule(self._deadline)
        if self._finish is None:
            raise self._errors.disconnected()

    def _handle_event(self, data: str) -> None:
        """One event: text, thinking, the reason of the end, or token counts. Raises ServerError."""
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise self._errors.unexpected_response() from None
        if not isinstance(event, dict):
            raise self._errors.unexpected_response()
        if event.get("error"):
            raise self._errors.in_stream(data)
        usage = event.get("usage")
        if isinstance(usage, dict):
            self._completion_tokens = token_number(usage.get("completion_tokens"))
            self.prompt_tokens = token_number(usage.get("prompt_tokens"))
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        if not isinstance(choice, dict):
            raise self._errors.unexpected_response()
        delta = choice.get("delta") if self._requests.chats else choice
        if isinstance(delta, dict):
            self._handle_delta(delta)
        if self._finish is None and isinstance(choice.get("finish_reason"), str):
            self._handle_finish(choice["finish_reason"])

    def _handle_delta(self, delta: dict[str, Any]) -> None:
        if delta.get("reasoning_content") or delta.get("reasoning"):
            self.sent_reasoning = True
        text = delta.get("content" if self._requests.chats else "text")
        if isinstance(text, str) and text:
            self._add_text(text)
            if self._has_text:
                self._extend_deadline(self._server.timeout)

    def _handle_finish(self, reason: str) -> None:
        self._extend_deadline(USAGE_SECONDS)
        self._finish = "length" if reason == "length" else "stop"
        if reason == "content_filter":
            raise ServerError("its server's filter ended the reply")

    def _extend_deadline(self, seconds: float) -> None:
        """Text or the end has come; events with neither do not extend the deadline."""
        if self._finish is None:
            self._deadline = min(self._connection.loop.time() + seconds, self._reply_deadline)

    def _add_text(self, text: str) -> None:
        """Report what of `text` is no thinking. An event counts as one token until the end."""
        visible = without_surrogates(self._thinking.feed(text))
        if visible:
            self._report_text(visible, 1 + self._held_tokens)
            self._held_tokens = 0
        elif self._thinking.inside:
            self._held_tokens = 0
        else:
            self._held_tokens += 1

    def _report_text(self, text: str, tokens: int) -> None:
        self._has_text = self._has_text or bool(text)
        self._tokens += tokens
        self._report(NewText(self._number, text, tokens))

    def _end_complete(self) -> None:
        """End a complete reply, and report tokens that the server has counted and we have not."""
        thought = self.thought
        rest = self._thinking.finish()
        if rest:
            self._report_text(rest, self._held_tokens)
        if thought and not self._has_text:
            self.end("error", THINKING_ONLY)
            return
        missing = 0
        if self._completion_tokens is not None and not thought:
            missing = max(0, self._completion_tokens - self._tokens)
        self.end(self._finish or "stop", tokens=missing)

    def end(self, finish: Finish, error: str = "", tokens: int = 0) -> None:
        """Report the end. `tokens` are those that no text was reported for."""
        self._report(NewText(self._number, "", tokens, finish, error))

    def _timeout_error(self) -> ServerError:
        """Which of the two deadlines has passed."""
        if self._connection.loop.time() >= self._reply_deadline:
            return self._errors.reply_timeout(self.seconds_allowed)
        thinking = self.thought and not self._has_text
        return self._errors.token_timeout(self._server.timeout, thinking)
