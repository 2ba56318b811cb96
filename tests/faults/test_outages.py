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
from tests.faults.house import NARRATORS, POSTGRES, House
from tests.faults.page import settled
from tests.faults.players import SESSION_COOKIE, Tally, Window

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]
HANG = 60  # seconds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house():
    # A short path: sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        async with House(Path(folder), disk_megabytes=600) as house:
            await house.whole()
            yield house


@pytest_asyncio.fixture(loop_scope="module")
async def window(house):
    """A player at rest before an adventure."""
    await house.whole()
    [guest] = await house.invite(1)
    window = Window(
        f"ws://127.0.0.1:{house.port}/ws/adventures/{guest['adventure']}/",
        f"http://127.0.0.1:{house.port}",
        guest["session"],
        History("player", guest["adventure"]),
        Tally(hang_seconds=HANG),
        "player",
    )
    window.start()
    assert await window.until(lambda: window.at_rest, HANG)
    yield window
    await window.close()


def get(house, path, window=None):
    connection = HTTPConnection("127.0.0.1", house.port, timeout=20)
    headers = {"Cookie": f"{SESSION_COOKIE}={window.session}"} if window else {}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


async def ready(house):
    """What /readyz says: its status, and its answers by name."""
    status, text = await asyncio.to_thread(get, house, "/readyz")
    return status, json.loads(text)


async def until_ready_says(house, what):
    """Wait until /readyz is unhappy with what it should be, and with no other server."""
    deadline = time.monotonic() + HANG
    while True:
        status, said = await ready(house)
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
async def test_with_redis_away_one_reads_and_acts_and_is_told_when_it_is_back(house, window, away):
    house.processes["redis"].wanted = False
    outage = asyncio.create_task(house.restart_redis(away=away))
    said = await until_ready_says(house, "redis")
    assert said["database"] == "ok"
    status, page = await asyncio.to_thread(
        get, house, f"/adventures/{window.history.adventure}/", window
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


async def test_a_redis_without_memory_says_so_and_loses_nothing(house, window):
    house.redis.config_set("maxmemory", "1mb")
    try:
        said = await until_ready_says(house, "redis")
        assert "memory" in said["redis"]
        turn = await act(window)
    finally:
        house.redis.config_set("maxmemory", "256mb")
    assert await window.until(lambda: told(window, turn), HANG)


async def test_a_database_that_is_away_is_said_and_a_command_waits_for_it(house, window):
    postgres = house.processes[POSTGRES]
    postgres.wanted = False
    outage = asyncio.create_task(house.restart_postgres(away=9))
    said = await until_ready_says(house, "database")
    assert said["redis"] == "ok"
    turn = await act(window)  # the page sends it again with its key until it is answered
    await outage
    assert await window.until(lambda: told(window, turn), HANG)
    frames = [record["event"] for record in window.history if record["what"] == "frame"]
    assert any("database" in event.get("message", "") for event in frames)


async def test_a_full_disk_is_said_and_nothing_that_was_accepted_is_lost(house, window):
    if not house.own_disk:
        pytest.skip("no disk was filled: that wants the right to mount one")
    turn = await act(window)
    house.fill_disk()
    try:
        await until_ready_says(house, "redis")
        await asyncio.sleep(2)
        answer = await window.answer(await window.command("take_action", kind="do", text="wait"))
        assert (answer["type"], answer["code"]) == ("error", "full")
        assert "disk is full" in answer["message"]
    finally:
        house.clear_disk()
    assert await window.until(lambda: told(window, turn), HANG)
    await asyncio.sleep(2)  # until it is noticed that there is room
    turn = await act(window)
    assert await window.until(lambda: told(window, turn), HANG)


async def test_without_a_narrator_it_is_said_which_one_is_missing(house, window):
    for name in NARRATORS:
        await house.kill(name)
    house.redis.delete(f"grue:workers:{house.told_by}")
    said = await until_ready_says(house, "narrator")
    assert (said["redis"], said["database"]) == ("ok", "ok")
    assert house.told_by in said["narrator"]
    answer = await window.answer(await window.command("take_action", kind="do", text="wait"))
    assert (answer["type"], answer["code"]) == ("error", "narrator_down")
    for name in NARRATORS:
        await house.restart(name)
    await house.whole()
    turn = await act(window)
    assert await window.until(lambda: told(window, turn), HANG)
