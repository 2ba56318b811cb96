"""How large, how slow and how many the bodies of requests may be. Decided before they are read.

Daphne reads a request to its end before the application sees it (daphne #483), so whoever sends a
gigabyte to any address at all makes the process hold a gigabyte. Here the channel that reads a
connection asks, as soon as the headers are there, how much this address takes, and answers 413 in
place of reading more; a body without a length (chunked) is counted as it comes. Twisted's timeout
starts again with each byte; here headers have a deadline (the server's `patience`), and a body has
to keep a pace, measured over that time.
"""

import math
import time
from io import BytesIO
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.web.http import HTTPChannel

BODY_BYTES = 256 * 1024  # what an address takes unless the application says otherwise
LARGE_BYTES = 64 * 1024  # bodies up to this are taken even while large ones fill their share
ALL_LARGE_BYTES = 64 * 1024 * 1024  # held by requests under way, all together
ALL_BYTES = 2 * ALL_LARGE_BYTES
SLOWEST = 1024  # bytes a second that a body has to bring, and that an answer has to be taken at
LINGER_SECONDS = 5.0  # what still comes after a refusal is dropped for so long
LINGER_BYTES = 64 * 1024 * 1024

TOO_SLOW = b"That came too slowly. Check the connection, go back, and send it again.\n"
TOO_MANY = b"This server is reading too much at the moment. Wait a minute, and send it again.\n"


class LimitedRequest(WebRequest):
    """A request that may be handed to the application before its body was read: `refused`."""

    def __init__(self, channel: Any, *_: Any, **__: Any) -> None:
        # Twisted would read forms as well, a second time and on the event loop.
        super().__init__(channel, parsePOSTFormSubmission=False)
        self.most: int | None = None  # bytes; unknown until the headers are there
        self.received = 0
        self.held = 0  # what it counts for in the server's `body_bytes`
        self.refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        self.content = BytesIO()  # Twisted opens a file from 100 kB on; ours are small

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """Keep a piece of the body, unless it is over the limit: the channel then refuses it."""
        self.received += len(data)
        if not self.too_large:
            super().handleContentChunk(data)

    def process(self) -> Any:
        if self.refused:  # no socket either
            self.requestHeaders.removeHeader(b"upgrade")
        return super().process()

    @property
    def too_large(self) -> bool:
        return self.most is not None and self.received > self.most

    def hold(self, size: int) -> bool:
        """Count `size` bytes as in memory until the answer. False where that is too many."""
        more = size - self.held
        if more <= 0:
            return True
        room = ALL_LARGE_BYTES if size > LARGE_BYTES else ALL_BYTES
        if self.server.body_bytes + more > room:
            return False
        self.server.body_bytes += more
        self.held = size
        return True

    def let_go(self) -> None:
        self.server.body_bytes -= self.held
        self.held = 0

    def finish(self) -> None:
        self.let_go()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.let_go()
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
    give_up_at = math.inf  # the end of the patience with who does not take the answer
    brought = 0  # bytes of the body before `body_since`
    dropping = False  # what comes is thrown away: the answer does not depend on it
    dropped = 0

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        self.requestFactory = LimitedRequest  # after Daphne's factory has set its own
        self.watched = self.factory.server.channels
        self.patience = self.factory.server.patience  # seconds

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._handlingRequest and self not in self.watched:
            self.headers_since = time.monotonic()
            self.watched.add(self)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:  # noqa: N802
        self.headers_since = None
        self.body_since, self.brought = time.monotonic(), 0
        request = self.requests[-1]
        request.most = self.factory.server.body_limit(self._path)
        if self.length is not None and self.length > request.most:
            self.hand_on_without_body(request)  # Twisted goes on with a request that has none
        elif self.length and not request.hold(self.length):
            self.say(503, b"Service Unavailable", TOO_MANY)
        else:
            super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        if self.dropping:
            self.drop(data)
            return
        super().rawDataReceived(data)
        if self._handlingRequest or not self.requests:
            return
        request = self.requests[-1]
        if request.too_large:
            self.hand_on_without_body(request)
            self.allContentReceived()
        elif not request.hold(request.received):
            self.say(503, b"Service Unavailable", TOO_MANY)

    def drop(self, data: bytes) -> None:
        """Throw away a piece of a body that was refused; after too much of it, the connection."""
        if self.ending_since is None:
            # The answer is not written yet. A client on a fast line would have sent LINGER_BYTES by
            # then, and be cut off without it: it waits, and `loseConnection` reads on.
            self._networkProducer.pauseProducing()
            return
        self.dropped += len(data)
        if self.dropped > LINGER_BYTES:
            self.transport.abortConnection()

    def _finishRequestBody(self, data: bytes) -> None:  # noqa: N802
        """The body is whole. One that is too large is refused by rawDataReceived, which asked."""
        if not self.requests[-1].too_large:
            super()._finishRequestBody(data)

    def allContentReceived(self) -> None:  # noqa: N802
        self.body_since = None
        self.watched.discard(self)
        super().allContentReceived()

    def hand_on_without_body(self, request: LimitedRequest) -> None:
        """Let the application refuse the request, in its own words and looks."""
        request.let_go()
        request.refused = True
        request.gotLength(0)
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        self.persistent = False
        self.length = 0
        self._transferDecoder = None
        self.dropping = True

    def say(self, status: int, reason: bytes, text: bytes) -> None:
        """Answer without the application, and end the connection."""
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

        Where the client is still sending, closing would make its kernel throw our answer away: it
        gets the end of ours first, and what it sends is dropped for a while.
        """
        if self.ending_since is not None:
            return
        self.ending_since = time.monotonic()
        self.give_up_at = self.ending_since + self.patience + self.unsent / SLOWEST
        self.watched.add(self)
        if self.dropping:
            self._networkProducer.resumeProducing()
            self._networkProducer.unregisterProducer()
            self.transport.loseWriteConnection()
        else:
            super().loseConnection()

    @property
    def unsent(self) -> int:
        """Bytes of answers that the kernel has not taken yet."""
        waiting: int = len(self.transport.dataBuffer) - self.transport.offset
        return waiting + int(self.transport._tempDataLen)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.watched.discard(self)
        super().connectionLost(reason)

    # Time

    def check_timeouts(self) -> None:
        """Look at the clock, several times in each span of patience."""
        now = time.monotonic()
        if self.ending_since is not None:
            lingered = (
                self.dropping and not self.unsent and now - self.ending_since > LINGER_SECONDS
            )
            if lingered or now > self.give_up_at:
                self.transport.abortConnection()
        elif self.headers_since is not None:
            if now - self.headers_since > self.patience:
                self.say(408, b"Request Timeout", TOO_SLOW)
        elif self.body_since is not None and now - self.body_since > self.patience:
            received = self.requests[-1].received
            if received - self.brought < SLOWEST * self.patience:
                self.say(408, b"Request Timeout", TOO_SLOW)
            self.body_since, self.brought = now, received
