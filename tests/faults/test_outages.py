"""One thing after another is gone: what players are told meanwhile, and that nothing is lost."""

import asyncio
import json
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.history import History
from tests.faults.installation import NARRATORS, POSTGRES, Installation
from tests.faults.page import settled
from tests.faults.players import SESSION_COOKIE, Tally, Window

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]
HANG = 60  # seconds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation():
    # A short path: sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        async with Installation(Path(folder), disk_megabytes=600) as installation:
            await installation.whole()
            yield installation


@pytest_asyncio.fixture(loop_scope="module")
async def window(installation):
    """A player at rest before an adventure."""
    await installation.whole()
    [guest] = await installation.invite(1)
    window = Window(
        f"ws://127.0.0.1:{installation.port}/ws/adventures/{guest['adventure']}/",
        f"http://127.0.0.1:{installation.port}",
        guest["session"],
        History("player", guest["adventure"]),
        Tally(hang_seconds=HANG),
        "player",
    )
    window.start()
    assert await window.until(lambda: window.at_rest, HANG)
    yield window
    await window.close()


def get(installation, path, window=None):
    connection = HTTPConnection("127.0.0.1", installation.port, timeout=20)
    headers = {"Cookie": f"{SESSION_COOKIE}={window.session}"} if window else {}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


async def ready(installation):
    """What /readyz says: its status, and its answers by name."""
    status, text = await asyncio.to_thread(get, installation, "/readyz")
    return status, json.loads(text)


async def until_ready_says(installation, what):
    """Wait until /readyz is unhappy with what it should be, and with no other server."""
    deadline = time.monotonic() + HANG
    while True:
        status, said = await ready(installation)
        if status == 503 and said[what] != "ok":
            return said
        assert time.monotonic() < deadline, f"/readyz says {said}"
        await asyncio.sleep(0.3)


async def act(window):
    """Act, and wait for the answer. The turn, which was accepted."""
    answer = await window.answer(await window.command("take_action", kind="do", text="wait"))
    assert answer is not None
    assert answer["type"] == "accepted", answer
    return answer["turn"]


def told(window, turn):
    known = window.state["turns"].get(turn)
    return known is not None and settled(known) and known["status"] == "told"


@pytest.mark.parametrize("away", [6, pytest.param(30, marks=pytest.mark.full)])
async def test_with_redis_away_one_reads_and_acts_and_is_told_when_it_is_back(
    installation, window, away
):
    installation.processes["redis"].wanted = False
    outage = asyncio.create_task(installation.restart_redis(away=away))
    said = await until_ready_says(installation, "redis")
    assert said["database"] == "ok"
    status, page = await asyncio.to_thread(
        get, installation, f"/adventures/{window.history.adventure}/", window
    )
    assert status == 200
    assert "The floor is trembling." in page
    turn = await act(window)
    assert await window.until(lambda: turn in window.state["turns"], 3)
    assert window.state["turns"][turn]["status"] == "queued"  # saved, and waiting
    await outage
    back = time.monotonic()
    assert await window.until(lambda: told(window, turn), HANG)
    print(f"Redis away for {away} s: told {time.monotonic() - back:.1f} s after its return")


async def test_a_redis_without_memory_says_so_and_loses_nothing(installation, window):
    installation.redis.config_set("maxmemory", "1mb")
    try:
        said = await until_ready_says(installation, "redis")
        assert "memory" in said["redis"]
        turn = await act(window)
    finally:
        installation.redis.config_set("maxmemory", "256mb")
    assert await window.until(lambda: told(window, turn), HANG)


async def test_a_database_that_is_away_is_said_and_a_command_waits_for_it(installation, window):
    postgres = installation.processes[POSTGRES]
    postgres.wanted = False
    outage = asyncio.create_task(installation.restart_postgres(away=9))
    said = await until_ready_says(installation, "database")
    assert said["redis"] == "ok"
    turn = await act(window)  # the page sends it again with its key until it is answered
    await outage
    assert await window.until(lambda: told(window, turn), HANG)
    frames = [record["event"] for record in window.history if record["what"] == "frame"]
    assert any("database" in event.get("message", "") for event in frames)


async def test_a_full_disk_is_said_and_nothing_that_was_accepted_is_lost(installation, window):
    if not installation.own_disk:
        pytest.skip("no disk was filled: that wants the right to mount one")
    turn = await act(window)
    installation.fill_disk()
    try:
        await until_ready_says(installation, "redis")
        await asyncio.sleep(2)
        answer = await window.answer(await window.command("take_action", kind="do", text="wait"))
        assert (answer["type"], answer["code"]) == ("error", "full")
        assert "disk is full" in answer["message"]
    finally:
        installation.clear_disk()
    assert await window.until(lambda: told(window, turn), HANG)
    await asyncio.sleep(2)  # until it is noticed that there is room
    turn = await act(window)
    assert await window.until(lambda: told(window, turn), HANG)


async def test_without_a_narrator_it_is_said_which_one_is_missing(installation, window):
    for name in NARRATORS:
        await installation.kill(name)
    installation.redis.delete(f"grue:workers:{installation.told_by}")
    said = await until_ready_says(installation, "narrator")
    assert (said["redis"], said["database"]) == ("ok", "ok")
    assert installation.told_by in said["narrator"]
    answer = await window.answer(await window.command("take_action", kind="do", text="wait"))
    assert (answer["type"], answer["code"]) == ("error", "narrator_down")
    for name in NARRATORS:
        await installation.restart(name)
    await installation.whole()
    turn = await act(window)
    assert await window.until(lambda: told(window, turn), HANG)
