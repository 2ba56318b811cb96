"""What travels over an adventure's socket, on the real path with the scripted engine."""

import asyncio
import json
import os
import signal
import time
import uuid
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import redis
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db.models.functions import Now
from django.test import Client

from dungeon.asgi import application
from game.database import THREADS, in_database
from game.models import Adventure, Status, Turn
from game.play import adventures, sweep, turns
from game.play.events import queue_client, redis_breaker
from game.play.protocol import TakeAction
from inference.contract.request import GenerationRequest, Passage, StoryContext, Token
from inference.queue.client import QueueClient
from inference.queue.keys import log_key, watched_key
from inference.queue.streams import FIRST
from tests.serving import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)

REPLY = "The hinges groan. A cold wind comes out of the dark. Somebody coughs below."


class Window:
    """A browser's window on an adventure."""

    def __init__(self, adventure_id, player=None, query="", origin=None):
        self.adventure_id, self.query, self.player = adventure_id, query, player
        self.headers = [(b"origin", (origin or settings.ALLOWED_ORIGINS[0]).encode())]
        self.seen = []

    async def __aenter__(self):
        if self.player is not None:
            client = Client()
            await asyncio.to_thread(log_in, client, self.player)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            self.client = client
            self.headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        path = f"/ws/adventures/{self.adventure_id}/{self.query}"
        self.socket = WebsocketCommunicator(application, path, headers=self.headers)
        self.connected, self.code = await self.socket.connect(timeout=PATIENCE)
        return self

    async def __aexit__(self, *_):
        await self.socket.disconnect()

    async def send(self, **message):
        await self.socket.send_to(text_data=json.dumps(message))

    async def command(self, type, **fields):
        key = str(uuid.uuid4())
        await self.send(type=type, key=key, **fields)
        return key

    async def next(self, timeout=PATIENCE):
        event = json.loads(await self.socket.receive_from(timeout=timeout))
        self.seen.append(event)
        return event

    async def until(self, type, timeout=PATIENCE, **fields):
        while True:
            event = await self.next(timeout)
            if event["type"] == type and all(event.get(k) == v for k, v in fields.items()):
                return event

    async def closed(self, timeout=PATIENCE):
        while True:
            output = await self.socket.receive_output(timeout=timeout)
            if output["type"] == "websocket.close":
                return output["code"]


def log_in(client, player):
    from django.db import connections

    try:
        client.force_login(player)
    finally:
        connections.close_all()


async def play(window, text="open the door"):
    await window.command("take_action", kind="do", text=text)
    return await window.until("turn.told")


def words_of(events, turn):
    """What a page shows: pieces put together by their index."""
    shown = ""
    for event in events:
        if event["type"] == "turn.token" and event["turn"] == turn:
            assert event["index"] == len(shown), "a piece was lost or doubled"
            shown += event["text"]
    return shown


async def test_an_action_is_accepted_queued_started_told_word_by_word(alice, adventure, workers):
    workers.start(pace=15, replies=[REPLY])
    async with Window(adventure.pk, alice) as window:
        snapshot = await window.next()
        assert snapshot["type"] == "snapshot"
        assert [turn["kind"] for turn in snapshot["turns"]] == ["opening"]
        key = await window.command("take_action", kind="do", text="open the door")
        told = await window.until("turn.told")
        types = [event["type"] for event in window.seen]
        assert types.index("turn.queued") < types.index("turn.started") < types.index("turn.token")
        assert {"type": "accepted", "key": key, "turn": told["turn"]["id"]} in window.seen
        assert types.count("turn.token") > 3
        assert told["turn"]["reply"] == words_of(window.seen, told["turn"]["id"]) == REPLY
        stored = await in_database(Turn.objects.get, pk=told["turn"]["id"])
        assert (stored.reply, stored.status) == (REPLY, Status.TOLD)


async def test_words_come_in_at_most_twenty_frames_a_second(alice, adventure, workers):
    workers.start(pace=300, replies=[" ".join(f"word{number}" for number in range(300))])
    async with Window(adventure.pk, alice) as window:
        await window.next()
        began = time.monotonic()
        await window.command("take_action", kind="do", text="listen")
        told = await window.until("turn.told")
        frames = [event for event in window.seen if event["type"] == "turn.token"]
        assert 3 < len(frames) <= 20 * (time.monotonic() - began) + 1
        assert words_of(window.seen, told["turn"]["id"]) == told["turn"]["reply"]


async def test_one_connection_to_redis_follows_the_logs_of_all_windows(alice, begin, log):
    stories = [await in_database(begin, alice) for _ in range(5)]
    # Others read on this server too: tests beside this one, and loops that ended a moment ago.
    before = {each["id"] for each in await asyncio.to_thread(log.redis.client_list)}
    async with AsyncExitStack() as open_windows:
        for story in stories:
            window = await open_windows.enter_async_context(Window(story.pk, alice))
            await window.next()
        clients = await asyncio.to_thread(log.redis.client_list)
        database = str(log.redis.connection_pool.connection_kwargs.get("db", 0))
        ours = [c for c in clients if c["id"] not in before and c["db"] == database]
        reading = [each for each in ours if each["cmd"].startswith("xread")]
        assert len(reading) == 1


async def test_two_windows_show_the_same_thing(alice, adventure, workers):
    workers.start(pace=200, replies=[REPLY])
    async with Window(adventure.pk, alice) as one, Window(adventure.pk, alice) as two:
        await one.next()
        await two.next()
        told = await play(one)
        seen = await two.until("turn.told")
        assert seen == told
        assert words_of(two.seen, told["turn"]["id"]) == REPLY


async def test_a_window_that_was_away_gets_exactly_what_it_missed(alice, adventure, workers):
    workers.start(pace=60, replies=[REPLY])
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="open the door")
        first = await window.until("turn.token")
        turn, last = first["turn"], first["id"]
        before = list(window.seen)
    await asyncio.sleep(0.2)
    async with Window(adventure.pk, alice, query=f"?after={last}") as window:
        await window.until("turn.told")
        assert window.seen[0]["type"] == "turn.token"
        assert words_of(before + window.seen, turn) == REPLY


async def test_resume_on_an_open_socket_gives_what_was_missed(alice, adventure, workers):
    workers.start(pace=0, replies=[REPLY])
    async with Window(adventure.pk, alice) as window:
        snapshot = await window.next()
        await play(window)
        queued = next(event for event in window.seen if event["type"] == "turn.queued")
        window.seen.clear()
        await window.send(type="resume", after=queued["id"])
        await window.until("turn.told")
        assert window.seen[0]["type"] == "turn.started"
        assert snapshot["id"] != queued["id"]


async def test_a_log_that_does_not_reach_back_brings_a_snapshot(alice, adventure, workers, log):
    workers.start(pace=0, replies=[REPLY])
    for after in ("1-1", "9999999999999-0", "nonsense", FIRST):
        async with Window(adventure.pk, alice, query=f"?after={after}") as window:
            assert (await window.next())["type"] == "snapshot"
    async with Window(adventure.pk, alice) as window:
        await window.next()
        told = await play(window)
        log.redis.delete(log_key(str(adventure.pk)))
        await window.send(type="resume", after=told["id"])
        snapshot = await window.next()
        assert snapshot["type"] == "snapshot"
        assert snapshot["turns"][-1]["reply"] == REPLY


async def test_a_reload_in_mid_reply_finds_its_place(alice, adventure, workers):
    engine = workers.start(pace=10, replies=[REPLY]).engine.wait_ready(PATIENCE)
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="open the door")
        await window.until("turn.token")
        os.kill(engine.pid, signal.SIGSTOP)  # however long the reload takes
    async with Window(adventure.pk, alice) as window:
        snapshot = await window.next()
        os.kill(engine.pid, signal.SIGCONT)
        turn = snapshot["turns"][-1]
        assert turn["status"] == "running"
        assert REPLY.startswith(turn["reply"]) and turn["reply"]
        told = await window.until("turn.told")
        shown = turn["reply"]
        for event in window.seen:
            if event["type"] == "turn.token":
                overlap = len(shown) - event["index"]
                assert overlap >= 0, "a piece was lost between snapshot and log"
                shown += event["text"][overlap:]
        assert shown == told["turn"]["reply"] == REPLY


async def test_what_happens_between_snapshot_and_log_is_not_lost(
    alice, adventure, narrator_awake, log, monkeypatch
):
    """The cut: events that fall after the snapshot's log id was read, before it is sent."""
    from game.play import snapshots

    plain = snapshots.snapshot

    def late(adventure_id, player):
        taken = plain(adventure_id, player)
        command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text="run")
        turns.carry_out(adventure_id, alice, command)
        lease = log.take_next("parrot", "w")
        log.append([(lease, [Token(turn=lease.request.turn, attempt=1, index=0, text="You ")])])
        return taken

    monkeypatch.setattr(snapshots, "snapshot", late)
    async with Window(adventure.pk, alice) as window:
        assert len((await window.next())["turns"]) == 1
        types = [(await window.next())["type"] for _ in range(3)]
        assert types == ["turn.queued", "turn.started", "turn.token"]


async def test_a_change_that_never_reached_the_log_brings_a_snapshot(
    alice, adventure, narrator_awake, log, monkeypatch
):
    """A crash between commit and append, and the sweep that finds it: one version is enough."""

    async with Window(adventure.pk, alice) as window, Window(adventure.pk, alice) as other:
        await window.next()
        snapshot = await other.next()
        with monkeypatch.context() as patch:
            patch.setattr(QueueClient, "publish", lambda *_: None)
            await in_database(adventures.rename, adventure.pk, "The Attic")
        # Two more windows come and go in between: `version` is known only from events here.
        async with Window(adventure.pk, alice, query=f"?after={snapshot['id']}") as third:
            await in_database(lag, adventure.pk)
            await in_database(sweep.publish_missed_versions)
            for each in (window, other, third):
                again = await each.until("snapshot")
                assert again["adventure"]["title"] == "The Attic"
                assert not any(event["type"] == "log.lagged" for event in each.seen)


async def test_a_page_that_comes_back_notices_what_never_reached_the_log(
    alice, adventure, narrator_awake, log, monkeypatch
):
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await in_database(adventures.rename, adventure.pk, "The Attic")
        known = await window.until("adventure.changed")
    with monkeypatch.context() as patch:
        patch.setattr(QueueClient, "publish", lambda *_: None)
        await in_database(adventures.set_plot, adventure.pk, "You are a ghost.", "")
    await in_database(adventures.rename, adventure.pk, "The Roof")
    query = f"?after={known['id']}&version={known['version']}"
    async with Window(adventure.pk, alice, query=query) as window:
        assert (await window.next())["adventure"]["memory"] == "You are a ghost."


def lag(adventure_id):
    queue_client().publish(str(adventure_id), [{"type": "pong"}], version=0)
    then = Now() - timedelta(seconds=60)
    Adventure.objects.filter(pk=adventure_id).update(changed=then)


async def test_stop_keeps_the_words_told_so_far(alice, adventure, workers):
    long = " ".join([REPLY] * 20)  # half a minute
    workers.start(pace=10, replies=[long])
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="open the door")
        turn = (await window.until("turn.token"))["turn"]
        await window.command("stop_turn", turn=turn)
        stopped = await window.until("turn.stopped")
        assert stopped["turn"]["reply"] == words_of(window.seen, turn)
        assert 0 < len(stopped["turn"]["reply"]) < len(long)
        await window.command("take_action", kind="do", text="go on")
        assert (await window.until("turn.token"))["turn"] != turn


async def test_a_stopped_turn_gives_its_place_at_the_narrators_to_the_next(
    alice, bob, adventure, begin, workers
):
    workers.start(slots=1, pace=2, replies=[" ".join([REPLY] * 20)])  # minutes, if nobody stops it
    other = await in_database(begin, bob)
    async with Window(adventure.pk, alice) as one, Window(other.pk, bob) as two:
        await one.next()
        await two.next()
        await one.command("take_action", kind="do", text="talk")
        turn = (await one.until("turn.token"))["turn"]
        await two.command("take_action", kind="do", text="wait")
        assert (await two.until("turn.queued"))["position"] == 0
        await one.command("stop_turn", turn=turn)
        await one.until("turn.stopped")
        await two.until("turn.started")


async def test_undo_redo_retry_and_edit_reach_every_window(alice, adventure, workers):
    workers.start(pace=0, replies=[REPLY])
    async with Window(adventure.pk, alice) as one, Window(adventure.pk, alice) as two:
        await one.next()
        await two.next()
        first = (await play(one))["turn"]["id"]
        await one.command("undo_turn")
        moved = await two.until("head.moved")
        assert (moved["undo"], moved["redo"]) == (False, first)
        await one.command("redo_turn")
        assert (await two.until("head.moved"))["head"] == first
        await one.command("retry_turn", turn=first)
        second = (await two.until("turn.told"))["turn"]
        assert second["siblings"] == [first, second["id"]]
        await one.command("edit_turn", turn=second["id"], reply="You think better of it.")
        edited = (await two.until("turn.edited"))["turn"]
        assert (edited["reply"], edited["edited"]) == ("You think better of it.", True)
        await one.command("go_to_turn", turn=first)
        assert (await two.until("head.moved"))["head"] == first


async def test_a_worker_whose_engine_dies_is_continued_without_a_repeated_word(
    alice, adventure, workers, log
):
    workers.start(pace=60, replies=[REPLY], crash_after_tokens=10)
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="open the door")
        await window.until("turn.token")
        async with asyncio.timeout(PATIENCE):
            while not any(event["type"] == "turn.told" for event in window.seen):
                await asyncio.sleep(0.1)
                await in_database(sweep_now)
                while not await window.socket.receive_nothing(0.05):
                    await window.next()
        told = next(event for event in window.seen if event["type"] == "turn.told")
        assert told["turn"]["attempt"] > 1
        assert words_of(window.seen, told["turn"]["id"]) == told["turn"]["reply"] == REPLY


def sweep_now():
    for turn in Turn.objects.filter(status=Status.QUEUED):
        sweep.sweep_turn(turn.pk)


# Who may listen: tests/safety/test_sockets.py


async def test_a_deleted_adventure_closes_its_sockets(alice, adventure, log):
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await in_database(adventures.purge, adventure.pk)
        assert await window.closed() == 4404


# Bad input; what is no message at all is in tests/safety/test_sockets.py


async def test_text_over_the_limit_says_how_long_it_may_be(alice, adventure, log):
    async with Window(adventure.pk, alice) as window:
        await window.next()
        key = await window.command("take_action", kind="do", text="x" * 4001)
        error = await window.next()
        assert (error["code"], error["key"]) == ("bad_message", key)
        assert "4,000" in error["message"] and "4,001" in error["message"]
        assert await in_database(Turn.objects.count) == 1


async def test_control_characters_are_left_out_of_what_is_stored(alice, adventure, workers):
    workers.start(pace=0, replies=[REPLY])
    async with Window(adventure.pk, alice) as window:
        await window.next()
        told = await play(window, "open\x00 the\x1b[31m do\u0301or")
        assert told["turn"]["action"] == "open the[31m d\u00f3or"


async def test_an_action_during_a_turn_is_busy(alice, adventure, workers):
    workers.start(pace=1, replies=[REPLY])
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="one")
        await window.until("turn.queued")
        key = await window.command("take_action", kind="do", text="two")
        error = await window.until("error")
        assert (error["code"], error["key"]) == ("busy", key)


async def test_an_open_window_says_that_somebody_watches(alice, adventure, log, settings):
    settings.STOP_WHEN_AWAY_SECONDS = 60
    async with Window(adventure.pk, alice) as window:
        await window.next()
        async with asyncio.timeout(PATIENCE):
            while (remembered := log.redis.ttl(watched_key(str(adventure.pk)))) <= 0:
                await asyncio.sleep(0.05)
        assert 50 <= remembered <= 60


async def test_a_player_who_floods_is_slowed_then_shut_out(alice, adventure, log):
    async with Window(adventure.pk, alice) as window:
        await window.next()
        for _ in range(300):
            await window.send(type="ping")
        error = await window.until("error")
        assert (error["code"], error["retry_after"]) == ("too_many", 1)
        assert await window.closed() == 4429


async def test_a_place_that_changes_all_the_time_is_told_once_a_second(
    alice, adventure, narrator_awake, log
):
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="wait")
        await window.until("turn.queued")
        began = time.monotonic()
        for number in range(60):
            log.send_heartbeat("parrot", "test", slots=1, recent_seconds=[10.0 + 5 * number])
            log.enqueue(waiting_before_all())
            await asyncio.sleep(0.05)
        await window.until("turn.waiting")
        while not await window.socket.receive_nothing(timeout=0.2):
            await window.next()
        told = [event for event in window.seen if event["type"] == "turn.waiting"]
        assert 2 <= len(told) <= time.monotonic() - began + 1


async def test_windows_that_wait_leave_a_redis_alone_that_does_not_answer(
    alice, adventure, narrator_awake, log, monkeypatch
):
    turn = await in_database(act, adventure, alice)
    looks = []

    def hangs(self, narrator, turn):
        looks.append(turn)
        time.sleep(0.3)
        raise redis.TimeoutError

    monkeypatch.setattr(QueueClient, "position", hangs)
    monkeypatch.setattr(redis_breaker, "open_until", 0.0)
    monkeypatch.setattr("game.play.events.BREAKER_SECONDS", 600)
    async with AsyncExitStack() as open_windows:
        for _ in range(3 * THREADS):
            window = await open_windows.enter_async_context(Window(adventure.pk, alice))
            await window.next()
        while not looks:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)
    assert set(looks) == {str(turn.pk)}
    assert len(looks) <= THREADS


def act(adventure, player):
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text="wait")
    return Turn.objects.get(pk=turns.carry_out(adventure.pk, player, command).turn)


def waiting_before_all():
    """A turn that was broken off elsewhere: it goes before all others in the line."""
    return GenerationRequest(
        adventure=str(uuid.uuid4()),
        turn=str(uuid.uuid4()),
        attempt=2,
        narrator="parrot",
        player="somebody",
        context=StoryContext(action=Passage(kind="continue")),
    )


async def test_a_waiting_turn_is_told_its_place_as_it_changes(
    alice, bob, adventure, begin, narrator_awake, log
):
    from game.models import Membership

    log.send_heartbeat("parrot", "test", slots=1, recent_seconds=[10.0])
    other = await in_database(begin, bob)
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text="run")
    await in_database(turns.carry_out, other.pk, bob, command)
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="wait")
        queued = await window.until("turn.queued")
        assert (queued["position"], queued["eta_seconds"]) == (1, 10)
        assert (await window.until("turn.waiting"))["position"] == 1
        log.take_next("parrot", "w")
        moved = await window.until("turn.waiting", position=0)
        assert 8 <= moved["eta_seconds"] <= 10
        assert await in_database(Membership.objects.count) == 2
        assert await in_database(Adventure.objects.count) == 2
