"""A narrator is swapped, and a worker ends, while stories are told: no turn fails."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from game.models import Status, TurnContext
from game.play.protocol import StopTurn
from inference.contract.prompt_report import unpack
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.worker.pool.swapping import swap_all
from tests.game.play.test_turns import act, do
from tests.serving import until

database = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[3]
WORDS = "One two three four five six seven eight nine ten."


def parrot(said=WORDS, revision="first", pace=8, **options):
    options = {"replies": [said], "pace": pace, **options}
    return {"name": "parrot", "revision": revision, "slots": 8, "options": options}


def told(turn):
    turn.refresh_from_db()
    return turn.status == Status.TOLD


def revision(turn):
    return unpack(TurnContext.objects.get(turn=turn).details).revision


def begun(log, turn):
    """Whether some of a turn's words are there."""
    return len(log.reply_so_far(str(turn.adventure_id), str(turn.pk)).reply) > 5


def joined(log, turn):
    """A reply as its pieces make it, each going on where the one before ends."""
    reply = ""
    for _, fields in log.redis.xrange(f"grue:log:{turn.adventure_id}"):
        event = json.loads(fields[b"e"])
        if event["type"] == "turn.token" and event["turn"] == str(turn.pk):
            assert event["index"] == len(reply), "a piece was lost or doubled"
            reply += event["text"]
    return reply


def waiting_for(narrator):
    """A turn that nobody asked for."""
    context = StoryContext(action=Passage(kind="continue"))
    return GenerationRequest(
        adventure="a", turn="t", attempt=1, narrator=narrator, player="p", context=context
    )


# ---- swapped without a pause


@database
def test_a_new_revision_takes_the_new_turns_and_the_old_one_finishes_its_own(
    alice, bob, adventure, begin, pools, log
):
    pools.write(parrot(pace=2))
    pool = pools.pool("parrot")
    old = pool.entries["parrot"].worker
    before = act(adventure, alice)
    until(lambda: begun(log, before))
    pools.write(parrot("Eleven.", "second", pace=0))
    pool.reload()
    until(lambda: pool.entries["parrot"].worker is not old)
    assert not told(before), "the new one took over while the old one was telling"
    after = act(begin(bob), bob)
    until(lambda: told(after) and told(before))
    assert (before.reply, before.attempt, revision(before)) == (WORDS, 1, "first")
    assert (after.reply, after.attempt, revision(after)) == ("Eleven.", 1, "second")
    assert joined(log, before) == WORDS
    until(lambda: old.turn_taker.ended.is_set() and not old.engine.alive)
    assert log.narrator_stats("parrot").workers == 1


@database
def test_until_the_new_revision_can_tell_the_old_one_does(alice, bob, adventure, begin, pools, log):
    pools.write(parrot(pace=0))
    pool = pools.pool("parrot")
    old = pool.entries["parrot"].worker
    pools.write(parrot("Eleven.", "second", load_seconds=3))
    pool.reload()
    meanwhile = act(adventure, alice)
    until(lambda: told(meanwhile))
    assert pool.entries["parrot"].worker is old
    assert revision(meanwhile) == "first"
    until(lambda: pool.entries["parrot"].worker is not old)
    assert log.narrator_stats("parrot").workers == 1


@database
@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (parrot(pace="fast"), "pace"),
        (parrot(revision="second", error_after_tokens=2), "cannot tell: "),
        (parrot(revision="second", crash_after_tokens=2), "cannot tell: "),
    ],
    ids=["does not load", "breaks at its first turn", "dies of its first turn"],
)
def test_the_old_one_goes_on_where_the_new_one_cannot_tell(
    alice, adventure, pools, log, caplog, broken, why
):
    pools.write(parrot(pace=0))
    pool = pools.pool("parrot")
    old = pool.entries["parrot"].worker
    pools.write(broken)
    pool.reload()
    until(lambda: "goes on as it is" in caplog.text)
    [line] = [each for each in caplog.messages if "goes on as it is" in each]
    assert line.startswith("narrator parrot goes on as it is: narrator 'parrot'")
    assert why in line
    assert "\n" not in line
    turn = act(adventure, alice)
    until(lambda: told(turn))
    assert pool.entries["parrot"].worker is old
    assert revision(turn) == "first"


@database
def test_a_file_that_cannot_be_read_or_lost_a_narrator_changes_nothing(pools, caplog):
    pools.write(parrot())
    pool = pools.pool("parrot")
    old = pool.entries["parrot"].worker
    pools.file.write_text("narrators: [")
    pool.reload()
    until(lambda: "the narrators go on as they are" in caplog.text)
    pools.write({"name": "raven"})
    pool.reload()
    until(lambda: "narrator parrot goes on as it is: there is no narrator" in caplog.text)
    pools.write(parrot())
    swap_all(pool, pool.loader)
    assert pool.entries["parrot"].worker is old


# ---- a worker that is asked to go


@database
def test_a_worker_that_goes_takes_no_new_turn_and_finishes_those_it_has(
    alice, bob, adventure, begin, pools, log
):
    pools.write(parrot())
    pool = pools.pool("parrot")
    turn = act(adventure, alice)
    until(lambda: begun(log, turn))
    pool.drain(60)
    waits = act(begin(bob), bob)
    until(lambda: told(turn))
    assert (turn.reply, turn.attempt) == (WORDS, 1)
    assert log.position("parrot", str(waits.pk)) == 0
    assert joined(log, turn) == WORDS


@database
def test_what_is_not_told_in_time_is_handed_on_and_goes_on_from_the_told_words(
    alice, bob, adventure, begin, pools, log
):
    pools.write(parrot())
    first = pools.pool("parrot")
    turn = act(adventure, alice)
    until(lambda: begun(log, turn))
    first.drain(0)
    until(lambda: log.position("parrot", str(turn.pk)) == 0)
    words = log.reply_so_far(str(turn.adventure_id), str(turn.pk)).reply
    assert words and WORDS.startswith(words) and words != WORDS
    other = act(begin(bob), bob)
    assert log.position("parrot", str(other.pk)) == 1, "what was begun goes first"
    pools.pool("parrot")
    until(lambda: told(turn))
    # As the same attempt: nothing failed, so none of the three is used up.
    assert (turn.reply, turn.attempt) == (WORDS, 1)
    assert joined(log, turn) == WORDS


@database
def test_a_turn_that_was_handed_on_can_be_stopped_and_is_told_no_more(alice, adventure, pools, log):
    pools.write(parrot())
    pool = pools.pool("parrot")
    turn = act(adventure, alice)
    until(lambda: begun(log, turn))
    pool.drain(0)
    until(lambda: log.waiting("parrot") == 1)
    do(adventure, alice, StopTurn, turn=turn.pk)
    turn.refresh_from_db()
    assert turn.status == Status.STOPPED
    assert turn.reply and WORDS.startswith(turn.reply)
    assert log.waiting("parrot") == 0


# ---- the worker's own command


@pytest.fixture
def worker(pools, settings):
    """Starts `manage.py worker`, and ends it."""
    started = []

    def worker(*arguments, **how):
        environ = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dungeon.settings",
            "REDIS_URL": settings.REDIS_URL,
            "NARRATORS_FILE": str(pools.file),
        }
        command = [sys.executable, "manage.py", "worker", *arguments]
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **how}
        started.append(subprocess.Popen(command, cwd=ROOT, env=environ, text=True, **how))
        return started[-1]

    yield worker
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.timeout(120)
def test_one_command_tells_for_several_swaps_on_sighup_and_goes_on_sigterm(pools, log, worker):
    pools.write(parrot(), {"name": "raven"}, {"name": "owl"})
    process = worker("--narrators", "parrot,raven")
    until(lambda: log.narrator_ready("parrot") and log.narrator_alive("raven"))
    assert not log.narrator_alive("owl")
    # A turn that waits for raven has its model loaded.
    log.enqueue(waiting_for("raven"))
    until(lambda: log.narrator_ready("raven"))
    pools.write(parrot(revision="second"), {"name": "raven", "revision": "new"})
    process.send_signal(signal.SIGHUP)
    said = ""
    while "narrator raven is new now" not in said:
        said += process.stdout.readline()
    assert "narrator parrot is second now" in said
    process.terminate()
    assert process.wait(60) == 0
    assert not log.narrator_alive("parrot")


def test_a_terminal_that_closes_ends_its_worker(pools, log, worker):
    pools.write(parrot())
    ours, theirs = pty.openpty()

    def as_in_a_terminal():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup

    how = {"stdout": theirs, "stderr": theirs, "preexec_fn": as_in_a_terminal}
    process = worker("--narrators", "parrot", **how)
    os.close(theirs)
    until(lambda: log.narrator_ready("parrot"))
    process.send_signal(signal.SIGHUP)
    process.wait(60)
    os.close(ours)


def test_a_worker_for_nobody_says_who_there_is(pools, worker):
    pools.write(parrot())
    said, _ = worker("--narrators", "parrot,nobody").communicate(timeout=60)
    assert "CommandError: there is no narrator 'nobody'; there are parrot" in said
