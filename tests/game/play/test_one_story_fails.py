"""What goes wrong with one story, or in one part of a process, is logged, and all else goes on.

Each test injects an exception where something runs in the background. Exceptions say what a player
typed, so that it shows where one gets into a log.
"""

import threading
from uuid import UUID, uuid4

import pytest
import redis
from django.db import transaction
from django.db.models.functions import Now

from dungeon import pods
from game.database import after_commit
from game.models import Status, Turn
from game.play import session_checks, sweep
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.engines.base import NewText
from inference.engines.process import EngineFailed
from inference.queue.client import QueueClient
from inference.queue.keys import end_key, log_key
from inference.worker import retry_reply
from inference.worker.narrator_worker import NarratorWorker
from inference.worker.pool.draining import requeue_at_deadline
from inference.worker.pool.swapping import swap_all
from inference.worker.reply import BROKEN, ReplyInProgress
from inference.worker.turn_runner import TurnRunner
from tests.game.play.test_turns import act
from tests.serving import PATIENCE, until

database = pytest.mark.django_db(transaction=True)

REPLY = "The hinges groan. A cold wind comes out of the dark. Somebody coughs below."
TYPED = "the words that a player typed"


class Injected(Exception):
    def __init__(self):
        super().__init__(TYPED)


def fails(*_, **__):
    raise Injected


@pytest.fixture(autouse=True)
def no_words_in_logs(caplog):
    yield
    assert TYPED not in caplog.text


@pytest.fixture
def stories(alice, bob, begin, workers, narrator_awake):
    """Two turns that wait, of which the first is to go wrong, and a worker that tells none yet."""
    narrator_worker = workers.start(pace=60, replies=[REPLY], woken=False)
    doomed, spared = act(begin(alice), alice), act(begin(bob), bob)
    return narrator_worker, doomed, spared


def ended(turn, seconds=PATIENCE):
    until(lambda: Turn.objects.get(pk=turn.pk).status != Status.QUEUED, seconds)
    return Turn.objects.get(pk=turn.pk)


def only_for(turn, plain, find):
    """Fails where it is about this turn."""

    def failing(*args, **kwargs):
        if find(*args) == str(turn.pk):
            raise Injected
        return plain(*args, **kwargs)

    return failing


# ---- a worker's turns

PLACES = {
    "cleaning its words": (
        ReplyInProgress,
        "take",
        lambda reply, new: reply.lease.request.turn,
    ),
    "its result": (ReplyInProgress, "result", lambda reply, narrator: reply.lease.request.turn),
    "telling it": (
        TurnRunner,
        "generate_once",
        lambda self, reply, _: reply.lease.request.turn,
    ),
    "telling it again": (retry_reply, "retry_request", lambda request, *_: request.turn),
    "logging its end": (
        QueueClient,
        "finish",
        lambda self, lease, result, _: result.details and lease.request.turn,
    ),
}


@database
@pytest.mark.parametrize("place", PLACES)
def test_an_error_with_one_story_fails_that_turn_politely(stories, monkeypatch, place):
    narrator_worker, doomed, spared = stories
    owner, name, find = PLACES[place]
    engine = narrator_worker.engine
    monkeypatch.setattr(owner, name, only_for(doomed, getattr(owner, name), find))
    narrator_worker.take_turns()
    assert ended(spared).reply == REPLY
    failed = ended(doomed)
    assert (failed.status, failed.reason) == (Status.FAILED, BROKEN)
    assert REPLY.startswith(failed.reply)
    assert (
        narrator_worker.engine is engine and engine.alive and not narrator_worker.supervisor.deaths
    )
    until(lambda: narrator_worker.idle)
    assert not narrator_worker.replies


@database
def test_words_that_cannot_be_written_are_their_own_storys_trouble(stories, monkeypatch):
    narrator_worker, doomed, spared = stories
    plain = QueueClient.append

    def append(self, pieces):
        pieces = list(pieces)
        if any(lease.request.turn == str(doomed.pk) for lease, _ in pieces):
            raise Injected
        return plain(self, pieces)

    monkeypatch.setattr(QueueClient, "append", append)
    narrator_worker.take_turns()
    assert ended(spared).reply == REPLY
    assert (ended(doomed).status, ended(doomed).reason) == (Status.FAILED, BROKEN)


@database
def test_a_log_that_redis_does_not_write_to_keeps_no_other_story_from_its_words(stories, log):
    narrator_worker, doomed, spared = stories
    plain = log.take_next

    def spoil(*args):
        lease = plain(*args)
        if lease and lease.request.turn == str(doomed.pk):
            key = log_key(lease.request.adventure)
            log.redis.delete(key)
            log.redis.set(key, "no stream")
        return lease

    narrator_worker.queue.take_next = spoil
    narrator_worker.take_turns()
    assert ended(spared).reply == REPLY
    words = log.redis.xrange(log_key(str(spared.adventure_id)))
    assert sum(b"turn.token" in fields[b"e"] for _, fields in words) > 3, "as they were told"
    assert Turn.objects.get(pk=doomed.pk).status == Status.QUEUED


@database
def test_what_only_shows_a_turn_costs_no_turn(stories, monkeypatch):
    narrator_worker, doomed, spared = stories
    monkeypatch.setattr(narrator_worker, "count_prompt", fails)
    monkeypatch.setattr(narrator_worker.idle_summaries, "take", fails)
    monkeypatch.setattr(narrator_worker.idle_batch, "take", fails)
    narrator_worker.take_turns()
    assert ended(doomed).reply == ended(spared).reply == REPLY


@database
def test_an_error_while_a_turn_is_taken_costs_a_second(stories, monkeypatch):
    monkeypatch.setattr("inference.worker.turn_taker.RETRY_SECONDS", 0.05)
    narrator_worker, doomed, spared = stories
    left = [Injected(), redis.RedisError(), Injected()]
    plain = narrator_worker.turn_taker.take_turn

    def take_turn():
        if left:
            raise left.pop()
        return plain()

    monkeypatch.setattr(narrator_worker.turn_taker, "take_turn", take_turn)
    narrator_worker.take_turns()
    assert ended(doomed).reply == ended(spared).reply == REPLY
    assert not left


@database
@pytest.mark.parametrize("part", ["set_gauges", "send_heartbeat", "run_idle_work"])
def test_leases_are_kept_whatever_else_goes_wrong_beside_them(stories, monkeypatch, part):
    monkeypatch.setattr("inference.worker.lease_keeper.RENEW_EVERY", 0.05)
    narrator_worker, *_ = stories
    gave_up, renewals = [], threading.Semaphore(0)
    keeper = narrator_worker.lease_keeper
    monkeypatch.setattr(keeper, "give_up", gave_up.append)
    monkeypatch.setattr(keeper, part, fails)
    monkeypatch.setattr(keeper, "renew_leases", renewals.release)
    for _ in range(5):
        assert renewals.acquire(timeout=PATIENCE)
    assert not gave_up


def test_an_engine_that_cannot_be_started_again_ends_its_worker(workers, monkeypatch):
    gave_up = []
    narrator_worker = workers.start(woken=False)
    monkeypatch.setattr(narrator_worker.supervisor, "give_up", gave_up.append)
    monkeypatch.setattr(narrator_worker.supervisor, "start", fails)
    for part in ("idle_summaries", "idle_batch"):
        monkeypatch.setattr(getattr(narrator_worker, part), "drop", fails)
    narrator_worker.engine.kill()
    until(lambda: gave_up)
    assert "not started again: Injected" in gave_up[0]


# ---- a worker's narrators


def test_a_narrator_that_cannot_be_loaded_is_tried_again(pools, log, monkeypatch):
    monkeypatch.setattr("inference.worker.pool.model_loader.RETRY_SECONDS", 0.2)
    pools.write({"name": "parrot"}, {"name": "raven"})
    pool = pools.pool("parrot", "raven")
    left = [Injected(), EngineFailed("injected")]
    plain = NarratorWorker.start

    def start(self, warm=False):
        if left:
            raise left.pop()
        plain(self, warm)

    monkeypatch.setattr(NarratorWorker, "start", start)
    request = GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="raven",
        context=StoryContext(action=Passage(kind="continue")),
    )
    log.enqueue(request)
    until(lambda: pool.entries["raven"].worker)
    assert not left


def test_a_narrator_that_cannot_be_swapped_goes_on_and_the_next_one_is_swapped(
    pools, log, monkeypatch
):
    pools.write({"name": "parrot", "revision": "one"}, {"name": "raven", "revision": "one"})
    pool = pools.pool("parrot", "raven")
    before = pool.entries["parrot"].worker
    pools.write({"name": "parrot", "revision": "two"}, {"name": "raven", "revision": "two"})
    monkeypatch.setattr(NarratorWorker, "start", fails)
    swap_all(pool, pool.loader)
    assert pool.entries["parrot"].worker is before
    assert pool.entries["parrot"].narrator.revision == "one"
    assert pool.entries["raven"].narrator.revision == "two"


def test_the_look_at_the_narrators_goes_on(pools, log, monkeypatch):
    pools.write({"name": "parrot"}, {"name": "raven"})
    pool = pools.pool("parrot", "raven")
    looks = threading.Semaphore(0)

    def update_entry(entry):
        looks.release()
        raise Injected

    monkeypatch.setattr(pool, "update_entry", update_entry)
    for _ in range(4):
        assert looks.acquire(timeout=PATIENCE)


def test_turns_that_cannot_be_handed_on_keep_no_worker_from_its_end(pools, log, monkeypatch):
    pools.write({"name": "parrot"})
    pool = pools.pool("parrot")
    [narrator_worker] = pool.loaded_workers()
    monkeypatch.setattr(narrator_worker, "requeue_turns", fails)
    monkeypatch.setattr("inference.worker.pool.draining.END_GRACE_SECONDS", 0.1)
    narrator_worker.turn_taker.held = 1
    pool.drain(0)
    requeue_at_deadline(pool)


# ---- what is told when nobody plays


def test_a_job_that_goes_wrong_is_its_own_trouble(workers, log, monkeypatch):
    narrator_worker = workers.start(woken=False)
    bulk = narrator_worker.idle_batch
    monkeypatch.setattr(bulk, "may_run", lambda: False)

    class Job:
        def __init__(self, name, take):
            self.request = GenerationRequest(
                adventure="batch", turn=name, attempt=1, narrator="parrot", context=CONTEXT
            )
            self.take, self.error = take, ""

        def result(self, narrator):
            return (self.request.turn, self.error)

    monkeypatch.setattr(bulk, "send_results", lambda: None)
    bulk.jobs = {1: Job("bad", fails), 2: Job("good", lambda new: True)}
    news = [NewText(request=number, text="x", tokens=1, finish="stop") for number in (1, 2)]
    bulk.take(news)
    results = [result for _, result in bulk.done]
    assert results[0][0] == "bad" and "Injected" in results[0][1]
    assert results[1] == ("good", "")
    bulk.done.clear()


CONTEXT = StoryContext(action=Passage(kind="continue"))


def test_bulk_work_goes_on_after_an_error(workers, monkeypatch):
    monkeypatch.setattr("inference.worker.idle.batch.LOOK_EVERY", 0.02)
    bulk = workers.start(woken=False).idle_batch
    looks = threading.Semaphore(0)

    def take_jobs():
        looks.release()
        raise Injected

    monkeypatch.setattr(bulk, "take_jobs", take_jobs)
    for _ in range(3):
        assert looks.acquire(timeout=PATIENCE)


def test_what_a_pods_end_costs_is_said_again_after_an_error(monkeypatch):
    said, costs = [], iter([1, Injected(), 2])

    def telling():
        cost = next(costs)
        if isinstance(cost, Exception):
            raise cost
        return cost

    def sleep(_):
        if len(said) == 2:
            raise SystemExit

    monkeypatch.setattr(pods, "count_turns", telling)
    monkeypatch.setattr(pods, "patch", lambda address, cost: said.append(cost))
    monkeypatch.setattr(pods.time, "sleep", sleep)
    with pytest.raises(SystemExit):
        pods.report_forever("https://pods.example/")
    assert said == [1, 2]


# ---- the game


@database
@pytest.mark.parametrize(
    "part", ["operation.publish_switched_off", "publish_missed_versions", "stop_unwatched_turns"]
)
def test_a_part_of_the_sweep_that_fails_keeps_no_other_from_its_work(
    alice, adventure, narrator_awake, log, monkeypatch, part
):
    turn = act(adventure, alice)
    Turn.objects.filter(pk=turn.pk).update(created=Now() - sweep.GRACE)
    log.redis.flushdb()
    monkeypatch.setattr(f"game.play.sweep.{part}", fails)
    sweep.sweep()
    assert log.waiting(turn.narrator) == 1
    assert log.redis.keys("grue:swept:*")


@database
def test_a_turn_that_the_sweep_cannot_help_ends_after_a_while(
    alice, adventure, narrator_awake, log, monkeypatch
):
    turn = act(adventure, alice)
    log.redis.flushdb()
    monkeypatch.setattr("game.play.sweep.requeue_or_end", fails)
    for minutes, status in ((0.5, Status.QUEUED), (2, Status.FAILED)):
        Turn.objects.filter(pk=turn.pk).update(created=Now() - minutes * sweep.GIVE_UP_AFTER)
        sweep.sweep()
        turn.refresh_from_db()
        assert turn.status == status
    assert turn.reason == BROKEN


@database
def test_an_end_that_nobody_can_read_stops_no_sweep(alice, bob, begin, narrator_awake, log):
    unreadable, lost = act(begin(alice), alice), act(begin(bob), bob)
    Turn.objects.update(created=Now() - sweep.GRACE)
    log.redis.flushdb()
    log.redis.set(end_key(str(unreadable.pk)), "{")
    sweep.sweep()
    assert log.waiting(lost.narrator) == 2
    for _ in range(2):
        assert log.take_next(lost.narrator, "w").ended is None


@database
def test_an_error_after_a_commit_undoes_nothing_and_the_rest_is_done(caplog):
    done = []
    with transaction.atomic():
        after_commit(fails)
        after_commit(lambda: done.append(True))
    assert done
    assert "after a commit: Injected" in caplog.text


@database
def test_an_event_that_cannot_be_published_takes_no_turn(
    alice, adventure, narrator_awake, log, monkeypatch
):
    monkeypatch.setattr(QueueClient, "publish", fails)
    assert log.waiting(act(adventure, alice).narrator) == 1


async def test_a_socket_that_fails_under_the_look_is_looked_at_again(monkeypatch, caplog):
    class CountingConsumer:
        async def check_fully(self):
            raise Injected

    present = session_checks.OpenSocket(CountingConsumer(), "session", uuid4(), UUID(int=1), None)
    for _ in range(2):
        present.start(session_checks.check_one(present, None))
        await present.busy
    assert caplog.text.count("not checked: Injected") == 2
