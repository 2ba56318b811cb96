"""The web server: Daphne, with bounds on what one connection may cost.

    python -m dungeon.web -b 127.0.0.1 -p 8000 dungeon.asgi:application

Daphne hands Twisted every frame at once, and Twisted keeps it until the browser has taken it
(daphne #170): a page that stops reading grows the process without end. Here an application's
`send` waits while its socket is full, a page that takes nothing for too long loses its socket and
comes back with the last log id it saw, and what waits to be read by the application is bounded as
well. What a request may bring, and how slowly, is in dungeon.http_limits. Daphne's options all mean
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
UNREAD_BYTES = 1024 * 1024  # messages that the application has not come to yet
UNREAD_COST = 1024  # bytes that a message takes beside its text, about
PATIENCE = 20.0  # seconds in which a full socket has to take something, and a request to arrive
SLOWEST = 16 * 1024  # bytes a second: a large message has longer
CLOSE_SECONDS = 5  # to answer a close frame
FLOODING = 4429


class Socket(WebSocketProtocol):
    """One WebSocket. Twisted tells it when more than 64 KiB wait to be taken, and when none do."""

    def connectionMade(self) -> None:  # noqa: N802
        # The HTTP channel that read the handshake is still what Twisted tells.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        with suppress(AttributeError, OSError):
            handle = self.transport.getHandle()
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self.sending = asyncio.Lock()
        self.room = asyncio.Event()
        self.room.set()
        self.full = False
        self.give_up_at = math.inf
        self.unanswered: bytes | None = None
        self.unread: deque[int] = deque()
        super().connectionMade()

    # Out

    def sendMessage(self, payload: bytes, isBinary: bool = False, **_: Any) -> None:  # noqa: N802, N803
        """Write a message of any size: autobahn holds ours to the limit for the client's."""
        self.sendFrame(opcode=2 if isBinary else 1, payload=payload)
        self.give_up_at += len(payload) / SLOWEST

    def sendData(  # noqa: N802
        self, data: bytes, sync: bool = False, chopsize: int | None = None
    ) -> None:
        """Write octets. autobahn's own spells out a line for its log first, shown or not."""
        if sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
            return
        rest = self.after_what_the_kernel_takes(data)
        if rest:
            self.transport.write(rest)
        if self.state == self.STATE_OPEN:
            self.trafficStats.outgoingOctetsWireLevel += len(data)

    def after_what_the_kernel_takes(self, data: bytes) -> bytes:
        """Give the kernel what it takes at once, where nothing waits before it. What is left.

        Twisted would ask to be told that there is room, and write then: three calls of the system
        for each frame, where most frames are a few words and there is room.
        """
        transport = self.transport
        waits = getattr(transport, "_tempDataBuffer", True) or transport.dataBuffer
        if waits or transport.TLS or not transport.connected or transport.disconnecting:
            return data
        taken = transport.writeSomeData(data)
        # An exception is a connection that was lost: Twisted finds out by itself.
        return data[taken:] if isinstance(taken, int) else data

    def pauseProducing(self) -> None:  # noqa: N802
        """Full. Twisted says so again with every write."""
        if not self.full:
            self.full = True
            self.room.clear()
            self.give_up_at = time.monotonic() + self.factory.server_class.patience

    def resumeProducing(self) -> None:  # noqa: N802
        """Everything was taken."""
        self.full = False
        self.give_up_at = math.inf
        self.room.set()
        if self.unanswered is not None:
            payload, self.unanswered = self.unanswered, None
            self.sendPong(payload)

    def stopProducing(self) -> None:  # noqa: N802
        """The connection was lost; onClose follows."""

    # Pings

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        """Answer, or only the newest later (RFC 6455, 5.5.3): answers nobody takes pile up."""
        if self.full:
            self.unanswered = payload
        else:
            super().onPing(payload)

    def onAutoPingTimeout(self) -> None:  # noqa: N802
        """No answer. While the socket is full our ping may not even have arrived."""
        if self.full:
            self.autoPingTimeoutCall = None
        else:
            super().onAutoPingTimeout()

    def check_timeouts(self) -> None:
        """Look at the clock, every two seconds."""
        if self.full or self.autoPingTimeoutCall is not None:
            # One ping at a time: a second one makes autobahn forget the timer of the first, which
            # then drops a page that answered.
            self.last_ping = time.time()
        super().check_timeouts()
        if time.monotonic() > self.give_up_at:
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
        """Skip what follows a refused control frame: autobahn would keep it, up to 2^63 bytes."""
        frame = self.current_frame
        if frame.opcode > 7 and frame.length > 125:
            return None
        answer: bool | None = super().onFrameData(payload)
        return answer

    # The end

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802
        """End the connection. What is unsent still goes out first, if the page takes it in time."""
        super().dropConnection(abort)
        self.room.set()
        self.give_up_at = min(
            self.give_up_at, time.monotonic() + self.factory.server_class.patience
        )

    def onClose(self, *how: Any) -> None:  # noqa: N802
        super().onClose(*how)
        self.room.set()

    def connectionLost(self, *why: Any) -> None:  # noqa: N802
        super().connectionLost(*why)
        # It holds this socket, which would stay in memory until somebody looks for cycles.
        self.is_closed = None


class AccessLog:
    """Daphne's access log (--access-log), without the tokens that stand in paths."""

    def __init__(self, write: Any) -> None:
        self.write = write

    def __call__(self, protocol: str, action: str, details: dict[str, Any]) -> None:
        if "path" in details:
            details = {**details, "path": without_tokens(details["path"])}
        self.write(protocol, action, details)


class WebServer(Server):
    """Daphne's server, whose connections are ours."""

    def __init__(
        self, *, patience: float = PATIENCE, action_logger: Any = None, **options: Any
    ) -> None:
        self.patience = patience
        self.channels: set[LimitedChannel] = set()  # that are reading a request, or ending
        self.body_bytes = 0  # of requests that are not answered yet
        if action_logger is not None:
            action_logger = AccessLog(action_logger)
        options["ready_callable"] = self.bound_connections
        super().__init__(**options, action_logger=action_logger)

    def body_limit(self, address: bytes) -> int:
        """How many bytes a request to this address may bring, as the application says."""
        says = getattr(self.application, "body_limit", None)
        path = unquote(address.split(b"?", 1)[0].decode("latin-1"))
        return says(path) if says else BODY_BYTES

    def bound_connections(self) -> None:
        """Called once the factories are there, and before the first connection."""
        self.http_factory.protocol = LimitedChannel
        reactor.callLater(min(2, self.patience / 4), self.check_channels)
        self.ws_factory.protocol = Socket
        # Say what was wrong (1002, 1007, 1009) instead of only hanging up.
        self.ws_factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=CLOSE_SECONDS)
        runtime_tuning.reduce_collections()

    # Looks at all connections. An error with one must not end the looks at the others: Twisted
    # logs it, and Daphne's own would never be called again.

    def check_channels(self) -> None:
        self.check(self.channels)
        reactor.callLater(min(2, self.patience / 4), self.check_channels)

    def timeout_checker(self) -> None:
        self.check(self.connections)
        reactor.callLater(2, self.timeout_checker)

    def check(self, connections: Iterable[Any]) -> None:
        for each in list(connections):
            try:
                each.check_timeouts()
            except Exception as problem:
                logger.error("a connection's time was not looked at: %s", where(problem))

    def application_checker(self) -> None:
        try:
            super().application_checker()
        except Exception as problem:
            logger.error("an application that ended was not cleaned up: %s", where(problem))
            for connection, details in list(self.connections.items()):
                ended = details.get("application_instance")
                if ended is not None and ended.done() and "disconnected" not in details:
                    details["disconnected"] = time.time()  # Daphne does not tell its client again
                    connection.transport.abortConnection()
            reactor.callLater(1, self.application_checker)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application on a request or socket."""
        if isinstance(protocol, LimitedRequest) and protocol.refused:
            # The application answers 413 (dungeon.requests). Of the body nothing is there.
            about_body = (b"content-length", b"content-type", b"transfer-encoding")
            headers = [each for each in scope["headers"] if each[0] not in about_body]
            scope = {**scope, "headers": headers, "body_refused": protocol.most}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Do what the application asks for. A message waits until its socket has room."""
        if not isinstance(protocol, Socket) or message.get("type") != "websocket.send":
            await super().handle_reply(protocol, message)
            return
        async with protocol.sending:
            await protocol.room.wait()
            # Autobahn would raise, and the application cannot know of the end yet.
            if protocol.state in (protocol.STATE_CLOSING, protocol.STATE_CLOSED):
                return
            if protocol.state == protocol.STATE_OPEN and message.get("text"):
                protocol.sendMessage(message["text"].encode())  # what Daphne would come to, too
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
            help="Seconds in which a socket that is full has to take something, and headers to end",
        )
        self.parser.set_defaults(
            # A story may take longer than the day after which Daphne would end its socket.
            websocket_timeout=-1,
            websocket_max_message_size=FRAME_BYTES,
            websocket_max_frame_size=FRAME_BYTES,
            server_name="",
        )

    def run(self, args: Sequence[str]) -> None:
        options = self.parser.parse_args(args)
        runtime_tuning.shorten_switch_interval()
        self.server_class = partial(WebServer, patience=options.patience)
        super().run(args)


if __name__ == "__main__":
    CommandLine.entrypoint()
