"""Tokens of links stay out of every log line, whoever writes it."""

import json
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.urls import URLResolver, get_resolver

from dungeon.logs import BEFORE_SECRETS, without_tokens
from tests.serving import free_port, serving

TOKEN = "pL4ntedT0ken-thatN0bodyMayRead_42"
PATHS = (
    f"/s/{TOKEN}/",
    f"/s/{TOKEN}/play/",
    f"/s/{TOKEN}/card.png",
    f"/operator/{TOKEN}/",
    f"/accounts/invited/{TOKEN}/",
    f"/join/{TOKEN}/",
    f"/report/story/{TOKEN}/00000000-0000-0000-0000-000000000000/",
    f"/accounts/password/reset/key/2-{TOKEN}/",
    f"/accounts/confirm-email/{TOKEN}/",
)
NAME = "Host: 127.0.0.1"
HOST = f"{NAME}\r\nConnection: close"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://127.0.0.1:PORT"
)
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3"


def wrong_ways(path):
    """Raw requests for a path, each wrong in its own way."""
    coded = path.replace("/", "%2F")
    yield f"GET {path} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"POST {path} HTTP/1.1\r\n{HOST}\r\n{FORM}\r\n\r\nx=1"  # no CSRF token
    origin = "Origin: http://elsewhere.example"
    yield f"POST {path} HTTP/1.1\r\n{HOST}\r\n{origin}\r\n{FORM}\r\n\r\nx=1"
    yield f"DELETE {path} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"BREW {path} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path} HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n"
    yield f"GET {path} HTTP/1.1\r\nHost: a b\r\n\r\n"
    yield f"GET {path} HTTP/1.1\r\n\r\n"
    yield f"GET {path}nothing/here HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path.rstrip('/')} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET /{path} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path.replace('/s/', '/%73/').replace('/o', '/%6F')} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET /{coded} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET /accounts/login/?next={path} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET /accounts/login/?next={coded} HTTP/1.1\r\n{HOST}\r\nReferer: {path}\r\n\r\n"
    yield f"GET {path}?{'x' * 9000} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path}{'x' * 70_000} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path}%00%ff%zz HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path}\xff\xfe HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path}\r\n\r\n"
    yield f"GET {path} HTTP/9.9\r\nno header at all\r\n\r\n"
    yield f"GET http://127.0.0.1{path} HTTP/1.1\r\n{HOST}\r\n\r\n"
    yield f"GET {path} HTTP/1.1\r\n{NAME}\r\n{UPGRADE}\r\n\r\n"
    yield f"GET /ws{path} HTTP/1.1\r\n{NAME}\r\n{UPGRADE}\r\n\r\n"
    without = UPGRADE.replace("Sec-WebSocket-Version: 13\r\n", "")
    yield f"GET {path} HTTP/1.1\r\n{NAME}\r\n{without}\r\n\r\n"
    yield f"GET {path} HTTP/1.1\r\n{HOST}\r\nContent-Length: nonsense\r\n\r\n"
    yield f"POST {path} HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    body = "--x\r\nContent-Disposition: form-data; name"
    kind = "Content-Type: multipart/form-data; boundary=x"
    yield (f"POST {path} HTTP/1.1\r\n{HOST}\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    yield f"POST {path} HTTP/1.1\r\n{HOST}\r\nContent-Length: 999\r\n\r\ncut"


def send(port, raw):
    """Send it and read the answer. What is cut off, or is not answered, has a moment."""
    whole = re.search(
        r"\A(GET|POST|DELETE|BREW) \S+ HTTP/1.1\r\nHost: [\w.]+\r\nConnection: c", raw
    )
    cut_off = "999" in raw or "chunked" in raw
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(raw.replace("PORT", str(port)).encode("latin-1"))
        wire.settimeout(10 if whole and not cut_off else 0.4)
        with suppress(OSError):
            while wire.recv(65_536):
                pass


@pytest.mark.parametrize("form", ["json", pytest.param("text", marks=pytest.mark.full)])
def test_no_wrong_request_brings_a_token_into_a_log(transactional_db, log, tmp_path, form):
    port, file = free_port(), tmp_path / "log"
    name = connection.settings_dict["NAME"]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}")
    environ = {
        "DATABASE_URL": database.geturl(),
        "DJANGO_SETTINGS_MODULE": "dungeon.settings",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": form,
    }
    options = ("-v", "1", "--access-log", "-")
    with (
        file.open("wb") as out,
        serving("dungeon.asgi:application", *options, port=port, log=out, **environ),
    ):
        paths = PATHS if form == "json" else PATHS[3:4] + PATHS[:1]
        requests = [raw for path in paths for raw in wrong_ways(path)]
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(send, [port] * len(requests), requests))
    said = file.read_text(errors="replace")
    leaks = [line[:400] for line in said.splitlines() if TOKEN in line]
    assert not leaks, "\n".join(leaks[:10])
    # The test would show nothing if nobody had logged.
    assert "django.security.csrf" in said
    assert "django.security.DisallowedHost" in said
    assert "/s/…" in said
    assert re.search(r'"POST /s/… ?.*" 403', said), "the access log is read as well"


def secret_routes(resolver=None, before=""):
    """The addresses that end in a secret, up to it."""
    for each in (resolver or get_resolver()).url_patterns:
        route = before + str(each.pattern).lstrip("^")
        if isinstance(each, URLResolver):
            yield from secret_routes(each, route)
        elif found := re.search(r"(?P<before>.*?)/(\(\?P)?<(\w+:)?(token|key|uidb36)>", route):
            yield found["before"]


def test_every_address_with_a_secret_is_known_to_the_log():
    found = set(secret_routes())
    assert {"s", "operator"} <= found
    assert found == set(BEFORE_SECRETS)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("Forbidden: /s/abc/play/", "Forbidden: /s/…"),
        ("No route found for path 's/abc/'.", "No route found for path 's/…'."),
        ("next=%2Fs%2Fabc%2F", "next=%2Fs%2F…"),
        ("next=%252Foperator%252Fabc", "next=%252Foperator%252F…"),
        ("/%73/abc", "/%73/…"),
        ("//S//abc x", "//S//… x"),
        ("/grue/s/abc", "/grue/s/…"),
        ("GET /scenarios/abc/ and /tests/x", "GET /scenarios/abc/ and /tests/x"),
    ],
)
def test_a_token_is_taken_out_of_a_line(line, written):
    assert without_tokens(line) == written


def test_a_line_of_djangos_own_names_the_request_and_not_its_path(rf):
    import logging

    from dungeon.logs import JsonLines
    from inference.log_context import Subjects, about

    request = rf.get("/s/abc/")
    record = logging.makeLogRecord({"msg": "Forbidden", "request": request})
    with about(request="r-1"):
        Subjects().filter(record)
        assert json.loads(JsonLines().format(record))["request"] == "r-1"
