"""The web server as a process of its own, and clients that behave badly on purpose."""

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds until something counts as hanging
MORE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """A `dungeon.web` that serves an application."""

    def __init__(self, port, process):
        self.port, self.process = port, process

    def get(self, path):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()

    def seen(self):
        """What tests/echo.py saw."""
        return json.loads(self.get("/seen"))

    @property
    def memory(self):
        return psutil.Process(self.process.pid).memory_info().rss

    def answers(self):
        with contextlib.suppress(OSError, HTTPException):
            self.get("/healthz")
            return True
        return False


@contextlib.contextmanager
def serving(application, *options, port=None, log=None, **environ):
    """A server; what it prints goes to the file `log`, if one is given."""
    port = port or free_port()
    web = ["-m", "dungeon.web", "-b", "127.0.0.1", "-p", str(port), "-v", "0"]
    process = subprocess.Popen(
        [sys.executable, *web, *options, application],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=log,
        stderr=log and subprocess.STDOUT,
    )
    try:
        served = Served(port, process)
        until(lambda: served.answers() or process.poll() is not None)
        assert process.poll() is None, "the web server ended"
        yield served
        assert process.poll() is None, "the web server ended"
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(ready, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.1)


class RawSocket:
    """A WebSocket client that does only what it is told: it answers no ping and reads nothing.

    `room` is what its kernel takes on its behalf, in bytes.
    """

    def __init__(self, port, path, room=None, **headers):
        self.socket = socket.socket()
        if room is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def __enter__(self):
        status = self.file.readline().decode()
        assert " 101 " in status, status
        while self.file.readline() != b"\r\n":
            pass
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, opcode, payload=b"", fin=True):
        self.socket.sendall(frame_header(opcode, len(payload), fin) + payload)

    def next(self):
        """The next frame: its opcode and its payload. EOFError after the end."""
        first = self.file.read(2)
        if len(first) < 2:
            raise EOFError
        length = first[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.file.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.file.read(8))
        return first[0] & 0x0F, self.file.read(length)

    def event(self):
        """The next event, answering pings meanwhile."""
        opcode, payload = self.next()
        if opcode == TEXT:
            return json.loads(payload)
        assert opcode == PING
        self.send(PONG, payload)
        return self.event()

    def close_code(self):
        """Read to the close frame, and its code."""
        while True:
            opcode, payload = self.next()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0]

    @property
    def dropped(self):
        """Whether the server has hung up. Nothing is read for that."""
        poll = select.poll()
        poll.register(self.socket, 0)
        return bool(poll.poll(0))

    def rest(self):
        """Everything that still comes until the connection ends, in bytes."""
        count = 0
        with contextlib.suppress(ConnectionError):
            while found := self.file.read1(65_536):
                count += len(found)
        return count


def frame_header(opcode, length, fin=True):
    """With a mask of zeros, which changes nothing."""
    first = opcode | (0x80 if fin else 0)
    if length < 126:
        return struct.pack("!BB", first, 0x80 | length) + b"\0\0\0\0"
    if length < 65_536:
        return struct.pack("!BBH", first, 0x80 | 126, length) + b"\0\0\0\0"
    return struct.pack("!BBQ", first, 0x80 | 127, length) + b"\0\0\0\0"
