"""Leases, the line of waiting turns and the log, against a real Redis."""

import uuid

import pytest

from inference.log import FIRST, StoryLog, lease_key, log_key
from inference.request import GenerationRequest, Passage, Result, StoryContext, Token


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


def test_turns_are_told_in_the_order_in_which_players_asked(log: StoryLog, request_for):
    first, second = request_for(), request_for()
    log.enqueue(second, since=20.0)
    log.enqueue(first, since=10.0)
    assert log.position("bard", first.turn) == 0
    assert log.position("bard", second.turn) == 1
    assert log.take_next("bard", "w").request.turn == first.turn
    assert log.take_next("bard", "w").request.turn == second.turn
    assert log.take_next("bard", "w") is None


def test_a_turn_that_was_sent_twice_is_leased_once(log: StoryLog, request_for):
    request = request_for()
    log.enqueue(request, since=1.0)
    assert log.take_next("bard", "w1") is not None
    log.enqueue(request, since=1.0)
    assert log.take_next("bard", "w2") is None


def test_a_lease_logs_that_the_turn_has_started(log: StoryLog, request_for):
    request = request_for(attempt=2)
    log.enqueue(request, since=1.0)
    log.take_next("bard", "w")
    [started] = events(log, request.adventure)
    assert started == {
        "type": "turn.started",
        "turn": request.turn,
        "attempt": 2,
        "telling": log.telling(request.turn),
        "fresh": True,
    }


def test_a_telling_that_goes_on_is_not_fresh_and_one_after_redis_was_emptied_is(
    log: StoryLog, request_for
):
    request = request_for()
    log.enqueue(request, since=1.0)
    log.release(log.take_next("bard", "w"))
    log.enqueue(request, since=1.0)
    log.take_next("bard", "w")
    assert [event["fresh"] for event in events(log, request.adventure)] == [True, False]
    log.redis.flushdb()
    log.enqueue(request, since=1.0)
    log.take_next("bard", "w")
    assert [event["fresh"] for event in events(log, request.adventure)] == [True]


def test_pieces_of_a_worker_that_lost_its_lease_are_refused(log: StoryLog, request_for):
    request = request_for()
    log.enqueue(request, since=1.0)
    old = log.take_next("bard", "w1")
    assert log.append([(old, [piece(old, 0, "You ")])]) == [True]
    log.redis.delete(lease_key(request.turn))
    log.enqueue(request.model_copy(update={"attempt": 2}), since=1.0)
    new = log.take_next("bard", "w2")
    assert new.request.told == "You "
    assert log.append([(old, [piece(old, 4, "fall.")]), (new, [piece(new, 4, "wait.")])]) == [
        False,
        True,
    ]
    assert log.renew([old, new]) == [False, True]
    assert not log.finish(old, result(old, "You fall."), [])
    assert log.finish(new, result(new, "You wait."), [])
    assert log.told(request.adventure, request.turn).reply == "You wait."


def test_the_same_worker_cannot_go_on_after_its_turn_was_revoked(log: StoryLog, request_for):
    request = request_for()
    log.enqueue(request, since=1.0)
    lease = log.take_next("bard", "w")
    log.append([(lease, [piece(lease, 0, "You look ")])])
    told = log.revoke(request.adventure, "bard", request.turn)
    assert (told.reply, told.end) == ("You look ", None)
    assert log.append([(lease, [piece(lease, 9, "up.")])]) == [False]
    assert not log.finish(lease, result(lease, "You look up."), [piece(lease, 9, "up.")])
    assert log.told(request.adventure, request.turn).reply == "You look "


def test_a_waiting_turn_that_was_revoked_is_never_taken(log: StoryLog, request_for):
    request = request_for()
    log.enqueue(request, since=1.0)
    log.revoke(request.adventure, "bard", request.turn)
    assert log.take_next("bard", "w") is None


def test_a_piece_that_was_written_twice_is_read_once(log: StoryLog, request_for):
    request = request_for()
    log.enqueue(request, since=1.0)
    lease = log.take_next("bard", "w")
    for _ in range(2):
        log.append([(lease, [piece(lease, 0, "You "), piece(lease, 4, "run.")])])
    assert log.told(request.adventure, request.turn).reply == "You run."


def test_an_attempt_that_finds_the_end_in_the_log_does_not_tell_again(log: StoryLog, request_for):
    request = request_for()
    log.enqueue(request, since=1.0)
    lease = log.take_next("bard", "w1")
    assert log.finish(lease, result(lease, "You win."), [piece(lease, 0, "You win.")])
    log.enqueue(request, since=1.0)
    again = log.take_next("bard", "w2")
    assert again.ended == result(lease, "You win.")


def test_a_released_lease_leaves_the_turn_to_the_next_attempt_at_once(log: StoryLog, request_for):
    request = request_for()
    log.enqueue(request, since=1.0)
    lease = log.take_next("bard", "w")
    log.release(lease)
    state = log.state("bard", request.turn)
    assert (state.leased, state.waiting, state.started, state.end) == (False, False, 1, None)


def test_a_narrator_is_alive_while_a_worker_says_so(log: StoryLog):
    assert not log.narrator_alive("bard")
    log.beat("bard", "w1", slots=4, running=1, turn_s=2.0)
    log.beat("bard", "w2", slots=4, running=4, turn_s=4.0)
    pace = log.pace("bard")
    assert (pace.workers, pace.slots, pace.running, pace.turn_seconds) == (2, 8, 5, 3.0)
    log.leave("bard", "w1")
    log.leave("bard", "w2")
    assert not log.narrator_alive("bard")


def test_the_wait_is_nothing_while_a_slot_is_free_and_grows_with_the_line(log: StoryLog):
    log.beat("bard", "w", slots=2, running=1, turn_s=4.0)
    assert log.pace("bard").seconds_until_started(0) == 0
    log.beat("bard", "w", slots=2, running=2, turn_s=4.0)
    assert log.pace("bard").seconds_until_started(0) == 2
    assert log.pace("bard").seconds_until_started(3) == 8
    assert log.pace("nobody").seconds_until_started(0) is None


def test_the_log_of_a_quiet_adventure_goes_after_an_hour(log: StoryLog):
    adventure = str(uuid.uuid4())
    assert log.last_id(adventure) == FIRST
    log.publish(adventure, {"type": "head.moved"}, version=3)
    assert log.last_id(adventure) != FIRST
    assert log.version(adventure) == 3
    assert 3500 < log.redis.ttl(log_key(adventure)) <= 3600


def events(log: StoryLog, adventure: str) -> list[dict]:
    import json

    return [json.loads(fields[b"e"]) for _, fields in log.redis.xrange(log_key(adventure))]
