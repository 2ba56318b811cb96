"""The thread that keeps a worker's leases: by it others know that the worker lives."""

import threading

from tests.serving import PATIENCE


def test_turns_may_end_while_a_worker_says_how_long_they_took(workers, monkeypatch):
    narrator_worker = workers.start(woken=False)

    def beat(narrator, name, slots, recent_seconds, reads_ahead):
        for _ in recent_seconds:
            narrator_worker.replies.durations.add(
                1.0
            )  # as the thread of a turn does that ends just then

    monkeypatch.setattr(narrator_worker.queue, "send_heartbeat", beat)
    for _ in range(3):
        narrator_worker.send_heartbeat()


def test_a_worker_that_cannot_keep_its_leases_ends_instead_of_telling_for_nobody(
    workers, monkeypatch
):
    narrator_worker = workers.start(woken=False)
    gave_up = threading.Event()
    reasons = []

    def give_up(why):
        reasons.append(why)
        gave_up.set()

    def broken():
        raise RuntimeError("deque mutated during iteration")

    monkeypatch.setattr(narrator_worker.lease_keeper, "give_up", give_up)
    monkeypatch.setattr(narrator_worker.lease_keeper, "renew_leases", broken)
    assert gave_up.wait(PATIENCE)
    assert reasons == ["narrator parrot: leases cannot be kept: deque mutated during iteration"]
