"""The web server: Daphne, with limits on what one connection may use.

    python -m dungeon.web -b 127.0.0.1 -p 8000 dungeon.asgi:application

Daphne gives Twisted every frame at once, and Twisted keeps it until the browser has read it
(daphne #170): a page that stops reading makes the process grow without end. Here an application's
`send` waits while its socket is full. A page that reads nothing for too long loses its socket and
reconnects with the last log id it saw. Messages that the application has not read yet are limited
as well. Limits on the size and speed of requests are in dungeon.http_limits. Daphne's options mean
what they mean in Daphne; some have other defaults.
"""

import asyncio
import logging
import math
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import unquote

from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor

from dungeon.http_limits import BODY_BYTES, LimitedChannel, LimitedRequest
from dungeon.logs import without_tokens
from inference.log_context import where
from inference.worker import runtime_tuning

logger = logging.getLogger(__name__)

FRAME_BYTES = 64 * 1024  # a client's message, and so each of its frames: docs/protocol.md
KERNEL_BYTES = 128 * 1024  # Linux would buffer megabytes for each socket
UNREAD_BYTES = 1024 * 1024  # messages that the application has not read yet
UNREAD_COST = 1024  # bytes of memory for a message beside its text, about
PATIENCE = 20.0  # seconds in which a full socket must be read from, and headers must arrive
SLOWEST = 16 * 1024  # bytes a second that a client reads at least: large messages get longer
CLOSE_SECONDS = 5  # to answer a close frame
FLOODING = 4429


class Socket(WebSocketProtocol):
    """One WebSocket, and the producer that Twisted pauses while over 64 KiB wait to be sent."""

    def connectionMade(self) -> None:  # noqa: N802
        """Twisted's hook: the handshake is complete."""
        # The HTTP channel that read the handshake is still registered as the producer.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        with suppress(AttributeError, OSError):
            handle = self.transport.getHandle()
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self.sending = asyncio.Lock()
        self.writable = asyncio.Event()
        self.writable.set()
        self.full = False
        self.deadline = math.inf
        self.unanswered_ping: bytes | None = None
        self.unread: deque[int] = deque()
        super().connectionMade()

    # Out

    def sendMessage(self, payload: bytes, isBinary: bool = False, **_: Any) -> None:  # noqa: N802, N803
        """Write a message of any size: autobahn applies the client's limit to ours as well."""
        self.sendFrame(opcode=2 if isBinary else 1, payload=payload)
        self.deadline += len(payload) / SLOWEST

    def sendData(  # noqa: N802
        self, data: bytes, sync: bool = False, chopsize: int | None = None
    ) -> None:
        """Write octets. autobahn's own method formats a log line first, even if it is not shown."""
        if sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
            return
        rest = self.write_to_kernel(data)
        if rest:
            self.transport.write(rest)
        if self.state == self.STATE_OPEN:
            self.trafficStats.outgoingOctetsWireLevel += len(data)

    def write_to_kernel(self, data: bytes) -> bytes:
        """Write what the kernel accepts at once, where nothing waits before it. Returns the rest.

        Twisted would first wait until the socket is writable: three system calls for each frame,
        while most frames are a few words that can be written at once.
        """
        transport = self.transport
        waits = getattr(transport, "_tempDataBuffer", True) or transport.dataBuffer
        if waits or transport.TLS or not transport.connected or transport.disconnecting:
            return data
        taken = transport.writeSomeData(data)
        # An exception is a connection that was lost: Twisted finds out by itself.
        return data[taken:] if isinstance(taken, int) else data

    def pauseProducing(self) -> None:  # noqa: N802
        """Twisted's hook: the socket is full. Called again with every write."""
        if not self.full:
            self.full = True
            self.writable.clear()
            self.deadline = time.monotonic() + self.factory.server_class.patience

    def resumeProducing(self) -> None:  # noqa: N802
        """Twisted's hook: everything was sent."""
        self.full = False
        self.deadline = math.inf
        self.writable.set()
        if self.unanswered_ping is not None:
            payload, self.unanswered_ping = self.unanswered_ping, None
            self.sendPong(payload)

    def stopProducing(self) -> None:  # noqa: N802
        """Twisted's hook: the connection was lost; onClose follows."""

    # Pings

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        """Answer a ping; while the socket is full only the newest, later (RFC 6455, 5.5.3)."""
        if self.full:
            self.unanswered_ping = payload
        else:
            super().onPing(payload)

    def onAutoPingTimeout(self) -> None:  # noqa: N802
        """No pong came. While the socket is full our ping may not even have arrived."""
        if self.full:
            self.autoPingTimeoutCall = None
        else:
            super().onAutoPingTimeout()

    def check_timeouts(self) -> None:
        """Apply the time limits; called every two seconds."""
        if self.full or self.autoPingTimeoutCall is not None:
            # One ping at a time: with a second one autobahn loses the timer of the first, which
            # then drops a page that answered.
            self.last_ping = time.time()
        super().check_timeouts()
        if time.monotonic() > self.deadline:
            logger.info("a socket is dropped: nothing was read from it for too long")
            self.dropConnection(abort=True)
            self.transport.abortConnection()  # also where the end had begun

    # In

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        """Pass a message on, unless the application has too many unread ones already."""
        if self.state != self.STATE_OPEN:
            return
        while len(self.unread) > self.application_queue.qsize():
            self.unread.popleft()
        self.unread.append(len(payload) + UNREAD_COST)
        if len(self.unread) > 1 and sum(self.unread) > UNREAD_BYTES:
            self.sendClose(code=FLOODING)
        else:
            super().onMessage(payload, isBinary)

    def onFrameData(self, payload: bytes) -> bool | None:  # noqa: N802
        """Skip data after a refused control frame: autobahn would store it, up to 2^63 bytes."""
        frame = self.current_frame
        if frame.opcode > 7 and frame.length > 125:
            return None
        answer: bool | None = super().onFrameData(payload)
        return answer

    # The end

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802
        """End the connection. Unsent data is sent first, if the page reads it in time."""
        super().dropConnection(abort)
        self.writable.set()
        self.deadline = min(self.deadline, time.monotonic() + self.factory.server_class.patience)

    def onClose(self, *how: Any) -> None:  # noqa: N802
        """autobahn's hook: the socket has ended; a `send` that waits goes on."""
        super().onClose(*how)
        self.writable.set()

    def connectionLost(self, *why: Any) -> None:  # noqa: N802
        """Twisted's hook: the connection has ended."""
        super().connectionLost(*why)
        # A reference cycle, which would stay in memory until the next garbage collection.
        self.is_closed = None


class AccessLog:
    """Daphne's access log (--access-log), without the tokens in paths."""

    def __init__(self, write: Any) -> None:
        self.write = write

    def __call__(self, protocol: str, action: str, details: dict[str, Any]) -> None:
        if "path" in details:
            details = {**details, "path": without_tokens(details["path"])}
        self.write(protocol, action, details)


class WebServer(Server):
    """Daphne's server with LimitedChannel for requests and Socket for WebSockets."""

    def __init__(
        self, *, patience: float = PATIENCE, action_logger: Any = None, **options: Any
    ) -> None:
        self.patience = patience
        self.channels: set[LimitedChannel] = set()  # reading a request, or ending
        self.body_bytes = 0  # of requests that are not answered yet
        if action_logger is not None:
            action_logger = AccessLog(action_logger)
        options["ready_callable"] = self.limit_connections
        super().__init__(**options, action_logger=action_logger)

    def body_limit(self, address: bytes) -> int:
        """The limit on the body of a request to this address, in bytes, as the application says."""
        says = getattr(self.application, "body_limit", None)
        path = unquote(address.split(b"?", 1)[0].decode("latin-1"))
        return says(path) if says else BODY_BYTES

    def limit_connections(self) -> None:
        """Set the limits. Daphne calls this after making the factories, before any connection."""
        self.http_factory.protocol = LimitedChannel
        reactor.callLater(min(2, self.patience / 4), self.check_channels)
        self.ws_factory.protocol = Socket
        # Send a close code (1002, 1007, 1009) instead of only ending the connection.
        self.ws_factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=CLOSE_SECONDS)
        runtime_tuning.reduce_collections()

    # Checks of all connections. An error in one must not end the checks of the others: Twisted
    # would log it, and Daphne's own check would never be called again.

    def check_channels(self) -> None:
        """Apply the time limits of requests, several times within `patience` seconds."""
        self.check_all(self.channels)
        reactor.callLater(min(2, self.patience / 4), self.check_channels)

    def timeout_checker(self) -> None:
        """Apply the time limits of sockets, in place of Daphne's method."""
        self.check_all(self.connections)
        reactor.callLater(2, self.timeout_checker)

    def check_all(self, connections: Iterable[Any]) -> None:
        """Check each connection's timeouts; an error of one is logged."""
        for each in list(connections):
            try:
                each.check_timeouts()
            except Exception as problem:
                logger.error("a connection's timeouts were not checked: %s", where(problem))

    def application_checker(self) -> None:
        """Daphne's clean-up of applications that ended, which goes on after an error."""
        try:
            super().application_checker()
        except Exception as problem:
            logger.error("an application that ended was not cleaned up: %s", where(problem))
            for connection, details in list(self.connections.items()):
                ended = details.get("application_instance")
                if ended is not None and ended.done() and "disconnected" not in details:
                    details["disconnected"] = time.time()  # Daphne does not report it again
                    connection.transport.abortConnection()
            reactor.callLater(1, self.application_checker)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application on a request or socket."""
        if isinstance(protocol, LimitedRequest) and protocol.refused:
            # The application answers 413 (dungeon.requests). The body is not passed on.
            about_body = (b"content-length", b"content-type", b"transfer-encoding")
            headers = [each for each in scope["headers"] if each[0] not in about_body]
            scope = {**scope, "headers": headers, "body_refused": protocol.limit}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Process one event of the application. A message waits until its socket is writable."""
        if not isinstance(protocol, Socket) or message.get("type") != "websocket.send":
            await super().handle_reply(protocol, message)
            return
        async with protocol.sending:
            await protocol.writable.wait()
            # Autobahn would raise, and the application cannot know of the end yet.
            if protocol.state in (protocol.STATE_CLOSING, protocol.STATE_CLOSED):
                return
            if protocol.state == protocol.STATE_OPEN and message.get("text"):
                protocol.sendMessage(message["text"].encode())  # as Daphne does after its checks
            else:
                await super().handle_reply(protocol, message)


class CommandLine(CommandLineInterface):
    """Daphne's command line, and `--patience`."""

    def __init__(self) -> None:
        super().__init__()
        self.parser.prog = "dungeon.web"
        self.parser.add_argument(
            "--patience",
            type=float,
            default=PATIENCE,
            help="Seconds in which a full socket must be read from, and headers must arrive",
        )
        self.parser.set_defaults(
            # Daphne would end a socket after a day; a page may stay open for longer.
            websocket_timeout=-1,
            websocket_max_message_size=FRAME_BYTES,
            websocket_max_frame_size=FRAME_BYTES,
            server_name="",
        )

    def run(self, args: Sequence[str]) -> None:
        """Parse the arguments and serve until the process is ended."""
        options = self.parser.parse_args(args)
        runtime_tuning.shorten_switch_interval()
        self.server_class = partial(WebServer, patience=options.patience)
        super().run(args)


if __name__ == "__main__":
    CommandLine.entrypoint()
