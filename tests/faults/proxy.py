"""A network between players and the web: slow, cut at any byte, or half dead.

Where there are several web processes, each connection goes to one of them, drawn by lot.
"""

import asyncio
import contextlib
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CHUNK = 4096
NARROW = 2048  # bytes of kernel buffers, where a reader is to be felt by the server


@dataclass(frozen=True)
class Weather:
    """What the network does. Zero is nothing."""

    delay: float = 0.0  # seconds; a chunk waits up to this long
    cut_within: int = 0  # bytes; a connection breaks off somewhere within so many
    deaf_within: int = 0  # bytes; after some of these one direction swallows all, without a word
    refuse: float = 0.0  # how likely a new connection is turned away
    narrow: bool = False  # small buffers, so that a slow reader is felt at the other end


CALM = Weather()


class Proxy:
    """Listens for players and passes on to the web what the weather lets through."""

    def __init__(self, ports: Sequence[int], rng: random.Random) -> None:
        self.targets = ports
        self.rng = rng
        self.weather = CALM
        self.server: asyncio.Server | None = None
        self.lines: set[Line] = set()
        self.cuts = 0

    async def __aenter__(self) -> "Proxy":
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=CHUNK)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()
        for line in list(self.lines):
            line.cut()

    @property
    def port(self) -> int:
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])

    def cut_all(self) -> None:
        """Every connection breaks off at once."""
        for line in list(self.lines):
            line.cut()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.rng.random() < self.weather.refuse:
            writer.transport.abort()
            return
        try:
            there = socket.socket()
            if self.weather.narrow:
                there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
                here = writer.get_extra_info("socket")
                here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW)
                writer.transport.set_write_buffer_limits(high=NARROW)
            there.setblocking(False)
            await asyncio.get_running_loop().sock_connect(
                there, ("127.0.0.1", self.rng.choice(self.targets))
            )
            web_reader, web_writer = await asyncio.open_connection(sock=there, limit=CHUNK)
        except OSError:
            there.close()
            writer.transport.abort()
            return
        line = Line(self, writer.transport, web_writer.transport)
        self.lines.add(line)
        try:
            await asyncio.gather(line.carry(reader, web_writer), line.carry(web_reader, writer))
        except asyncio.CancelledError:
            pass  # all is over; asyncio would print a trace for each line
        finally:
            line.cut()
            self.lines.discard(line)


class Line:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, *ends: Any) -> None:
        self.proxy = proxy
        self.ends = ends
        self.bytes = 0
        self.fate: dict[str, int | None] = {"cut_within": None, "deaf_within": None}
        self.deaf: asyncio.StreamWriter | None = None

    def cut(self) -> None:
        for end in self.ends:
            end.abort()

    def due(self, what: str) -> int | None:
        """How many bytes more until this strikes; None in a weather where it does not."""
        within = getattr(self.proxy.weather, what)
        if not within:
            self.fate[what] = None
            return None
        at = self.fate[what]
        if at is None:
            at = self.fate[what] = self.bytes + self.proxy.rng.randrange(1, within)
        return max(0, at - self.bytes)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy = self.proxy
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if proxy.weather.delay:
                    await asyncio.sleep(proxy.rng.random() * proxy.weather.delay)
                left = self.due("deaf_within")
                if self.deaf is None and left is not None and left <= len(data):
                    self.deaf = writer  # from here on this direction is lost
                if self.deaf is writer:
                    continue
                left = self.due("cut_within")
                if left is not None and left <= len(data):
                    proxy.cuts += 1
                    writer.write(data[:left])
                    await asyncio.sleep(0)
                    self.cut()
                    return
                self.bytes += len(data)
                writer.write(data)
                await writer.drain()
        if self.deaf is None:
            self.cut()
