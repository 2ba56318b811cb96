"""The thread that keeps a worker's leases: by it others know that the worker lives."""

import threading

from inference.worker import narrator_worker


def test_turns_may_end_while_a_worker_says_how_long_they_took(troupe, monkeypatch):
    storyteller = troupe.start(woken=False)

    def beat(narrator, name, slots, lately, reads_ahead):
        for _ in lately:
            storyteller.measured(1.0)  # as the thread of a turn does that ends just then

    monkeypatch.setattr(storyteller.log, "send_heartbeat", beat)
    for _ in range(3):
        storyteller.say_alive()


def test_a_worker_that_cannot_keep_its_leases_ends_instead_of_telling_for_nobody(
    troupe, monkeypatch
):
    storyteller = troupe.start(woken=False)
    gave_up = threading.Event()
    reasons = []

    def give_up(why):
        reasons.append(why)
        gave_up.set()

    def broken():
        raise RuntimeError("deque mutated during iteration")

    monkeypatch.setattr(storyteller, "give_up", give_up)
    monkeypatch.setattr(storyteller, "renew_leases", broken)
    assert gave_up.wait(10 * narrator_worker.KEEP_EVERY)
    assert reasons == ["narrator parrot: leases cannot be kept: deque mutated during iteration"]
