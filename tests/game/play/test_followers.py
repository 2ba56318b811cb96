"""Followers of many logs: the active ones are read at once, the quiet ones now and then."""

import asyncio
import gc
import json
import time
import uuid
from types import SimpleNamespace

import pytest

from game.play import followers as following
from game.play.consumers import merge_entries
from game.play.followers import followers
from inference.contract.request import Token
from inference.queue.streams import FIRST, token_event
from tests.serving import PATIENCE


def names(count):
    return [str(uuid.uuid4()) for _ in range(count)]


async def say(log, adventure, word):
    await asyncio.to_thread(log.publish, adventure, [{"type": "said", "text": word}], 1)


async def next_of(follower):
    async with asyncio.timeout(PATIENCE):
        return [entry.event["text"] for entry in await follower.take()]


@pytest.fixture
async def reading(log, monkeypatch):
    """Followers of more logs than each call reads; and how many each call has asked for."""
    monkeypatch.setattr(following, "MAX_LOGS_PER_READ", 2)
    asked = []
    reader = followers()

    async def read(adventures, block=None):
        asked.append((len(adventures), block is not None))
        return await type(reader).read(reader, adventures, block)

    reader.read = read
    yield reader, asked
    if reader.task is not None:
        reader.task.cancel()


async def follow_all(reader, adventures):
    return {each: await reader.follow(each, FIRST) for each in adventures}


async def test_what_is_said_in_a_quiet_story_is_heard_and_in_order(reading, log, monkeypatch):
    monkeypatch.setattr(following, "ACTIVE_SECONDS", 0.0)  # all of them are quiet
    reader, _ = reading
    followed = await follow_all(reader, names(6))
    for adventure in followed:
        for word in ("one", "two"):
            await say(log, adventure, word)
    for follower in followed.values():
        heard = await next_of(follower)
        while len(heard) < 2:
            heard += await next_of(follower)
        assert heard == ["one", "two"]


async def test_of_many_stories_only_the_lively_are_asked_for_all_the_time(
    reading, log, monkeypatch
):
    now = 1000.0  # of a clock that stands, so that the lively one stays so
    monkeypatch.setattr(following, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(following, "QUIET_SECONDS", 600.0)
    reader, asked = reading
    followed = await follow_all(reader, names(6))
    active = next(iter(followed))
    before = len(asked)
    now += following.ACTIVE_SECONDS + 1
    reader.mark_active(active)
    for word in range(20):
        await say(log, active, str(word))
        assert await next_of(followed[active]) == [str(word)]
    assert asked[-5:] == [(1, True)] * 5
    assert asked[before:].count((5, False)) == 1, "the quiet ones, once in all this time"


async def test_a_story_that_is_left_is_asked_for_no_more(reading, log):
    reader, asked = reading
    followed = await follow_all(reader, names(6))
    for adventure, follower in list(followed.items())[1:]:
        reader.unfollow(follower)
        assert adventure not in reader.active
    kept = next(iter(followed))
    await say(log, kept, "here")
    assert await next_of(followed[kept]) == ["here"]
    await say(log, kept, "still")
    assert await next_of(followed[kept]) == ["still"]
    assert asked[-1] == (1, True)


async def test_many_lively_stories_are_read_in_rounds_and_no_word_is_lost(
    reading, log, monkeypatch
):
    monkeypatch.setattr(following, "ROUND_SECONDS", 0.3)
    reader, asked = reading
    followed = await follow_all(reader, names(6))
    async with asyncio.timeout(PATIENCE):
        while not reader.in_rounds:
            await asyncio.sleep(0.02)
    before, began = len(asked), time.monotonic()
    words = [str(word) for word in range(20)]
    for word in words:
        for adventure in followed:
            await say(log, adventure, word)
    for follower in followed.values():
        heard = []
        while len(heard) < len(words):
            heard += await next_of(follower)
        assert heard == words
    rounds = (time.monotonic() - began) / following.ROUND_SECONDS + 1
    assert len(asked) - before <= 2 * rounds, "words of a round are read together"
    for follower in list(followed.values())[2:]:
        reader.unfollow(follower)
    last = next(iter(followed))
    await say(log, last, "alone")
    assert await next_of(followed[last]) == ["alone"]
    await say(log, last, "again")
    assert await next_of(followed[last]) == ["again"]
    assert not reader.in_rounds


async def test_words_go_out_as_they_came_and_are_the_frame_that_reading_them_makes(log):
    token = Token(turn="t-1", attempt=1, index=7, text=' "Über\\den" 🌊\n')
    entry = following.decode_entry(b"17-3", {b"e": token_event(token).encode()})
    assert entry.words
    assert json.loads(entry.frame) == {"type": "turn.token", **token.model_dump(), "id": "17-3"}
    assert [json.loads(entry.frame)] == merge_entries([entry])
    assert not following.decode_entry(b"17-4", {b"e": b'{"type":"turn.told"}'}).words


async def test_a_window_that_goes_while_its_log_turns_out_gone_leaves_no_unheard_error(
    reading, log, monkeypatch, caplog
):
    reader, _ = reading
    (adventure,) = names(1)
    await say(log, adventure, "one")
    asked, answer = asyncio.Event(), asyncio.Event()

    async def entries_from(key, start):
        asked.set()
        await answer.wait()
        return []

    monkeypatch.setattr(reader, "entries_from", entries_from)
    window = asyncio.create_task(reader.follow(adventure, "1-1"))
    async with asyncio.timeout(PATIENCE):
        await asked.wait()
    window.cancel()
    with pytest.raises(asyncio.CancelledError):
        await window
    answer.set()
    await asyncio.sleep(0.05)
    gc.collect()
    assert not [each for each in caplog.records if "never retrieved" in each.getMessage()]
    assert not reader.following
