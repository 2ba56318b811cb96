"""HTTP connections to one server: pool, limits on size and time, and the event loop.

Everything runs on the engine's one thread. Requests are tasks of an event loop of our own, which
runs only inside `run`.
"""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from inference.engines.openai.errors import ErrorMessages, ResponseTooLarge
from inference.narrators import Narrator

T = TypeVar("T")

CONNECT_SECONDS = 10.0
# Bytes of a response that are accepted before any of it is parsed.
MAX_RESPONSE_BYTES = 4 << 20  # a list of hundreds of models has one million
MAX_ERROR_BYTES = 64 << 10

# httpx logs every request, and counting tokens makes many.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Response:
    """A whole response that is no stream."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body, with U+FFFD for what is not UTF-8."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The parsed body. Raises ValueError, and RecursionError for one nested too deeply."""
        return json.loads(self.body)


class Connection:
    """A pool of connections to a narrator's server. `base` is its address, often up to /v1."""

    def __init__(self, narrator: Narrator) -> None:
        """Read the server's key; nothing is sent yet. Raises ValueError where it is missing."""
        self.base = narrator.model.rstrip("/")
        self.host = urlsplit(self.base).netloc
        key = read_key(narrator.server.key, self.host)
        self.errors = ErrorMessages(self.host, key, narrator.server.key)
        self.loop = asyncio.new_event_loop()
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(
            # No compression: a small response may unpack to an endless one.
            headers={"Accept-Encoding": "identity", **authorization},
            # A proxy from the environment serves requests to other hosts, not those to this one.
            trust_env=bool(narrator.words_go_to),
            timeout=httpx.Timeout(CONNECT_SECONDS, read=None),  # each request has its own deadline
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=narrator.slots),
        )

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the event loop, and with it every open stream, until `coroutine` is done."""
        return self.loop.run_until_complete(coroutine)

    def fetch(self, method: str, url: str, seconds: float, body: Any = None) -> Response:
        """One whole response; open streams go on meanwhile.

        Raises httpx.HTTPError, TimeoutError once `seconds` have passed, and ResponseTooLarge.
        """

        async def fetch() -> Response:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(method, url, json=body) as response,
            ):
                if response.status_code == 200:
                    raw = await read_body(response, MAX_RESPONSE_BYTES)
                else:
                    raw = await read_error_body(response)
                return Response(response.status_code, response.headers, raw)

        return self.run(fetch())

    def stream(
        self, url: str, body: dict[str, Any]
    ) -> contextlib.AbstractAsyncContextManager[httpx.Response]:
        """POST a request whose response is read as it arrives. Raises httpx.HTTPError."""
        return self._client.stream("POST", url, json=body)

    def close(self) -> None:
        """Close every connection and the event loop."""
        self.run(self._client.aclose())
        self.loop.close()


def read_key(name: str, host: str) -> str:
    """The key in the environment variable `name`; "" where `name` is empty.

    Raises ValueError where the variable is missing or cannot be sent in a header.
    """
    if not name:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        raise ValueError(f"the key of {host} is missing: set {name} in the environment")
    if not key.isascii() or not key.isprintable():
        raise ValueError(f"{name} in the environment is no key: it holds strange characters")
    return key


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """The body of a response. Raises ResponseTooLarge beyond `limit` bytes."""
    raw = await read_at_most(response, limit + 1)
    if len(raw) > limit:
        raise ResponseTooLarge
    return raw


async def read_error_body(response: httpx.Response) -> bytes:
    """The beginning of an error's body, at most MAX_ERROR_BYTES."""
    return await read_at_most(response, MAX_ERROR_BYTES)


async def read_at_most(response: httpx.Response, limit: int) -> bytes:
    """The first `limit` bytes of a body, as they were sent; reads no further."""
    raw = bytearray()
    async for piece in response.aiter_raw():
        raw += piece
        if len(raw) >= limit:
            break
    return bytes(raw[:limit])
