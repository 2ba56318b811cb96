"""A narrator's reading of a turn, from an idle worker to the state that the page shows."""

import json

import pytest
from django.db import connections

from game import tasks
from game.models import Adventure
from game.state import worlds
from tests.game.play.test_turns import act, tell
from tests.serving import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("plain_rules")]

REPLY = "Mara goes out into the rain, and the door shuts behind her."


def test_what_an_idle_narrator_reads_of_a_turn_is_in_the_state(
    alice, adventure, narrator_awake, log, workers
):
    tell(act(adventure, alice, "wait"), "Mara arrives.")
    worker = workers.start(
        given={"state": "narrator"}, pace=0, replies=[REPLY], answers=[json.dumps({"Mara": "away"})]
    )

    def record(read):
        try:
            tasks.record_reading(read.model_dump_json())
        finally:
            connections.close_all()  # of the worker's thread

    worker.questions.record = record
    turn = act(adventure, alice, "let her go")
    until(lambda: entries(turn)["here"].value == "no")
    here = entries(turn)["here"]
    assert (here.value, here.source, here.sentence) == ("no", "narrator", REPLY)
    assert not worlds.world_at(turn.pk).people[0].here
    assert Adventure.objects.get(pk=adventure.pk).head_id == turn.pk


def entries(turn):
    """What is known of the one person at a turn, by field."""
    return {key[2]: each for key, each in worlds.entries_at(turn.pk).items() if key[0] == "person"}
