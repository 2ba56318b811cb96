"""What can go wrong with a server, as one line for players and host."""

import contextlib
import json
from typing import Any

import httpx

TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504, 529}
MESSAGE_CHARS = 200  # of a server's own message


class ResponseTooLarge(Exception):
    """A response has more bytes than any that is of use."""


class ServerError(Exception):
    """Why the server gives no reply, in words for players and host.

    `transient` errors are worth a retry, after `retry_after` seconds where the server asks for it.
    """

    def __init__(
        self, message: str, transient: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.retry_after = retry_after


class ErrorMessages:
    """Makes the ServerErrors of one server. None of them holds the host's key."""

    def __init__(self, host: str, key: str, key_name: str) -> None:
        """`host` is shown in messages; `key_name` is the environment variable that holds `key`."""
        self._key = key
        self._key_name = key_name
        self.server = f"its server ({host})"

    def unreachable(self, error: Exception) -> ServerError:
        """No connection was made, or the address is not one."""
        reason = self.one_line(str(error))
        return ServerError(
            f"{self.server} cannot be reached{': ' + reason if reason else ''}",
            transient=isinstance(error, httpx.TransportError),
        )

    def disconnected(self) -> ServerError:
        """The connection closed before the reply was complete."""
        return ServerError(f"{self.server} broke off", transient=True)

    def too_large(self) -> ServerError:
        """The reply has more bytes than its tokens can need."""
        return ServerError(f"{self.server} sends more than was asked for")

    def unexpected_response(self) -> ServerError:
        """The response is not what OpenAI's protocol has."""
        return ServerError(
            f"{self.server} answers in a way that is not understood: is it "
            "OpenAI-compatible, and does the address end as its manual says (often /v1)?"
        )

    def reply_timeout(self, seconds: float) -> ServerError:
        """The whole reply took longer than `seconds`."""
        return ServerError(f"{self.server} was not done with the reply after {seconds:.0f} s")

    def token_timeout(self, seconds: float, thinking: bool) -> ServerError:
        """No token came for `seconds`; `thinking` says that the model was not silent meanwhile."""
        if not thinking:
            return ServerError(f"{self.server} said nothing for {seconds:.0f} s")
        return ServerError(
            f"{self.server} was thinking for {seconds:.0f} s: the host should switch "
            "the model's thinking off, or take a model that does not think"
        )

    def in_stream(self, event: str) -> ServerError:
        """The server reported an error as an event of the stream."""
        return ServerError(f"its server says: {self.one_line(event)}")

    def for_status(self, status: int, body: str, headers: httpx.Headers) -> ServerError:
        """What a response with a status other than 200 means."""
        if status in (401, 403):
            key = self._key_name or "server.key is not set"
            return ServerError(f"{self.server} does not accept the host's key ({key})")
        reason = self.one_line(body)
        reason = f": {reason}" if reason else ""
        if status == 404:
            return ServerError(f"{self.server} does not know the model or the address{reason}")
        wait = parse_retry_after(headers.get("retry-after"))
        if status == 429:
            when = f"; try again in {wait:.0f} s" if wait else "; try again in a while"
            return ServerError(f"{self.server} has too much to do{when}", True, wait)
        if 300 <= status < 400:
            return ServerError(f"{self.server} has moved: correct its address")
        return ServerError(
            f"{self.server} answered {status}{reason}", status in TRANSIENT_STATUSES, wait
        )

    def one_line(self, text: str) -> str:
        """The message in a server's error: short, without HTML, and without the host's key."""
        with contextlib.suppress(ValueError, RecursionError):
            text = find_message(json.loads(text)) or text
        if "<html" in text[:1000].lower():
            return ""
        text = " ".join(text.split())
        if self._key:
            text = text.replace(self._key, "…")
        return text if len(text) <= MESSAGE_CHARS else f"{text[:MESSAGE_CHARS]}…"


def parse_retry_after(header: str | None) -> float | None:
    """The seconds of a Retry-After header; None for a date, which model servers do not send."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def find_message(body: Any) -> str:
    """The message of a parsed error body, under whichever name the server puts it; or ""."""
    for name in ("error", "message", "detail"):
        if isinstance(body, dict) and body.get(name):
            body = body[name]
    return body if isinstance(body, str) else ""
