"""Quill for real: fetched, verified, told by a worker, taken over to (`make test-quill`)."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from game.models import Adventure, Status, Turn
from game.play import narration
from inference.lab.weight_check import check_weights
from inference.models.store import check_model, ensure_model, recorded_model
from inference.narrators import load_narrators
from inference.worker.pool import defaults
from tests.game.play.test_turns import act
from tests.serving import until

pytestmark = [pytest.mark.quill, pytest.mark.timeout(1800)]
database = pytest.mark.django_db(transaction=True)

SHIPPED = Path(settings.BASE_DIR) / "narrators.yaml"
START = 120.0  # seconds until it tells, where its model is here: 5 on two cores with nothing else
TURN = 300  # seconds that a turn may take on a busy machine


@pytest.fixture(scope="module")
def quill():
    """The shipped entry, its model fetched where it is not here yet."""
    narrator = load_narrators(SHIPPED).get("quill")
    ensure_model(narrator, settings.INFERENCE.models_dir)
    return narrator


@pytest.fixture
def shipped(pools, settings):
    """The game and its workers on the shipped list."""
    pools.file = SHIPPED
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=SHIPPED)
    return pools


def told(adventure, player, text):
    """A turn that was told to its end."""
    turn = act(adventure, player, text)
    until(lambda: Turn.objects.get(pk=turn.pk).status != Status.QUEUED, TURN)
    turn.refresh_from_db()
    assert turn.status == Status.TOLD, turn.reason
    assert turn.reply.strip()
    return turn


def test_its_file_is_the_one_that_was_published(quill):
    assert check_model(quill, settings.INFERENCE.models_dir).stat().st_size == quill.bytes


def test_its_weights_are_read_as_they_are_meant(quill):
    assert check_weights(quill, settings.INFERENCE).confirmed == "says what it should"


@database
def test_it_tells_three_turns_and_keeps_a_name(quill, shipped, alice, adventure):
    shipped.pool("quill")
    Adventure.objects.filter(pk=adventure.pk).update(narrator="quill")
    replies = [
        told(adventure, alice, text).reply
        for text in (
            "give the silver coin to Odran, the old ferryman",
            "climb into Odran's boat",
            "ask the ferryman about his life on the river",
        )
    ]
    assert any("Odran" in reply for reply in replies), replies


@database
def test_a_second_start_reads_what_is_here_and_takes_seconds(quill, shipped, log):
    shipped.pool("quill").stop()
    began = time.monotonic()
    shipped.pool("quill")
    seconds = time.monotonic() - began
    assert log.narrator_ready("quill")
    assert seconds < START


@database
def test_it_takes_over_from_smol_in_an_adventure_that_is_played(
    quill, shipped, log, alice, adventure, monkeypatch
):
    """Its model counts as missing at first, and comes from where it lies."""
    here = []

    def seen(narrator, models_dir):
        if narrator.name == "quill" and not here:
            return None
        return recorded_model(narrator, models_dir)

    class Arriving(defaults.ModelFetch):
        def _run(self):
            until(lambda: here, TURN)
            super()._run()

    monkeypatch.setattr(defaults, "recorded_model", seen)
    monkeypatch.setattr(defaults, "ModelFetch", Arriving)
    monkeypatch.setattr(narration, "STATS_SECONDS", 0.0)
    pool = shipped.pool("quill", "smol")
    assert told(adventure, alice, "look around").narrator == "smol"
    assert log.model_state("quill").kind == "fetching"
    here.append(True)
    until(lambda: log.narrator_ready("quill"), TURN)
    assert told(adventure, alice, "open the cellar door").narrator == "quill"
    assert pool.entries["quill"].worker is not None
