"""Autobahn's WebSocket cases against the server that the game runs on; see docs/websockets.md.

An echo (tests/echo.py) is served by `dungeon.web` itself.
"""

import json
import subprocess
import sys

import pytest

from tests.serving import PATIENCE, ROOT, serving

# Daphne drops an empty message that an application sends, so nothing comes back.
EMPTY = {"1.1.1", "1.2.1", "6.1.1", "6.1.2"}
LARGE_EMPTY = {"9.7.1", "9.8.1"}  # a thousand of them; each case waits for 20 s
COMPRESSION = ["12.*", "13.*"]
NO_LIMITS = ["--websocket-max-message-size", "0", "--websocket-max-frame-size", "0"]
FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}


def verdicts(served, *options):
    """The cases' verdicts, by number."""
    url = f"ws://127.0.0.1:{served.port}/echo"
    done = subprocess.run(
        [sys.executable, "-m", "tests.autobahn_cases", url, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=3 * PATIENCE,
    )
    return json.loads(done.stdout)


def failures(verdicts):
    return {case for case, verdict in verdicts.items() if not FINE.issuperset(verdict)}


def left_out(*cases):
    return [f"-x{case}" for case in cases]


@pytest.mark.timeout(4 * PATIENCE)
def test_the_server_keeps_to_the_protocol_but_for_empty_messages():
    with serving("tests.echo:application") as served:
        found = verdicts(served, *left_out("9.*", *COMPRESSION))
    assert len(found) == 247
    assert failures(found) == EMPTY


@pytest.mark.timeout(4 * PATIENCE)
def test_messages_of_16_mb_and_thousands_of_small_ones_are_echoed_where_they_are_allowed():
    with serving("tests.echo:application", *NO_LIMITS) as served:
        found = verdicts(served, "9.*", *left_out(*LARGE_EMPTY))
    assert len(found) == 52
    assert failures(found) == set()


@pytest.mark.timeout(4 * PATIENCE)
def test_compression_is_not_offered():
    with serving("tests.echo:application") as served:
        found = verdicts(served, *COMPRESSION)
    assert len(found) == 216
    assert {verdict for verdict, _ in found.values()} == {"UNIMPLEMENTED"}
