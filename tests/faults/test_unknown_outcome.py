"""Where a commit's answer is lost, nobody is told that it did not happen."""

import asyncio

import pytest
from django.db import OperationalError

from game.database import in_database
from game.models import Command, Status, Turn
from game.play import turns
from game.play.protocol import TakeAction
from tests.game.play.test_sockets import REPLY, Window

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def answer_lost(monkeypatch):
    """The first commit succeeds, and the connection breaks before Postgres can say so."""
    carry_out, calls = turns.carry_out, []

    def broken(*arguments):
        outcome = carry_out(*arguments)
        calls.append(outcome)
        if len(calls) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return outcome

    monkeypatch.setattr(turns, "carry_out", broken)


async def test_a_command_that_was_committed_is_never_refused(
    alice, adventure, workers, answer_lost
):
    workers.start(pace=0, replies=[REPLY])
    async with Window(adventure.pk, alice) as window:
        await window.next()
        key = await window.command("take_action", kind="do", text="open the door")
        answer = None
        while answer is None:
            try:
                output = await window.socket.receive_output(timeout=15)
            except TimeoutError:
                break
            if output["type"] == "websocket.close":
                break  # the page comes back and asks again with the same key
            text = output.get("text", "")
            if key in text and ('"accepted"' in text or '"error"' in text):
                answer = text
        stored = await in_database(Command.objects.filter(key=key).exists)
        assert stored
        assert answer is None or '"accepted"' in answer, answer
        await asyncio.sleep(0)


async def test_the_same_key_after_a_lost_answer_is_the_same_turn(
    alice, adventure, narrator_awake, answer_lost
):
    from uuid import uuid4

    command = TakeAction(type="take_action", key=uuid4(), kind="do", text="open the door")
    with pytest.raises(OperationalError):
        await in_database(turns.carry_out, adventure.pk, alice, command)
    again = await in_database(turns.carry_out, adventure.pk, alice, command)
    under_way = await in_database(Turn.objects.get, status=Status.QUEUED)
    assert again.turn == str(under_way.pk)
