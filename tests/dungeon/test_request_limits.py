"""What a request may cost the web process, whatever its client sends, and how slowly."""

import contextlib
import json
import os
import select
import socket
import time
from urllib.parse import urlsplit

import pytest
from django.db import connection

from tests.game.play.test_slow_readers import Peak
from tests.serving import PATIENCE, free_port, serving, until

pytestmark = pytest.mark.django_db  # the server's pages read it; these tests store nothing

MIB = 1024 * 1024
PIECE = b"x" * 65_536


@pytest.fixture(scope="module")
def game(django_db_setup, django_db_blocker):
    """The game behind the real server, which loses patience quickly."""
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}")
    port = free_port()
    environ = {"DATABASE_URL": database.geturl(), "PORT": str(port), "HOST": "127.0.0.1"}
    environ["DJANGO_SETTINGS_MODULE"] = "dungeon.settings"
    options = ("--patience", "1")
    with serving("dungeon.asgi:application", *options, port=port, **environ) as served:
        served.get("/")  # whatever is made on the first request
        yield served


class Client:
    """A client that sends what it likes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.found = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, path, *headers, method="POST"):
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    def send(self, size, look=lambda: None, chunked=False):
        """Send so much of a body, as far as the server takes it. How much that was."""
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < size:
                piece = PIECE[: size - sent]
                self.socket.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                sent += len(piece)
                self.hear()
                if sent % (8 * MIB) == 0:
                    look()
        return sent

    def hear(self):
        """Take what has come: it is lost where the server then gives up on the rest of the body."""
        if select.select([self.socket], [], [], 0)[0]:
            self.found += self.socket.recv(65_536)

    def answer(self):
        """All that comes until the server ends the connection."""
        with contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(65_536):
                self.found += piece
        return self.found.decode()


LARGE = 256 * MIB  # a tenth of it is more than the limit on memory below
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", ["/", "/scenarios/import/", "/nowhere/", "/admin/", "/healthz"])
def test_a_huge_body_is_refused_before_it_is_read(game, path):
    peak = Peak(game)
    with Client(game.port) as client:
        client.ask(path, FORM, f"Content-Length: {1_500 * MIB}")
        client.send(LARGE, peak.look)
        answer = client.answer()
    assert answer.startswith("HTTP/1.1 413 "), answer[:200]
    assert "KiB can be sent here at once" in answer
    assert peak.look() < 12 * MIB


def test_who_sends_fast_hears_the_answer_of_a_page_that_takes_its_time():
    """What came before the answer counted as sent after it, and 64 MiB of that end a connection."""
    with serving("tests.echo:application") as served, Client(served.port) as client:
        client.ask("/slow", FORM, f"Content-Length: {1_500 * MIB}")
        client.send(LARGE)
        assert client.answer().startswith("HTTP/1.1 200 ")


def test_a_huge_body_without_a_length_is_refused_as_it_comes(game):
    peak = Peak(game)
    with Client(game.port) as client:
        client.ask("/scenarios/import/", FORM, "Transfer-Encoding: chunked")
        client.send(LARGE, peak.look, chunked=True)
        answer = client.answer()
    assert answer.startswith("HTTP/1.1 413 "), answer[:200]
    assert "At most 4160 KiB can be sent here at once" in answer
    assert peak.look() < 12 * MIB


def test_who_waits_for_the_word_to_send_a_huge_body_is_told_at_once(game):
    """As curl does: it asks first (Expect), and sends nothing that is refused."""
    with Client(game.port) as client:
        length = f"Content-Length: {100 * MIB}"
        client.ask("/", FORM, "Accept: application/json", "Expect: 100-continue", length)
        answer = client.answer()
    assert answer.startswith("HTTP/1.1 413 "), answer[:200]
    assert json.loads(answer.split("\r\n\r\n", 1)[1])["message"]


def test_no_socket_brings_a_body(game):
    with Client(game.port) as client:
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", f"Content-Length: {100 * MIB}")
        client.ask("/ws/adventures/x/", *upgrade, method="GET")
        assert client.answer().startswith("HTTP/1.1 413 ")


def test_a_body_within_the_limit_arrives_whole(game):
    """A form's answer is about its token, which stands behind half a megabyte here."""
    body = b"x" * (500 * 1024)
    with Client(game.port) as client:
        client.ask("/scenarios/import/", FORM, f"Content-Length: {len(body)}", "Connection: close")
        client.socket.sendall(body)
        assert client.answer().startswith("HTTP/1.1 403 ")


def test_many_large_bodies_at_once_do_not_add_up(game):
    """Each within its limit, none of them ended: beyond 64 MiB more large ones are refused."""
    size = 2 * MIB
    peak = Peak(game)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(game.port)) for _ in range(60)]
        for client in clients:
            client.ask("/scenarios/new/", FORM, f"Content-Length: {size}")
            client.send(size - 1000, peak.look)
        assert peak.look() < 100 * MIB
        assert clients[-1].answer().startswith("HTTP/1.1 503 ")
        with Client(game.port) as small:
            small.ask("/", FORM, "Content-Length: 2", "Connection: close")
            small.socket.sendall(b"ab")
            assert small.answer().startswith("HTTP/1.1 4")
        # They bring nothing more.
        assert clients[0].answer().startswith("HTTP/1.1 408 ")
    with Client(game.port) as client:
        client.ask("/scenarios/new/", FORM, f"Content-Length: {size}", "Connection: close")
        client.send(size)
        assert client.answer().startswith("HTTP/1.1 403 "), "the room was not given back"


SLOW = {
    "headers": (b"POST / HTTP/1.1\r\n", b"x-more: y\r\n"),
    "a header": (b"POST / HTTP/1.1\r\nx-more: ", b"y"),
    "the first line": (b"P", b"O"),
    "a body": (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000\r\n\r\n", b"x"),
    "a chunk": (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}


def test_connections_that_drip_are_ended(game):
    """A byte every now and then kept them open for ever: each started Twisted's timeout anew."""
    with contextlib.ExitStack() as stack:
        dripping = []
        for first, more in SLOW.values():
            for _ in range(40):
                client = stack.enter_context(Client(game.port))
                client.socket.sendall(first)
                dripping.append((client, more))
        going_on = list(dripping)
        deadline = time.monotonic() + PATIENCE
        while going_on and time.monotonic() < deadline:
            for client, more in going_on:
                with contextlib.suppress(ConnectionError):
                    client.socket.sendall(more)
            time.sleep(0.3)
            ended = select.select([client.socket for client, _ in going_on], [], [], 0)[0]
            going_on = [each for each in going_on if each[0].socket not in ended]
        assert not going_on
        ends = [client.answer()[:13] for client, _ in dripping]
        assert set(ends) <= {"HTTP/1.1 408 ", ""}, ends
        assert ends.count("HTTP/1.1 408 ") > 100
    until(lambda: game.answers())


def test_a_body_on_a_slow_line_arrives(game):
    with Client(game.port) as client:
        client.ask("/", FORM, "Content-Length: 12000", "Connection: close")
        for _ in range(6):
            client.socket.sendall(b"x" * 2000)
            time.sleep(0.25)
        assert client.answer().startswith("HTTP/1.1 4")
