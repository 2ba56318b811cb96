"""A page that was away gets what it missed, also where the log is no longer there."""

import pytest

from inference.queue.keys import log_key
from inference.queue.streams import FIRST
from tests.game.play.test_sockets import REPLY, Window, play

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_page_from_before_the_first_turn_comes_back_after_the_log_expired(
    alice, adventure, workers, log
):
    workers.start(pace=0, replies=[REPLY])
    async with Window(adventure.pk, alice) as away:
        snapshot = await away.next()
        assert snapshot["id"] == FIRST
    async with Window(adventure.pk, alice) as other:
        await other.next()
        told = await play(other)
    log.redis.delete(log_key(str(adventure.pk)))
    async with Window(adventure.pk, alice, query=f"?after={FIRST}&version=0") as back:
        seen = await back.next()
        assert seen["type"] == "snapshot"
        assert seen["head"] == told["turn"]["id"]
