"""What one socket may cost the web process, whatever its client does or leaves undone."""

import contextlib
import os
import socket
import time
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from tests.serving import (
    BINARY,
    CLOSE,
    MORE,
    PATIENCE,
    PING,
    PONG,
    TEXT,
    RawSocket,
    frame_header,
    free_port,
    serving,
    until,
)

MIB = 1024 * 1024
LIMIT = 64 * 1024
ROOM = 4096  # what the kernel of a client that reads nothing takes for it
MANY = 8  # readers at a time: one alone is lost in the noise


@pytest.fixture(scope="module")
def echo():
    """A server that loses patience quickly, with the small application of tests/echo.py."""
    with serving("tests.echo:application", "--patience", "3") as served:
        yield served


class Peak:
    """The most memory that a server held, beyond what it held at first."""

    def __init__(self, served):
        self.served = served
        self.before = self.most = served.memory

    def look(self):
        self.most = max(self.most, self.served.memory)
        return self.most - self.before


def everything_sent(sockets, pieces):
    """Send to each of the sockets in turn, as far as the server takes it. Nothing is read."""
    for raw in sockets:
        raw.socket.settimeout(1)
        with contextlib.suppress(OSError):
            for piece in pieces:
                raw.socket.sendall(piece)
        raw.socket.settimeout(PATIENCE)


# A server beneath any application


@pytest.mark.timeout(4 * PATIENCE)
def test_a_client_that_reads_nothing_costs_little_and_is_dropped(echo):
    closed = len(echo.seen()["closed"])
    peak = Peak(echo)
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(RawSocket(echo.port, "/flood", room=ROOM))
        until(lambda: peak.look() and len(echo.seen()["closed"]) == closed + MANY)
        print(f"a client that reads nothing: {peak.look() / MANY / 1024:.0f} KiB")
        assert peak.look() < MANY * MIB
        assert echo.seen()["closed"][closed:] == [1006] * MANY, "the application was not told"
    until(lambda: echo.seen()["tasks"] <= 2)


@pytest.mark.timeout(4 * PATIENCE)
def test_a_client_on_a_slow_line_gets_a_large_message_whole(echo):
    size = 3_000_000  # the longest snapshot there can be
    with RawSocket(echo.port, f"/large?{size}", room=ROOM) as raw:
        time.sleep(8)  # twice the patience for a full socket, and two looks at the clock
        assert len(raw.next()[1]) == size
        raw.send(TEXT, b"still here")
        assert raw.next() == (TEXT, b"still here")


@pytest.mark.timeout(4 * PATIENCE)
def test_answers_to_pings_that_nobody_reads_do_not_pile_up(echo):
    closed = len(echo.seen()["closed"])
    ping = (frame_header(PING, 125) + b"p" * 125) * 1000
    peak = Peak(echo)
    with contextlib.ExitStack() as stack:
        raws = [stack.enter_context(RawSocket(echo.port, "/echo", room=ROOM)) for _ in range(MANY)]
        everything_sent(raws, [ping] * 30)  # 4 MB each
        peak.look()
        until(lambda: peak.look() and len(echo.seen()["closed"]) == closed + MANY)
        assert peak.look() < MANY * MIB


@pytest.mark.timeout(4 * PATIENCE)
def test_the_newest_ping_is_answered_once_there_is_room(echo):
    opened = echo.seen()["opened"]
    with RawSocket(echo.port, "/large?1000000", room=ROOM) as raw:
        until(lambda: echo.seen()["opened"] > opened)
        time.sleep(1)  # full by now
        for number in range(3):
            raw.send(PING, b"%d" % number)
        time.sleep(1)
        assert len(raw.next()[1]) == 1_000_000
        assert raw.next() == (PONG, b"2")


@pytest.mark.timeout(4 * PATIENCE)
def test_a_client_that_says_goodbye_and_reads_nothing_is_gone_all_the_same(echo):
    closed = len(echo.seen()["closed"])
    with RawSocket(echo.port, "/flood", room=ROOM) as raw:
        time.sleep(1)
        raw.send(CLOSE, b"\x03\xe8")
        until(lambda: len(echo.seen()["closed"]) == closed + 1)


def test_a_message_of_64_kib_is_taken_and_a_longer_one_ends_with_1009(echo):
    with RawSocket(echo.port, "/echo") as raw:
        raw.send(TEXT, b"x" * LIMIT)
        assert raw.next() == (TEXT, b"x" * LIMIT)
        raw.send(TEXT, b"x" * (LIMIT + 1))
        assert raw.close_code() == 1009
    with RawSocket(echo.port, "/echo") as raw:
        for opcode in (TEXT, MORE, MORE):
            raw.send(opcode, b"x" * (LIMIT // 2), fin=False)
        assert raw.close_code() == 1009


@pytest.mark.parametrize("opcode", [TEXT, PING])
def test_a_frame_that_is_too_large_is_refused_before_it_is_there(echo, opcode):
    peak = Peak(echo)
    with RawSocket(echo.port, "/echo") as raw:
        raw.socket.sendall(frame_header(opcode, 2**40))
        everything_sent([raw], [b"x" * MIB] * 60)
        assert peak.look() < 5 * MIB
        with contextlib.suppress(ConnectionError):
            assert raw.close_code() == (1009 if opcode == TEXT else 1002)


def test_messages_that_the_application_does_not_come_to_are_bounded(echo):
    peak = Peak(echo)
    with RawSocket(echo.port, "/deaf") as raw:
        everything_sent([raw], [frame_header(BINARY, LIMIT) + b"x" * LIMIT] * 1000)
        assert peak.look() < 5 * MIB
        with contextlib.suppress(ConnectionError):
            assert raw.close_code() == 4429


def test_a_handshake_that_the_application_never_answers_is_ended():
    with serving("tests.echo:application", "--websocket_connect_timeout", "1") as served:
        raw = RawSocket(served.port, "/mute")
        assert raw.rest() < 1000  # a refusal, or nothing at all


def test_a_connection_that_is_only_half_there_does_not_live_for_ever():
    with serving("tests.echo:application", "--ping-interval", "1", "--ping-timeout", "2") as served:
        with RawSocket(served.port, "/echo") as raw:
            assert raw.next()[0] == PING
            raw.rest()  # reads everything and answers nothing
        until(lambda: served.seen()["closed"] == [1006])


def test_a_client_that_answers_its_pings_stays():
    with (
        serving("tests.echo:application", "--ping-interval", "1", "--ping-timeout", "2") as served,
        RawSocket(served.port, "/echo") as raw,
    ):
        for _ in range(4):
            opcode, payload = raw.next()
            assert opcode == PING
            raw.send(PONG, payload)
        raw.send(TEXT, b"still here")
        while raw.next() != (TEXT, b"still here"):
            pass


def test_who_never_ends_the_headers_is_cut_off_by_their_size(echo):
    with socket.create_connection(("127.0.0.1", echo.port), PATIENCE) as raw:
        raw.sendall(b"GET /echo HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(10_000):
                raw.sendall(b"x-%d: %s\r\n" % (number, b"y" * 100))
            assert b" 101 " not in raw.recv(1000)


# The game


class Table:
    """The game, served to readers of one adventure."""

    def __init__(self, served, log, adventure, player):
        self.served, self.log, self.id = served, log, str(adventure.pk)
        client = Client()
        client.force_login(player)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.cookie = f"{settings.SESSION_COOKIE_NAME}={cookie}"
        self.told = 0

    def reader(self, after="", room=None):
        path = f"/ws/adventures/{self.id}/" + (f"?after={after}" if after else "")
        return RawSocket(self.served.port, path, room=room, Cookie=self.cookie)

    def tell(self, count, length):
        """Publish so many events of that length. Their numbers."""
        numbers = range(self.told, self.told + count)
        for number in numbers:
            event = {"type": "test.long", "number": number, "text": "x" * length}
            self.log.publish(self.id, [event], 0)
        self.told += count
        return list(numbers)


@pytest.fixture
def table(transactional_db, log, adventure, alice):
    port = free_port()
    name = connection.settings_dict["NAME"]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}")
    environ = {"DATABASE_URL": database.geturl(), "PORT": str(port), "HOST": "127.0.0.1"}
    environ["WINDOWS_PER_PLAYER"] = "100"
    environ["DJANGO_SETTINGS_MODULE"] = "dungeon.settings"
    with serving("dungeon.asgi:application", "--patience", "10", port=port, **environ) as served:
        table = Table(served, log, adventure, alice)
        table.tell(1, length=10)  # a log that has begun: an empty one may answer with a snapshot
        yield table


def numbers_of(raw, count):
    events = [raw.event() for _ in range(count)]
    return [event["number"] for event in events], events[-1]["id"]


@pytest.mark.timeout(6 * PATIENCE)
def test_readers_that_stop_cost_little_and_the_one_beside_them_misses_nothing(table):
    """Thousands of long events: the log itself forgets the first of them meanwhile."""

    def play(healthy, look):
        """24 MB, as fast as the healthy one reads."""
        for _ in range(60):
            expected = table.tell(50, length=8_000)
            assert numbers_of(healthy, 50)[0] == expected
            look()

    with contextlib.ExitStack() as stack:
        healthy = stack.enter_context(table.reader())
        assert healthy.event()["type"] == "snapshot"
        play(healthy, lambda: None)  # what it costs the process without anybody else
        peak = Peak(table.served)
        stopped = [stack.enter_context(table.reader(room=ROOM)) for _ in range(MANY)]
        last = [raw.event()["id"] for raw in stopped]
        play(healthy, peak.look)
        print(f"a reader that stopped: {peak.look() / MANY / 1024:.0f} KiB")
        assert peak.look() < MANY * 5 * MIB
        until(lambda: all(raw.dropped for raw in stopped))
        expected = table.tell(50, length=8_000)
        assert numbers_of(healthy, 50)[0] == expected
        assert len(set(last)) == 1
        with table.reader(after=last[0]) as back:
            assert back.event()["type"] == "snapshot"
            expected = table.tell(50, length=8_000)
            assert numbers_of(back, 50)[0] == expected


@pytest.mark.timeout(4 * PATIENCE)
def test_a_dropped_reader_comes_back_to_exactly_what_it_missed(table):
    with table.reader(room=ROOM) as raw:
        assert raw.event()["type"] == "snapshot"
        first = table.tell(5, length=1_500)
        numbers, last = numbers_of(raw, 5)
        assert numbers == first
        missed = table.tell(600, length=1_500)
        until(lambda: raw.dropped)
        assert raw.rest() < 600 * 1_500
    with table.reader(after=last) as back:
        assert numbers_of(back, 600)[0] == missed


@pytest.mark.timeout(4 * PATIENCE)
def test_a_reader_that_lags_too_far_behind_goes_on_from_a_snapshot(table):
    """It stops, but not for so long that it is dropped."""
    with table.reader(room=ROOM) as raw:
        assert raw.event()["type"] == "snapshot"
        seen = [table.tell(600, length=8_000)[0] - 1]
        time.sleep(2)
        bridged, snapshot = 0, False
        while not bridged or seen[-1] != table.told - 1:
            event = raw.event()
            if event["type"] == "snapshot":
                bridged, snapshot = bridged + 1, True
                table.tell(1, length=100)  # comes after it, or is in the next
            else:
                assert event["number"] == seen[-1] + 1 or snapshot, "a gap without a snapshot"
                seen.append(event["number"])
                snapshot = False
        assert len(seen) < 600


@pytest.mark.timeout(4 * PATIENCE)
def test_readers_that_ask_for_as_much_as_there_is_and_stop_cost_little(table):
    """The most that may wait for one socket: what it missed, and as much again since."""
    with table.reader() as healthy, contextlib.ExitStack() as stack:
        first = healthy.event()["id"]
        numbers = table.tell(230, length=8_000)
        assert numbers_of(healthy, 230)[0] == numbers
        with table.reader(after=first) as back:
            assert numbers_of(back, 230)[0] == numbers
        peak = Peak(table.served)
        for _ in range(MANY):
            assert stack.enter_context(table.reader(after=first, room=ROOM)).event()["text"]
        numbers = table.tell(230, length=8_000)
        assert numbers_of(healthy, 230)[0] == numbers
        time.sleep(1)
        print(f"a reader that asked for the whole log: {peak.look() / MANY / 1024:.0f} KiB")
        assert peak.look() < MANY * 5 * MIB
