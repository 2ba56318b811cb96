"""Limits on the size, the speed and the number of request bodies, applied before they are read.

Daphne reads a request to its end before the application sees it (daphne #483), so a client that
sends a gigabyte to any address makes the process hold a gigabyte. Here the channel that reads a
connection asks, once the headers are there, how large a body this address accepts, and answers 413
instead of reading more; a body without a length (chunked) is counted as it arrives. Twisted's
timeout starts again with each byte; here headers have a deadline (the server's `patience`), and a
body has a minimum speed, measured over that time.
"""

import math
import time
from io import BytesIO
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.web.http import HTTPChannel

BODY_BYTES = 256 * 1024  # limit of an address for which the application gives none
LARGE_BYTES = 64 * 1024  # bodies up to this are accepted even while large ones use their share
ALL_LARGE_BYTES = 64 * 1024 * 1024  # memory of all open requests with large bodies
ALL_BYTES = 2 * ALL_LARGE_BYTES
SLOWEST = 1024  # bytes a second, at least, at which a body is sent and an answer is read
LINGER_SECONDS = 5.0  # how long data after a refusal is read and dropped
LINGER_BYTES = 64 * 1024 * 1024

TOO_SLOW = b"That came too slowly. Check the connection, go back, and send it again.\n"
TOO_MANY = b"This server is reading too much at the moment. Wait a minute, and send it again.\n"


class LimitedRequest(WebRequest):
    """A request. When it is `refused`, the application gets it without its body."""

    def __init__(self, channel: Any, *_: Any, **__: Any) -> None:
        # Twisted would read forms as well, a second time and on the event loop.
        super().__init__(channel, parsePOSTFormSubmission=False)
        self.limit: int | None = None  # bytes; unknown until the headers are there
        self.received = 0
        self.reserved = 0  # bytes of the server's `body_bytes` that are this request's
        self.refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        """Twisted's hook: the body begins. It is stored in memory."""
        self.content = BytesIO()  # Twisted opens a file from 100 kB on; ours are small

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """Store a part of the body, unless it is over the limit: the channel then refuses it."""
        self.received += len(data)
        if not self.too_large:
            super().handleContentChunk(data)

    def process(self) -> Any:
        """Pass the request to the application; a refused one cannot become a socket."""
        if self.refused:  # no socket either
            self.requestHeaders.removeHeader(b"upgrade")
        return super().process()

    @property
    def too_large(self) -> bool:
        """Whether more bytes arrived than this address accepts."""
        return self.limit is not None and self.received > self.limit

    def reserve_memory(self, size: int) -> bool:
        """Count `size` bytes as used until the answer. False where all requests use too many."""
        more = size - self.reserved
        if more <= 0:
            return True
        room = ALL_LARGE_BYTES if size > LARGE_BYTES else ALL_BYTES
        if self.server.body_bytes + more > room:
            return False
        self.server.body_bytes += more
        self.reserved = size
        return True

    def release_memory(self) -> None:
        """Give the request's bytes back to the server's budget."""
        self.server.body_bytes -= self.reserved
        self.reserved = 0

    def finish(self) -> None:
        """Twisted's hook: the answer is complete."""
        self.release_memory()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """Twisted's hook: the client left before the answer was complete."""
        self.release_memory()
        super().connectionLost(reason)


class LimitedChannel(HTTPChannel):
    """Reads one connection's requests, each within its limits."""

    factory: Any
    transport: Any
    abortTimeout = None  # noqa: N815 (ours counts what waits to be sent)
    # When the headers, the body and the end of the connection began; None outside them.
    headers_since: float | None = None
    body_since: float | None = None
    ending_since: float | None = None
    deadline = math.inf  # by when the client must have read the answer
    received_before = 0  # bytes of the body before `body_since`
    dropping = False  # what arrives is dropped: the request is refused
    dropped = 0

    def connectionMade(self) -> None:  # noqa: N802
        """Twisted's hook: a client has connected."""
        super().connectionMade()
        self.requestFactory = LimitedRequest  # after Daphne's factory has set its own
        self.open_channels = self.factory.server.channels
        self.patience = self.factory.server.patience  # seconds

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Start the deadline for headers with the first bytes of a request."""
        if not self._handlingRequest and self not in self.open_channels:
            self.headers_since = time.monotonic()
            self.open_channels.add(self)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:  # noqa: N802
        """Decide by the headers: refuse, answer 503, or read the body."""
        self.headers_since = None
        self.body_since, self.received_before = time.monotonic(), 0
        request = self.requests[-1]
        request.limit = self.factory.server.body_limit(self._path)
        if self.length is not None and self.length > request.limit:
            self.pass_on_without_body(request)  # Twisted goes on with a request that has none
        elif self.length and not request.reserve_memory(self.length):
            self.answer(503, b"Service Unavailable", TOO_MANY)
        else:
            super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        """Count a body as it arrives, and refuse it when it exceeds its limit or the server's."""
        if self.dropping:
            self.drop(data)
            return
        super().rawDataReceived(data)
        if self._handlingRequest or not self.requests:
            return
        request = self.requests[-1]
        if request.too_large:
            self.pass_on_without_body(request)
            self.allContentReceived()
        elif not request.reserve_memory(request.received):
            self.answer(503, b"Service Unavailable", TOO_MANY)

    def drop(self, data: bytes) -> None:
        """Drop a part of a refused body; after LINGER_BYTES of it, the connection."""
        if self.ending_since is None:
            # The answer is not written yet. A client on a fast connection would have sent
            # LINGER_BYTES by then and be cut off without the answer, so its data waits until
            # `loseConnection` reads on.
            self._networkProducer.pauseProducing()
            return
        self.dropped += len(data)
        if self.dropped > LINGER_BYTES:
            self.transport.abortConnection()

    def _finishRequestBody(self, data: bytes) -> None:  # noqa: N802
        """End the body, unless it is too large: rawDataReceived, which calls this, refuses it."""
        if not self.requests[-1].too_large:
            super()._finishRequestBody(data)

    def allContentReceived(self) -> None:  # noqa: N802
        """End the time limits: the request is complete."""
        self.body_since = None
        self.open_channels.discard(self)
        super().allContentReceived()

    def pass_on_without_body(self, request: LimitedRequest) -> None:
        """Let the application refuse the request, with a page of its own."""
        request.release_memory()
        request.refused = True
        request.gotLength(0)
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        self.persistent = False
        self.length = 0
        self._transferDecoder = None
        self.dropping = True

    def answer(self, status: int, reason: bytes, text: bytes) -> None:
        """Answer in plain text without the application, and end the connection."""
        lines = [
            b"HTTP/1.1 %d %s" % (status, reason),
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Length: %d" % len(text),
            b"Retry-After: 60",
            b"Connection: close",
        ]
        self.transport.write(b"\r\n".join([*lines, b"", text]))
        self.dropping = True
        self.setRawMode()
        self.loseConnection()

    # The end

    def loseConnection(self) -> None:  # noqa: N802
        """End the connection once the answer is out.

        While the client is still sending, closing would make its kernel discard our answer. So only
        our direction is closed, and what the client sends is dropped for a while.
        """
        if self.ending_since is not None:
            return
        self.ending_since = time.monotonic()
        self.deadline = self.ending_since + self.patience + self.unsent / SLOWEST
        self.open_channels.add(self)
        if self.dropping:
            self._networkProducer.resumeProducing()
            self._networkProducer.unregisterProducer()
            self.transport.loseWriteConnection()
        else:
            super().loseConnection()

    @property
    def unsent(self) -> int:
        """Bytes of answers that are not in the kernel's buffer yet."""
        waiting: int = len(self.transport.dataBuffer) - self.transport.offset
        return waiting + int(self.transport._tempDataLen)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """Twisted's hook: the connection has ended."""
        self.open_channels.discard(self)
        super().connectionLost(reason)

    # Time

    def check_timeouts(self) -> None:
        """Apply the time limits; called several times within `patience` seconds."""
        now = time.monotonic()
        if self.ending_since is not None:
            lingered = (
                self.dropping and not self.unsent and now - self.ending_since > LINGER_SECONDS
            )
            if lingered or now > self.deadline:
                self.transport.abortConnection()
        elif self.headers_since is not None:
            if now - self.headers_since > self.patience:
                self.answer(408, b"Request Timeout", TOO_SLOW)
        elif self.body_since is not None and now - self.body_since > self.patience:
            received = self.requests[-1].received
            if received - self.received_before < SLOWEST * self.patience:
                self.answer(408, b"Request Timeout", TOO_SLOW)
            self.body_since, self.received_before = now, received
