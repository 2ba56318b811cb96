"""Leases, the line of waiting turns and the log, against a real Redis."""

import uuid

import pytest

from inference.contract.request import GenerationRequest, Passage, Result, StoryContext, Token
from inference.queue.client import QueueClient
from inference.queue.keys import end_key, lease_key, log_key
from inference.queue.streams import ENDED_ENTRIES, FIRST, LOG_SECONDS


@pytest.fixture
def request_for():
    def make(turn=None, attempt=1, adventure=None, narrator="bard"):
        return GenerationRequest(
            adventure=adventure or str(uuid.uuid4()),
            turn=turn or str(uuid.uuid4()),
            attempt=attempt,
            narrator=narrator,
            context=StoryContext(action=Passage(kind="do", action="open the door")),
        )

    return make


def piece(lease, index, text):
    request = lease.request
    return Token(turn=request.turn, attempt=request.attempt, index=index, text=text)


def result(lease, reply, outcome="told"):
    request = lease.request
    return Result(
        adventure=request.adventure,
        turn=request.turn,
        attempt=request.attempt,
        outcome=outcome,
        reply=reply,
    )


def test_turns_are_told_in_the_order_in_which_players_asked(log: QueueClient, request_for):
    first, second = request_for(), request_for()
    log.enqueue(first)
    log.enqueue(second)
    assert log.position("bard", first.turn) == 0
    assert log.position("bard", second.turn) == 1
    assert log.take_next("bard", "w").request.turn == first.turn
    assert log.take_next("bard", "w").request.turn == second.turn
    assert log.take_next("bard", "w") is None


def test_a_turn_that_was_sent_twice_is_leased_once(log: QueueClient, request_for):
    request = request_for()
    log.enqueue(request)
    assert log.take_next("bard", "w1") is not None
    log.enqueue(request)
    assert log.take_next("bard", "w2") is None


def test_a_lease_logs_that_the_turn_has_started(log: QueueClient, request_for):
    request = request_for(attempt=2)
    log.enqueue(request)
    lease = log.take_next("bard", "w")
    [started] = events(log, request.adventure)
    assert started == {
        "type": "turn.started",
        "turn": request.turn,
        "attempt": 2,
        "telling": lease.value.split(":")[-2],
        "fresh": True,
    }


def test_the_words_told_so_far_come_with_the_name_of_their_telling(log: QueueClient, request_for):
    """A page that has them from a snapshot must know them again when the log repeats its start."""
    request = request_for()
    log.enqueue(request)
    assert log.reply_so_far(request.adventure, request.turn).telling is None
    lease = log.take_next("bard", "w")
    log.append([(lease, [piece(lease, 0, "You ")])])
    [started] = [e for e in events(log, request.adventure) if e["type"] == "turn.started"]
    told = log.reply_so_far(request.adventure, request.turn)
    assert (told.reply, told.telling, told.leased) == ("You ", started["telling"], True)
    log.finish(lease, result(lease, "You wait."), [piece(lease, 4, "wait.")])
    told = log.reply_so_far(request.adventure, request.turn)
    assert (told.reply, told.telling, told.leased) == ("You wait.", started["telling"], False)


def test_a_request_without_a_place_in_the_line_is_forgotten(log: QueueClient, request_for):
    kept, stray = request_for(), request_for()
    log.enqueue(kept)
    log.redis.hset("grue:requests:bard", stray.turn, stray.model_dump_json())
    assert log.drop_stale_requests("bard") == 1
    assert log.drop_stale_requests("bard") == 0
    assert log.take_next("bard", "w").request == kept


def test_a_telling_that_goes_on_is_not_fresh_and_one_after_redis_was_emptied_is(
    log: QueueClient, request_for
):
    request = request_for()
    log.enqueue(request)
    log.release(log.take_next("bard", "w"))
    log.enqueue(request)
    log.take_next("bard", "w")
    assert [event["fresh"] for event in events(log, request.adventure)] == [True, False]
    log.redis.flushdb()
    log.enqueue(request)
    log.take_next("bard", "w")
    assert [event["fresh"] for event in events(log, request.adventure)] == [True]


def test_pieces_of_a_worker_that_lost_its_lease_are_refused(log: QueueClient, request_for):
    request = request_for()
    log.enqueue(request)
    old = log.take_next("bard", "w1")
    assert log.append([(old, [piece(old, 0, "You ")])]) == [True]
    log.redis.delete(lease_key(request.turn))
    log.enqueue(request.model_copy(update={"attempt": 2}))
    new = log.take_next("bard", "w2")
    assert new.request.told == "You "
    assert log.append([(old, [piece(old, 4, "fall.")]), (new, [piece(new, 4, "wait.")])]) == [
        False,
        True,
    ]
    assert log.renew([old, new]) == [False, True]
    assert not log.finish(old, result(old, "You fall."), [])
    assert log.finish(new, result(new, "You wait."), [])
    assert log.reply_so_far(request.adventure, request.turn).reply == "You wait."


def test_the_same_worker_cannot_go_on_after_its_turn_was_revoked(log: QueueClient, request_for):
    request = request_for()
    log.enqueue(request)
    lease = log.take_next("bard", "w")
    log.append([(lease, [piece(lease, 0, "You look ")])])
    told = log.revoke(request.adventure, "bard", request.turn, 1)
    assert (told.reply, told.end) == ("You look ", None)
    assert log.append([(lease, [piece(lease, 9, "up.")])]) == [False]
    assert not log.finish(lease, result(lease, "You look up."), [piece(lease, 9, "up.")])
    assert log.reply_so_far(request.adventure, request.turn).reply == "You look "


def test_a_waiting_turn_that_was_revoked_is_never_taken(log: QueueClient, request_for):
    request = request_for()
    log.enqueue(request)
    log.revoke(request.adventure, "bard", request.turn, 1)
    assert log.take_next("bard", "w") is None


def test_a_piece_that_was_written_twice_is_read_once(log: QueueClient, request_for):
    request = request_for()
    log.enqueue(request)
    lease = log.take_next("bard", "w")
    for _ in range(2):
        log.append([(lease, [piece(lease, 0, "You "), piece(lease, 4, "run.")])])
    assert log.reply_so_far(request.adventure, request.turn).reply == "You run."


def test_an_attempt_that_finds_the_end_in_the_log_does_not_tell_again(
    log: QueueClient, request_for
):
    request = request_for()
    log.enqueue(request)
    lease = log.take_next("bard", "w1")
    assert log.finish(lease, result(lease, "You win."), [piece(lease, 0, "You win.")])
    log.enqueue(request)
    again = log.take_next("bard", "w2")
    assert again.ended == result(lease, "You win.")


def test_a_released_lease_leaves_the_turn_to_the_next_attempt_at_once(
    log: QueueClient, request_for
):
    request = request_for()
    log.enqueue(request)
    lease = log.take_next("bard", "w")
    log.release(lease)
    state = log.state("bard", request.turn)
    assert (state.leased, state.waiting, state.started, state.end) == (False, False, 1, None)


def test_a_narrator_is_alive_while_a_worker_says_so(log: QueueClient):
    assert not log.narrator_alive("bard")
    log.send_heartbeat("bard", "w1", slots=4, recent_seconds=[2.0])
    log.send_heartbeat("bard", "w2", slots=4, recent_seconds=[4.0, 3.0])
    pace = log.narrator_stats("bard")
    assert (pace.workers, pace.slots, pace.running, pace.recent_seconds) == (
        2,
        8,
        (),
        (2.0, 4.0, 3.0),
    )
    log.remove_worker("bard", "w1")
    log.remove_worker("bard", "w2")
    assert not log.narrator_alive("bard")


def test_a_turn_that_has_ended_leaves_little_in_redis(log: QueueClient, request_for):
    request = request_for()
    log.enqueue(request)
    lease = log.take_next("bard", "w")
    for index in range(600):
        log.append([(lease, [piece(lease, 5 * index, "tick ")])])
    log.finish(lease, result(lease, "tick " * 600), [])
    assert log.redis.xlen(log_key(request.adventure)) > 600
    told = {"type": "turn.told", "version": 2, "turn": {"id": request.turn, "reply": "tick"}}
    log.publish(request.adventure, [told], 2)
    left = log.redis.xlen(log_key(request.adventure))
    assert ENDED_ENTRIES <= left < 3 * ENDED_ENTRIES, "Redis trims whole nodes"
    newest = log.redis.xrevrange(log_key(request.adventure), count=1)[0][1][b"e"]
    assert b"turn.told" in newest
    # What was told is in the database by now: it is kept for messages that come twice, no longer.
    assert log.redis.ttl(end_key(request.turn)) <= LOG_SECONDS
    assert log.state("bard", request.turn).end.reply == "tick " * 600


def test_a_turn_that_failed_keeps_its_words_in_the_log(log: QueueClient, request_for):
    request = request_for()
    log.enqueue(request)
    lease = log.take_next("bard", "w")
    for index in range(300):
        log.append([(lease, [piece(lease, 5 * index, "tick ")])])
    failed = {"type": "turn.failed", "version": 2, "turn": request.turn, "reason": "no"}
    log.publish(request.adventure, [failed], 2)
    assert log.redis.xlen(log_key(request.adventure)) > 300


def test_the_log_of_a_quiet_adventure_goes_after_an_hour(log: QueueClient):
    adventure = str(uuid.uuid4())
    assert log.last_id(adventure) == FIRST
    log.publish(adventure, [{"type": "head.moved"}], version=3)
    assert log.last_id(adventure) != FIRST
    assert log.versions([adventure, "another"]) == {adventure: 3, "another": None}
    assert log.versions([]) == {}
    assert 3500 < log.redis.ttl(log_key(adventure)) <= 3600


def events(log: QueueClient, adventure: str) -> list[dict]:
    import json

    return [json.loads(fields[b"e"]) for _, fields in log.redis.xrange(log_key(adventure))]
