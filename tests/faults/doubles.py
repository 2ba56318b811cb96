"""Duplicate delivery: what enters Redis for workers enters it again.

Watches Valkey's own MONITOR, so that what is doubled is exactly what was sent: Celery's messages
(`record_reply` for one) and the entries of the line.
"""

import contextlib
import heapq
import itertools
import random
import re
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

import redis

from dungeon import services

if TYPE_CHECKING:
    from tests.faults.installation import Installation

ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}
AGAIN = {b"LPUSH": b"grue:celery:", b"HSET": b"grue:requests:", b"ZADD": b"grue:waiting:"}
LATEST = 3.0  # seconds after which a second delivery comes at the latest


def echo(installation: "Installation", stop: threading.Event, seed: float) -> None:
    """Double what is sent until `stop`. On a thread of its own."""
    rng = random.Random(seed)
    client = redis.Redis.from_url(installation.redis_url, socket_timeout=2)
    ours: set[tuple[bytes, ...]] = set()
    due: list[tuple[float, int, tuple[bytes, ...]]] = []
    order = itertools.count()
    when = 0.0
    with contextlib.suppress(OSError, redis.RedisError), monitor(installation) as ear:
        rest = b""
        while not stop.is_set() or due:
            ready, _, _ = select.select([ear], [], [], 0.02)
            if ready:
                *lines, rest = (rest + ear.recv(1 << 20)).split(b"\r\n")
                for line in lines:
                    command = parsed(line)
                    if command in ours:
                        ours.discard(command)
                    elif not stop.is_set() and to_double(command):
                        # An entry of the line is written in two commands: they stay together.
                        if command[0].upper() != b"ZADD":
                            when = time.monotonic() + rng.choice([0.0, rng.random() * LATEST])
                        heapq.heappush(due, (when, next(order), command))
            while due and (due[0][0] <= time.monotonic() or stop.is_set()):
                command = heapq.heappop(due)[2]
                ours.add(command)
                client.execute_command(*command)
    client.close()


def monitor(installation: "Installation") -> socket.socket:
    ear = socket.socket(socket.AF_UNIX)
    ear.connect(str(services.socket_folder(installation.data) / "valkey.sock"))
    ear.sendall(b"MONITOR\r\n")
    return ear


def parsed(line: bytes) -> tuple[bytes, ...]:
    """The command in a line of MONITOR's."""
    return tuple(ESCAPE.sub(unescaped, each) for each in ARGUMENT.findall(line))


def unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if len(code) == 3:
        return bytes.fromhex(code[1:].decode())
    return NAMED.get(code, code)


def to_double(command: tuple[bytes, ...]) -> bool:
    if len(command) < 3:
        return False
    prefix = AGAIN.get(command[0].upper())
    return prefix is not None and command[1].startswith(prefix)
