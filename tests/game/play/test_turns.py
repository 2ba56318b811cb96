"""Every command, once, on the tree of turns: real Postgres, real Redis, no narrator running."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

import game.play.events
from game import tasks
from game.models import Adventure, Command, Edit, Kind, Status, Turn
from game.play import adventures, changes, endings, narration, snapshots, turns
from game.play.protocol import (
    EditTurn,
    GoToTurn,
    RedoTurn,
    Refused,
    RetryTurn,
    StopTurn,
    TakeAction,
    UndoTurn,
)
from inference.contract.request import GenerationRequest, Passage, Result, StoryContext, Token
from inference.queue.client import QueueClient
from inference.queue.keys import WATCHING_KEY, log_key, version_key, waiting_key, watched_key

pytestmark = pytest.mark.django_db(transaction=True)


def key():
    return uuid.uuid4()


def act(adventure, player, text="open the door", kind="do", command_key=None):
    command = TakeAction(type="take_action", key=command_key or key(), kind=kind, text=text)
    accepted = turns.carry_out(adventure.pk, player, command)
    return Turn.objects.get(pk=accepted.turn)


def tell(turn, reply="It opens.", outcome="told"):
    """End a turn as a worker does, without one."""
    return endings.finish_turn(
        Result(
            adventure=str(turn.adventure_id),
            turn=str(turn.pk),
            attempt=turn.attempt,
            outcome=outcome,
            reply=reply,
        )
    )


def do(adventure, player, command, **fields):
    return turns.carry_out(adventure.pk, player, command(type=NAMES[command], key=key(), **fields))


NAMES = {
    RetryTurn: "retry_turn",
    UndoTurn: "undo_turn",
    RedoTurn: "redo_turn",
    GoToTurn: "go_to_turn",
    EditTurn: "edit_turn",
    StopTurn: "stop_turn",
}


def head(adventure):
    return Adventure.objects.get(pk=adventure.pk).head


def test_an_action_becomes_a_queued_turn_below_the_opening(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    assert (turn.status, turn.kind, turn.action) == (Status.QUEUED, Kind.DO, "open the door")
    assert turn.parent.kind == Kind.OPENING
    assert head(adventure) == turn
    assert log.position(turn.narrator, str(turn.pk)) == 0


def test_an_action_sent_twice_with_one_key_is_one_turn(alice, adventure, narrator_awake):
    again = key()
    first = act(adventure, alice, command_key=again)
    version = Adventure.objects.get(pk=adventure.pk).version
    assert act(adventure, alice, command_key=again) == first
    tell(first)
    assert act(adventure, alice, command_key=again) == first
    assert adventure.turns.count() == 2
    assert Adventure.objects.get(pk=adventure.pk).version == version + 1  # the telling's


def test_one_turn_at_a_time_is_under_way_in_an_adventure(alice, adventure, narrator_awake):
    act(adventure, alice)
    with pytest.raises(Refused) as refused:
        act(adventure, alice, "run")
    assert refused.value.code == "busy"
    with pytest.raises(IntegrityError), transaction.atomic():
        parent = head(adventure).parent
        Turn.objects.create(adventure=adventure, parent=parent, kind=Kind.DO)


def test_a_refused_command_may_be_sent_again_with_its_key(alice, adventure, narrator_awake):
    first = act(adventure, alice)
    waiting = key()
    with pytest.raises(Refused):
        act(adventure, alice, "run", command_key=waiting)
    tell(first)
    assert act(adventure, alice, "run", command_key=waiting).action == "run"


def test_a_player_has_at_most_two_turns_under_way(alice, begin, narrator_awake):
    for _ in range(2):
        act(begin(alice), alice)
    with pytest.raises(Refused) as refused:
        act(begin(alice), alice)
    assert refused.value.code == "too_many"
    assert refused.value.retry_after > 0


def test_what_comes_from_an_older_attempt_is_refused(alice, adventure, narrator_awake):
    turn = act(adventure, alice)
    Turn.objects.filter(pk=turn.pk).update(attempt=2)
    assert not tell(turn, "An old tale.")
    turn.refresh_from_db()
    assert (turn.status, turn.reply) == (Status.QUEUED, "")
    assert tell(turn, "A new tale.")
    assert not tell(turn, "Told twice.")
    turn.refresh_from_db()
    assert turn.reply == "A new tale."


def test_retry_keeps_the_earlier_reply_beside_the_new_one(alice, adventure, narrator_awake):
    first = act(adventure, alice)
    tell(first, "It is locked.")
    do(adventure, alice, RetryTurn, turn=first.pk)
    second = head(adventure)
    assert (second.parent, second.action, second.kind) == (first.parent, first.action, first.kind)
    tell(second, "It opens.")
    first.refresh_from_db()
    assert first.reply == "It is locked."


def test_the_opening_cannot_be_retried_or_undone(alice, adventure, narrator_awake):
    for command, fields in [(RetryTurn, {"turn": head(adventure).pk}), (UndoTurn, {})]:
        with pytest.raises(Refused) as refused:
            do(adventure, alice, command, **fields)
        assert refused.value.code == "not_allowed"


def test_undo_and_redo_lose_nothing(alice, adventure, narrator_awake):
    one = act(adventure, alice, "one")
    tell(one)
    two = act(adventure, alice, "two")
    tell(two)
    do(adventure, alice, UndoTurn)
    assert head(adventure) == one
    do(adventure, alice, UndoTurn)
    assert head(adventure).kind == Kind.OPENING
    do(adventure, alice, RedoTurn)
    do(adventure, alice, RedoTurn)
    assert head(adventure) == two
    with pytest.raises(Refused):
        do(adventure, alice, RedoTurn)


def test_redo_follows_the_branch_that_was_played_last(alice, adventure, narrator_awake):
    one = act(adventure, alice, "left")
    tell(one)
    do(adventure, alice, UndoTurn)
    two = act(adventure, alice, "right")
    tell(two)
    do(adventure, alice, UndoTurn)
    do(adventure, alice, RedoTurn)
    assert head(adventure) == two
    do(adventure, alice, GoToTurn, turn=one.pk)
    do(adventure, alice, UndoTurn)
    do(adventure, alice, RedoTurn)
    assert head(adventure) == one


def test_undo_during_a_turn_stops_it_and_keeps_its_words(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    lease = log.take_next(turn.narrator, "w")
    log.append([(lease, [Token(turn=str(turn.pk), attempt=1, index=0, text="The door ")])])
    do(adventure, alice, UndoTurn)
    turn.refresh_from_db()
    assert (turn.status, turn.reply) == (Status.STOPPED, "The door ")
    assert head(adventure).kind == Kind.OPENING
    assert not tell(turn, "The door falls on you.")


def test_stop_ends_a_turn_that_nobody_tells_yet(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    do(adventure, alice, StopTurn, turn=turn.pk)
    turn.refresh_from_db()
    assert turn.status == Status.STOPPED
    assert log.take_next(turn.narrator, "w") is None
    do(adventure, alice, StopTurn, turn=turn.pk)


def test_an_edit_keeps_what_it_replaced(alice, adventure, narrator_awake):
    turn = act(adventure, alice)
    tell(turn, "It opens.")
    do(adventure, alice, EditTurn, turn=turn.pk, action="close the door", reply="It shuts.")
    turn.refresh_from_db()
    assert (turn.action, turn.reply, turn.edited) == ("close the door", "It shuts.", True)
    before = list(Edit.objects.values_list("field", "before", "by"))
    assert before == [("action", "open the door", alice.pk), ("reply", "It opens.", alice.pk)]


def test_a_turn_of_another_adventure_is_unknown(alice, adventure, begin, narrator_awake):
    other = head(begin(alice))
    for command in (RetryTurn, GoToTurn, StopTurn):
        with pytest.raises(Refused) as refused:
            do(adventure, alice, command, turn=other.pk)
        assert refused.value.code == "unknown_turn"


def test_an_adventure_that_is_not_yours_is_as_if_it_were_not(charlie, adventure, narrator_awake):
    with pytest.raises(changes.NoSuchAdventure):
        act(adventure, charlie)
    with pytest.raises(changes.NoSuchAdventure):
        turns.carry_out(uuid.uuid4(), charlie, UndoTurn(type="undo_turn", key=key()))
    assert adventure.turns.count() == 1
    assert Adventure.objects.get(pk=adventure.pk).version == 0


def test_without_a_narrator_nothing_is_queued(alice, adventure, log):
    with pytest.raises(Refused) as refused:
        act(adventure, alice)
    assert refused.value.code == "narrator_down"
    assert adventure.turns.count() == 1


def test_a_narrator_that_the_host_took_away_is_named_and_the_default_tells(
    alice, adventure, narrator_awake
):
    Adventure.objects.filter(pk=adventure.pk).update(narrator="gone")
    adventure.refresh_from_db()
    assert "“gone” is no longer on this host" in snapshots.narrator_data(adventure)["line"]
    assert act(adventure, alice).narrator == "parrot"


def test_words_are_not_sent_to_another_machine_because_a_narrator_has_gone(
    alice, adventure, narrator_awake, settings, tmp_path
):
    file = tmp_path / "narrators.yaml"
    file.write_text(
        "narrators: [{name: far, line: x, engine: openai, model: 'https://api.example.com/v1'}]"
    )
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file)
    Adventure.objects.filter(pk=adventure.pk).update(narrator="gone")
    with pytest.raises(Refused) as refused:
        act(adventure, alice)
    assert refused.value.code == "narrator_down"
    assert "“gone” is no longer available" in refused.value.message


def fill_the_slots_of(narrator, log, slots):
    for _ in range(slots):
        request = GenerationRequest(
            adventure=str(uuid.uuid4()),
            turn=str(uuid.uuid4()),
            attempt=1,
            narrator=narrator,
            context=StoryContext(action=Passage(kind="continue")),
        )
        log.enqueue(request)
        log.take_next(narrator, "w")


def test_a_wait_over_the_limit_is_refused_with_a_time(
    alice, adventure, narrator_awake, log, settings
):
    settings.MAX_WAIT_SECONDS = 5
    fill_the_slots_of("parrot", log, 4)
    log.send_heartbeat("parrot", "test", slots=4, recent_seconds=[60.0])
    with pytest.raises(Refused) as refused:
        act(adventure, alice)
    assert refused.value.code == "full"
    assert refused.value.retry_after > 0


def test_an_empty_action_is_a_continue(alice, adventure, narrator_awake):
    assert act(adventure, alice, "", kind="say").kind == Kind.CONTINUE


def test_after_a_failed_turn_the_story_goes_on_from_before_it(alice, adventure, narrator_awake):
    failed = act(adventure, alice)
    tell(failed, "", outcome="failed")
    assert act(adventure, alice, "knock").parent == failed.parent


def test_each_change_raises_the_version_and_its_events_carry_it(
    alice, adventure, narrator_awake, log
):
    turn = act(adventure, alice)
    tell(turn)
    do(adventure, alice, UndoTurn)
    assert Adventure.objects.get(pk=adventure.pk).version == 3
    assert [(e["type"], e["version"]) for e in logged(log, adventure)] == [
        ("turn.queued", 1),
        ("turn.told", 2),
        ("head.moved", 3),
    ]


def test_a_deleted_adventure_takes_its_turn_from_the_line(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    adventures.purge(adventure.pk)
    assert log.take_next(turn.narrator, "w") is None
    assert not tell(turn)
    assert not Command.objects.exists()


# The sweep


def age(turn):
    Turn.objects.filter(pk=turn.pk).update(created=Now() - timedelta(seconds=60))


def test_the_sweep_sends_a_turn_again_that_redis_forgot(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    log.redis.flushdb()
    age(turn)
    tasks.sweep_stale_turns()
    lease = log.take_next(turn.narrator, "w")
    assert (lease.request.turn, lease.request.attempt) == (str(turn.pk), 1)


def test_the_sweep_gives_a_dead_workers_turn_to_the_next_attempt(
    alice, adventure, narrator_awake, log
):
    turn = act(adventure, alice)
    age(turn)
    lease = log.take_next(turn.narrator, "w1")
    log.append([(lease, [Token(turn=str(turn.pk), attempt=1, index=0, text="The door ")])])
    tasks.sweep_stale_turns()
    assert log.take_next(turn.narrator, "w2") is None  # its worker lives
    log.release(lease)
    tasks.sweep_stale_turns()
    again = log.take_next(turn.narrator, "w2")
    assert (again.request.attempt, again.request.told) == (2, "The door ")


def test_after_three_attempts_a_turn_fails_and_keeps_its_words(
    alice, adventure, narrator_awake, log
):
    turn = act(adventure, alice)
    age(turn)
    for attempt in (1, 2, 3):
        lease = log.take_next(turn.narrator, "w")
        assert lease.request.attempt == attempt
        log.append([(lease, [Token(turn=str(turn.pk), attempt=attempt, index=0, text="You ")])])
        log.release(lease)
        tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert (turn.status, turn.reply) == (Status.FAILED, "You ")
    assert turn.reason


def test_a_lost_turn_is_found_among_many_that_are_on_their_way(
    begin, narrator_awake, log, django_user_model
):
    """Those are neither locked nor looked at one by one: of thousands a sweep would not end."""
    waiting = []
    for number in range(6):
        player = django_user_model.objects.create_user(f"player{number}")
        waiting.append(act(begin(player), player))
    for turn in waiting:
        age(turn)
    told = log.take_next(waiting[0].narrator, "w")
    with CaptureQueriesContext(connection) as few:
        tasks.sweep_stale_turns()
    assert not [each for each in few if "FOR UPDATE" in each["sql"]]
    lost = waiting[3]
    log.redis.zrem(waiting_key(lost.narrator), str(lost.pk))
    with CaptureQueriesContext(connection) as queries:
        tasks.sweep_stale_turns()
    locked = [each for each in queries if "FOR UPDATE" in each["sql"]]
    assert [str(lost.adventure_id) in each["sql"] for each in locked] == [True]
    assert log.position(lost.narrator, str(lost.pk)) is not None
    assert log.state(told.request.narrator, told.request.turn).leased


def test_a_stopped_turn_that_comes_into_the_line_once_more_is_not_told(
    alice, adventure, narrator_awake, log
):
    """A message that came twice, or a sweep that had begun: its words would follow its end."""
    turn = act(adventure, alice)
    again = narration.request_for(turn.adventure, turn)
    lease = log.take_next(turn.narrator, "w1")
    log.append([(lease, [Token(turn=str(turn.pk), attempt=1, index=0, text="The door")])])
    do(adventure, alice, StopTurn, turn=turn.pk)
    log.enqueue(again)
    assert log.take_next(turn.narrator, "w2") is None
    assert log.waiting(turn.narrator) == 0
    turn.refresh_from_db()
    assert (turn.status, turn.reply) == (Status.STOPPED, "The door")


def test_a_turn_whose_stop_could_not_be_stored_is_told_by_the_next_attempt(
    alice, adventure, narrator_awake, log
):
    turn = act(adventure, alice)
    age(turn)
    log.revoke(str(adventure.pk), turn.narrator, str(turn.pk), turn.attempt)  # and then rolled back
    tasks.sweep_stale_turns()
    lease = log.take_next(turn.narrator, "w")
    assert (lease.request.turn, lease.request.attempt) == (str(turn.pk), 2)


def test_the_sweep_records_an_end_that_only_the_log_knows(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    age(turn)
    lease = log.take_next(turn.narrator, "w")
    ended = Result(
        adventure=str(adventure.pk), turn=str(turn.pk), attempt=1, outcome="told", reply="Done."
    )
    log.finish(lease, ended, [])
    tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert (turn.status, turn.reply) == (Status.TOLD, "Done.")


def test_a_turn_that_cannot_be_helped_keeps_no_other_waiting(
    alice, bob, adventure, begin, narrator_awake, log, monkeypatch, caplog
):
    hopeless, other = act(adventure, alice, "whisper the secret"), act(begin(bob), bob)
    log.redis.flushdb()
    age(hopeless)
    age(other)
    request_for = narration.request_for

    def fails(adventure, turn):
        if turn.pk == hopeless.pk:
            raise ValueError(f"cannot tell {turn.action!r}")
        return request_for(adventure, turn)

    monkeypatch.setattr(narration, "request_for", fails)
    tasks.sweep_stale_turns()
    assert log.take_next(other.narrator, "w").request.turn == str(other.pk)
    assert str(hopeless.pk) in caplog.text
    assert "secret" not in caplog.text


def test_a_turn_whose_narrator_is_gone_from_the_host_fails_and_may_be_tried_again(
    alice, adventure, narrator_awake, log
):
    turn = act(adventure, alice)
    age(turn)
    Turn.objects.filter(pk=turn.pk).update(narrator="nobody")
    tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert turn.status == Status.FAILED
    assert "no longer available" in turn.reason
    again = do(adventure, alice, RetryTurn, turn=turn.pk)
    assert Turn.objects.get(pk=again.turn).narrator == "parrot"


def test_a_queue_that_takes_long_burns_no_attempts(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    age(turn)
    for _ in range(5):
        tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert (turn.status, turn.attempt) == (Status.QUEUED, 1)


def test_with_redis_away_a_turn_is_saved_and_told_when_it_is_back(
    alice, adventure, narrator_awake, log, monkeypatch
):
    away = QueueClient("redis://127.0.0.1:1/0")
    with monkeypatch.context() as patch:
        for module in (game.play.events, narration, endings):
            patch.setattr(module, "queue_client", lambda: away)
        turn = act(adventure, alice)
    assert turn.status == Status.QUEUED
    age(turn)
    tasks.sweep_stale_turns()
    assert log.take_next(turn.narrator, "w").request.turn == str(turn.pk)


def test_the_sweep_publishes_where_the_log_lags_behind(alice, adventure, narrator_awake, log):
    act(adventure, alice)
    Adventure.objects.filter(pk=adventure.pk).update(
        version=7, changed=Now() - timedelta(seconds=60)
    )
    tasks.sweep_stale_turns()
    assert logged(log, adventure)[-1] == {"type": "log.lagged", "version": 7}


def test_the_sweep_tells_pages_to_look_where_redis_lost_the_log(
    alice, adventure, narrator_awake, log
):
    """Redis was emptied while a turn was told, and its end could not be published after that."""
    turn = act(adventure, alice)
    log.redis.delete(log_key(str(adventure.pk)), version_key(str(adventure.pk)))
    log.redis.xadd(log_key(str(adventure.pk)), {"e": '{"type": "turn.started"}'})
    Adventure.objects.filter(pk=adventure.pk).update(changed=Now() - timedelta(seconds=60))
    adventure.refresh_from_db()
    tasks.sweep_stale_turns()
    assert logged(log, adventure)[-1] == {"type": "log.lagged", "version": adventure.version}
    endings.stop_unwatched_turn(turn)
    entries = len(logged(log, adventure))
    tasks.sweep_stale_turns()
    assert len(logged(log, adventure)) == entries  # once is enough


def test_events_of_one_change_reach_the_log_together_or_not_at_all(
    alice, adventure, narrator_awake, log, monkeypatch
):
    """Undo stops a turn and moves the head: a page that heard half of it would not ask again."""
    act(adventure, alice)
    publish, failures = QueueClient.publish, [redis.TimeoutError]

    def breaks_once(*args, **kwargs):
        if failures:
            raise failures.pop()
        return publish(*args, **kwargs)

    monkeypatch.setattr(QueueClient, "publish", breaks_once)
    do(adventure, alice, UndoTurn)
    assert not failures
    assert [event["type"] for event in logged(log, adventure)] == ["turn.queued"]
    Adventure.objects.filter(pk=adventure.pk).update(changed=Now() - timedelta(seconds=60))
    tasks.sweep_stale_turns()
    assert [event["type"] for event in logged(log, adventure)] == ["turn.queued", "log.lagged"]
    adventure.refresh_from_db()
    act(adventure, alice)
    do(adventure, alice, UndoTurn)
    types = [event["type"] for event in logged(log, adventure)][2:]
    assert types == ["turn.queued", "turn.stopped", "head.moved"]


def leave(turn, log, seconds):
    """The last window was closed so many seconds ago, and Redis remembers further back."""
    age(turn)
    log.redis.set(WATCHING_KEY, int(log.redis.time()[0]) - 3600)
    log.watch([str(turn.adventure_id)], seconds)
    log.redis.expire(watched_key(str(turn.adventure_id)), 0)


def test_a_turn_that_nobody_watches_goes_on(alice, adventure, narrator_awake, log):
    turn = act(adventure, alice)
    leave(turn, log, 20)
    tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert turn.status == Status.QUEUED


def test_a_host_may_have_turns_stopped_that_nobody_watches(
    alice, adventure, narrator_awake, log, settings
):
    settings.STOP_WHEN_AWAY_SECONDS = 20
    turn = act(adventure, alice)
    lease = log.take_next(turn.narrator, "w")
    log.append([(lease, [Token(turn=str(turn.pk), attempt=1, index=0, text="You wait")])])
    age(turn)
    log.watch([str(adventure.pk)], 20)
    tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert turn.status == Status.QUEUED  # a window is open

    leave(turn, log, 20)
    tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert (turn.status, turn.reply) == (Status.STOPPED, "You wait")
    assert "the page was closed" in turn.reason
    assert log.renew([lease]) == [False]


def test_a_redis_that_has_just_begun_stops_no_turn(alice, adventure, narrator_awake, log, settings):
    settings.STOP_WHEN_AWAY_SECONDS = 20
    turn = act(adventure, alice)
    leave(turn, log, 20)
    log.redis.delete(WATCHING_KEY)
    tasks.sweep_stale_turns()
    turn.refresh_from_db()
    assert turn.status == Status.QUEUED


def logged(log, adventure):
    import json

    entries = log.redis.xrange(log_key(str(adventure.pk)))
    return [json.loads(fields[b"e"]) for _, fields in entries]
