"""A large model on a small machine: minutes to the first word, half a minute to each step."""

import asyncio
from datetime import timedelta

import pytest
from django.db.models import F

from game import tasks
from game.database import in_database
from game.models import Turn
from tests.game.play.test_sockets import Window

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_WORD, STEP, LEASE = 120, 30, 10  # seconds
SCALES = [
    pytest.param(0.1, id="in a tenth of the time"),
    pytest.param(1.0, id="in full", marks=[pytest.mark.full, pytest.mark.timeout(600)]),
]


@pytest.mark.parametrize("scale", SCALES)
async def test_a_model_that_takes_two_minutes_to_its_first_word_needs_one_attempt(
    alice, adventure, workers, log, monkeypatch, scale
):
    monkeypatch.setattr("inference.queue.turns.LEASE_SECONDS", max(3, round(LEASE * scale)))
    monkeypatch.setattr("inference.worker.lease_keeper.RENEW_EVERY", scale)
    slow = {"first_token_seconds": FIRST_WORD * scale, "step_seconds": STEP * scale}
    workers.start(replies=["You wait."], pace=0, **slow)
    sweeping = asyncio.create_task(sweep_for_ever())
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await window.command("take_action", kind="do", text="wait")
        told = await window.until("turn.told", timeout=500)
    sweeping.cancel()
    assert (told["turn"]["reply"], told["turn"]["attempt"]) == ("You wait.", 1)
    assert [event["attempt"] for event in window.seen if event["type"] == "turn.started"] == [1]


async def sweep_for_ever():
    """The sweep, and a turn that it takes for an old one."""
    while True:
        await in_database(age_and_sweep)
        await asyncio.sleep(0.3)


def age_and_sweep():
    Turn.objects.update(created=F("created") - timedelta(seconds=10))
    tasks.sweep_stale_turns()
