"""Words that the worker is late with, or that Redis could not take, on their way to the log."""

import json

import pytest
import redis

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.engines.base import NewText
from inference.prompts import reply_stream
from inference.queue.keys import log_key
from inference.worker.reply import ReplyInProgress

NUMBER = 7
WORDS = ["The old ", "hinges ", "groan, ", "and a cold ", "wind "]


@pytest.fixture
def narrator_worker(workers):
    return workers.start(woken=False)


@pytest.fixture
def reply(narrator_worker, log):
    """A turn that is told; what the engine says of it is up to the test."""
    context = StoryContext(action=Passage(kind="do", action="open the door"))
    log.enqueue(
        GenerationRequest(adventure="a", turn="t", attempt=1, narrator="parrot", context=context)
    )
    lease = log.take_next("parrot", "here")
    stream = reply_stream(lease.request, narrator_worker.narrator, again=False)
    reply = ReplyInProgress(lease, stream, index=0, began=0.0)
    narrator_worker.replies.add(NUMBER, reply)
    return reply


def pieces_of(log):
    events = [json.loads(fields[b"e"]) for _, fields in log.redis.xrange(log_key("a"))]
    return [(each["index"], each["text"]) for each in events if each["type"] == "turn.token"]


def steps(*words):
    return [NewText(NUMBER, word, 1) for word in words]


def test_words_that_come_one_by_one_are_pieces_of_their_own(narrator_worker, reply, log):
    for word in WORDS:
        narrator_worker.on_step(steps(word))
    assert len(pieces_of(log)) > 2
    assert "".join(text for _, text in pieces_of(log)) == reply.stream.told


def test_words_of_steps_that_came_together_are_one_piece(narrator_worker, reply, log):
    narrator_worker.on_step(steps(*WORDS))
    assert pieces_of(log) == [(0, reply.stream.told)]
    assert reply.stream.told.startswith("The old hinges")


def test_what_redis_took_without_saying_so_comes_again_as_it_was(
    narrator_worker, reply, log, monkeypatch
):
    append = narrator_worker.queue.append

    def lose_the_answer(pieces):
        append(list(pieces))
        raise redis.ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(narrator_worker.queue, "append", lose_the_answer)
        narrator_worker.on_step(steps(*WORDS[:3]))
    narrator_worker.on_step(steps(*WORDS[3:]))
    first, again, rest = pieces_of(log)
    assert first == again
    assert rest[0] == len(first[1])
    assert log.reply_so_far("a", "t").reply == first[1] + rest[1] == reply.stream.told
