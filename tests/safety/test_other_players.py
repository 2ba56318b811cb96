"""Whatever one player sends, no other notices: all sockets share one reader of the logs."""

import asyncio
import json
import logging
import time
import uuid

import pytest

from game.database import in_database
from game.play import consumers
from game.play import followers as following
from game.play.followers import followers
from inference.queue.keys import log_key
from inference.queue.streams import FIRST, to_json
from tests.game.play.test_sockets import Window, play, words_of

pytestmark = pytest.mark.django_db(transaction=True)

BEYOND = "99999999999999999999-1"  # over 2^64: Redis refuses to read from there
NO_IDS = [BEYOND, f"1-{2**64}", "١-١", "1-1\n", "-", "1", "1-1-1", "$", "(1-1", "0x1-0", " 1-1"]
TOLD = " ".join(f"word{number}." for number in range(55))
LONGEST_GAP = 3.0  # seconds between two frames of a reply, on a machine that does other things


class Watching:
    """A player in mid-reply, who must notice nothing of what others do."""

    def __init__(self, window):
        self.window = window
        self.gaps = []

    async def watch(self):
        await self.window.command("take_action", kind="do", text="listen")
        await self.window.until("turn.token")
        while self.window.seen[-1]["type"] == "turn.token":
            before = time.monotonic()
            await self.window.next()
            self.gaps.append(time.monotonic() - before)

    def noticed_nothing(self):
        last = self.window.seen[-1]
        assert last["type"] == "turn.told"
        assert words_of(self.window.seen, last["turn"]["id"]) == last["turn"]["reply"] == TOLD
        assert [event["type"] for event in self.window.seen].count("snapshot") == 1
        assert max(self.gaps) < LONGEST_GAP


@pytest.fixture
def no_rate(monkeypatch):
    """What is limited here is not how often, but what."""
    monkeypatch.setattr(consumers, "COMMANDS_PER_SECOND", 100_000)
    monkeypatch.setattr(consumers, "COMMANDS_BURST", 100_000)


async def told_while(attack, alice, bob, begin, workers):
    """Alice is told a reply while bob's windows do `attack`, again and again."""
    workers.start(pace=140, replies=[TOLD])
    story, theirs = await in_database(begin, alice), await in_database(begin, bob)
    async with Window(story.pk, alice) as window, Window(theirs.pk, bob) as attacker:
        await window.next()
        await attacker.next()
        watching = Watching(window)
        told = asyncio.create_task(watching.watch())
        while not told.done():
            await attack(attacker)
        await told
        watching.noticed_nothing()


async def test_a_place_that_no_log_can_have_is_a_bad_message(alice, adventure, log):
    async with Window(adventure.pk, alice) as window:
        await window.next()
        for after in NO_IDS:
            await window.send(type="resume", after=after)
            refused = await window.next()
            assert (refused["type"], refused["code"]) == ("error", "bad_message"), after
            assert "reload the page" in refused["message"]
    for after in NO_IDS[:2]:
        async with Window(adventure.pk, alice, query=f"?after={after}") as window:
            assert (await window.next())["type"] == "snapshot"


async def test_an_id_that_redis_refuses_takes_nobody_elses_words(alice, bob, begin, workers):
    async def attack(attacker):
        await attacker.send(type="resume", after=BEYOND)
        await asyncio.sleep(0.15)  # as fast as one window may

    await told_while(attack, alice, bob, begin, workers)


VALUES = [
    None,
    True,
    -1,
    10**30,
    1e308,
    "",
    "x" * 5_000,
    "\x00\ud800\u202e",
    BEYOND,
    f"{2**64 - 1}-{2**64 - 1}",
    "0-1",
    str(uuid.uuid4()),
    "'; DROP TABLE game_turn; --",
    "{{ 7*7 }}${name}%s",
    [],
    [[[[1]]]],
    {"$gt": ""},
]
COMMANDS = [
    {"type": "take_action", "key": 0, "kind": "do", "text": "look"},
    {"type": "retry_turn", "key": 0, "turn": 0},
    {"type": "undo_turn", "key": 0},
    {"type": "redo_turn", "key": 0},
    {"type": "go_to_turn", "key": 0, "turn": 0},
    {"type": "edit_turn", "key": 0, "turn": 0, "action": "look", "reply": "You look."},
    {"type": "stop_turn", "key": 0, "turn": 0},
    {"type": "resume", "after": "1-1"},
    {"type": "ping"},
]
RUBBISH = [" ", "{", "null", "[]", "7", '"x"', "[" * 50_000, '{"type":' * 9_000, "9" * 60_000]


def frames():
    """Every field of every command with every value, and frames that are no commands."""
    for command in COMMANDS:
        for field in [*command, "surplus"]:
            for value in VALUES:
                whole = {
                    name: str(uuid.uuid4()) if given == 0 else given
                    for name, given in command.items()
                }
                yield json.dumps({**whole, field: value})
    yield from RUBBISH


async def test_no_command_is_noticed_by_another_player(
    alice, bob, begin, workers, no_rate, caplog, settings
):
    left = list(frames())

    async def attack(attacker):
        for frame in left:
            await attacker.socket.send_to(text_data=frame)
        if left:
            left.clear()
            await attacker.send(type="ping", last=True)
            await attacker.until("error", message="last: Extra inputs are not permitted")
        await attacker.send(type="resume", after=BEYOND)
        await asyncio.sleep(0.05)

    with caplog.at_level(logging.ERROR):
        await told_while(attack, alice, bob, begin, workers)
    assert [each.getMessage() for each in caplog.records] == []


async def test_an_id_of_the_future_keeps_no_other_window_of_the_story_from_its_words(
    alice, adventure, workers
):
    """The first to follow a story says where it was; the reader begins at the log's own end."""
    workers.start(pace=100, replies=["The door opens."])
    reader, story = followers(), str(adventure.pk)
    asked = []
    plain = reader.entries_after

    async def entries_after(adventure, after):
        asked.append(reader.positions[adventure])
        return await plain(adventure, after)

    reader.entries_after = entries_after
    ahead = f"?after={2**64 - 1}-0"
    async with Window(story, alice, query=ahead) as window:
        assert (await window.next())["type"] == "snapshot"
        assert (await play(window))["turn"]["reply"] == "The door opens."
    assert asked[0] == FIRST


async def test_a_log_that_cannot_be_read_is_its_own_storys_trouble(alice, bob, begin, workers, log):
    """Something else than a stream stands where bob's log should be."""
    spoilt = []

    async def attack(attacker):
        if not spoilt:
            spoilt.append(log_key(str(attacker.adventure_id)))
            await asyncio.to_thread(log.redis.delete, spoilt[0])
            await asyncio.to_thread(log.redis.set, spoilt[0], "x")
        await attacker.command("undo_turn")
        await asyncio.sleep(0.15)

    await told_while(attack, alice, bob, begin, workers)


async def test_an_entry_that_nobody_can_read_is_passed_over(alice, adventure, workers, log):
    workers.start(pace=100, replies=["The door opens."])
    key = log_key(str(adventure.pk))
    async with Window(adventure.pk, alice) as window:
        await window.next()
        for entry in ({"e": b"\xff{"}, {"e": "[]"}, {"other": "x"}, {"e": to_json({"turn": 1})}):
            await asyncio.to_thread(log.redis.xadd, key, entry)
        assert (await play(window))["turn"]["reply"] == "The door opens."


async def test_an_error_in_the_reader_ends_nothing(alice, adventure, workers, monkeypatch):
    workers.start(pace=100, replies=["The door opens."])
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.05)
    reader = followers()
    fails = [ZeroDivisionError, KeyError, RuntimeError]
    split_active = reader.split_active

    def failing(now):
        if fails:
            raise fails.pop()
        return split_active(now)

    async with Window(adventure.pk, alice) as window:
        await window.next()
        monkeypatch.setattr(reader, "split_active", failing)
        await reader.wake()
        while fails:
            assert (await window.until("snapshot"))["turns"]
        assert (await play(window))["turn"]["reply"] == "The door opens."


@pytest.mark.parametrize("broken", ["check_version", "track_waiting_turn", "send_json"])
async def test_an_error_while_forwarding_brings_a_snapshot_and_it_goes_on(
    alice, adventure, workers, monkeypatch, broken
):
    monkeypatch.setattr(consumers, "FIRST_PAUSE", 0.05)
    workers.start(pace=100, replies=["The door opens."])
    fails = iter([KeyError("injected")])
    plain = getattr(consumers.AdventureConsumer, broken)

    def failing(self, event):
        if event["type"] == "turn.queued":
            for problem in fails:
                raise problem
        return plain(self, event)

    async with Window(adventure.pk, alice) as window:
        await window.next()
        monkeypatch.setattr(consumers.AdventureConsumer, broken, failing)
        await window.command("take_action", kind="do", text="open the door")
        snapshot = await window.until("snapshot")
        assert snapshot["turns"][-1]["action"] == "open the door"
        assert (await play(window))["turn"]["reply"] == "The door opens."


async def test_a_command_that_fails_here_is_refused_and_its_socket_stays(
    alice, adventure, workers, monkeypatch, caplog
):
    workers.start(pace=100, replies=["The door opens."])

    def fails(*_):
        raise KeyError("the player's words")

    async with Window(adventure.pk, alice) as window:
        await window.next()
        with monkeypatch.context() as patch:
            patch.setattr("game.play.turns.carry_out", fails)
            key = await window.command("take_action", kind="do", text="open the door")
            refused = await window.until("error")
        assert (refused["code"], refused["key"]) == ("narrator_down", key)
        assert "went wrong on this host" in refused["message"]
        assert (await play(window))["turn"]["reply"] == "The door opens."
    assert "a command failed: KeyError" in caplog.text
    assert "the player's words" not in caplog.text


async def test_an_error_while_the_line_is_looked_at_ends_no_look(
    alice, bob, begin, workers, monkeypatch
):
    monkeypatch.setattr(consumers, "POSITION_SECONDS", 0.05)
    workers.start(slots=1, pace=20, replies=[TOLD])
    fails = iter([KeyError("injected")])
    plain = consumers.AdventureConsumer.queue_position

    def failing(self, turn):
        for problem in fails:
            raise problem
        return plain(self, turn)

    monkeypatch.setattr(consumers.AdventureConsumer, "queue_position", failing)
    first, second = await in_database(begin, alice), await in_database(begin, bob)
    async with Window(first.pk, alice) as one, Window(second.pk, bob) as two:
        await one.next()
        await one.command("take_action", kind="do", text="talk")
        await one.until("turn.started")
        await two.next()
        await two.command("take_action", kind="do", text="wait")
        await two.until("turn.waiting")
        assert next(fails, None) is None
