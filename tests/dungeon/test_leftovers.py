"""Memory: sockets that were closed do not stay in it, though cycles are looked for seldom."""

import asyncio
import gc
import weakref

import pytest

from game.play.consumers import AdventureConsumer
from inference.worker.runtime_tuning import CollectionCounter
from tests.game.play.test_sockets import Window, play
from tests.serving import RawSocket, serving, until


@pytest.fixture
def no_collector():
    """Python's own looks for garbage come too late for what lived long."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def consumers_in_memory():
    # By type: isinstance asks lazy objects of requests what they are, which may raise.
    return sum(issubclass(type(each), AdventureConsumer) for each in gc.get_objects())


@pytest.mark.django_db(transaction=True)
async def test_a_closed_window_is_gone_at_once(alice, adventure, log, workers, no_collector):
    workers.start(pace=0)
    before = consumers_in_memory()
    for _ in range(4):
        async with Window(adventure.pk, alice) as window:
            await window.next()
            await play(window)
    del window
    # Nothing collects cycles meanwhile: only tasks that are just ending may hold one.
    await asyncio.to_thread(until, lambda: consumers_in_memory() - before <= 1, 10)


def test_a_closed_socket_is_gone_at_once():
    with serving("tests.echo:application") as served:
        for _ in range(20):
            with RawSocket(served.port, "/echo"):
                pass
        until(lambda: len(served.seen()["closed"]) == 20)
        until(lambda: served.seen()["sockets"] <= 1)


def test_after_many_ends_cycles_are_looked_for(no_collector):
    class Cycle:
        def __init__(self):
            self.itself = self

    left = weakref.WeakSet()
    leftovers = CollectionCounter(ends=5)
    for number in range(1, 7):
        left.add(Cycle())
        leftovers.add()
        assert len(left) == (number if number < 5 else number - 5)
