"""Narrators that the operator installs from the page: fetched, tried, told with, removed.

The worker's part runs in this process; installing itself in a process of its own, as in earnest,
with the built-in model's file, which a hub of the tests has.
"""

import time
from dataclasses import replace

import pytest
from django.db import connections

from game import installed, narration
from game.models import InstalledNarrator, Player, Status, Turn
from inference.installing import installer as installing
from inference.installing.installer import Installer
from inference.models import ensure_model
from inference.narrators import load_narrators
from tests.serving import until
from tests.test_hub import running
from tests.test_turns import act

pytestmark = pytest.mark.django_db(transaction=True)
State = InstalledNarrator.State
SOURCE = "hf:org/gpt@v1/Tale-0.1B-Q8_0.gguf"


@pytest.fixture
def operator(db):
    return Player.objects.create_superuser("operator", password="a long password")


@pytest.fixture
def hub(monkeypatch):
    with running(monkeypatch) as hub:
        yield hub


class Worker:
    """A worker that installs, on a models folder of its own, and a sweep beside it."""

    def __init__(self, stage, models):
        self.models = models
        stage.write({"name": "parrot"})
        self.company = stage.company("parrot", models_dir=models, secret=SECRET)
        self.installers = []
        self.begin()

    def begin(self):
        """One that installs, as after the death of the one before."""

        def send(result):
            try:
                installed.record(result)
            finally:
                connections.close_all()

        self.installer = Installer(self.company, self.company.config, send)
        self.installer.read_speed = 1e10
        self.installer.start()
        self.installers.append(self.installer)

    def stop(self):
        for each in self.installers:
            each.stop()


SECRET = "0123456789abcdef" * 3


@pytest.fixture
def tale(settings):
    """The bytes of a small GGUF that really tells."""
    smol = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    plain = smol.model_copy(update={"adapter": ""})
    return ensure_model(plain, settings.MODELS_DIR)


def few_threads(described):
    def lightly(*args):
        small = {"options": {"threads": 1}, "context": 512, "slots": 1}
        return described(*args).model_copy(update=small)

    return lightly


@pytest.fixture
def worker(stage, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(installing, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(installing, "measured_read_speed", lambda: 1e10)
    # What is only named is given few threads: the cores of the tests have other work.
    monkeypatch.setattr(installed, "described", few_threads(installed.described))
    settings.SECRET_KEY = SECRET
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=tmp_path / "models")
    (tmp_path / "models").mkdir()
    installed.installs.cache_clear()
    worker = Worker(stage, tmp_path / "models")
    yield worker
    worker.stop()


def row(name):
    return InstalledNarrator.objects.get(name=name)


def until_state(name, state, seconds=60):
    end = time.monotonic() + seconds
    while (now := row(name)).state != state:
        assert time.monotonic() < end, f"{name} is {now.state}: {now.problem}"
        if now.state == State.FAILED:
            raise AssertionError(now.problem)
        time.sleep(0.05)
    return now


def files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_model_of_the_hub_is_fetched_tried_and_told_with_and_goes_again(
    alice, adventure, operator, worker, hub, tale
):
    hub.files["Tale-0.1B-Q8_0.gguf"] = tale.read_bytes()
    hub.pause = 0.002
    installed.install_source(operator, SOURCE)
    seen = []
    until(
        lambda: (
            seen.append(installed.progress_of([row("tale-0-1b-q8-0")]))
            or row("tale-0-1b-q8-0").state != State.INSTALLING
        ),
        60,
    )
    found = until_state("tale-0-1b-q8-0", State.READY)
    steps = {each["tale-0-1b-q8-0"].step for each in seen if each}
    assert {"fetching", "trying"} <= steps
    assert "of the llama family" in found.what and found.speed > 0 and found.memory > 0
    entry = narration.narrators().get("tale-0-1b-q8-0")
    assert entry.format == "chat" and entry.sha256 and "@c0ffee" in entry.model
    until(lambda: worker.installer.offered, 10)
    turn = act(adventure, alice)  # by the house's own
    until(lambda: Turn.objects.get(pk=turn.pk).status == Status.TOLD, 20)
    adventure.narrator = "tale-0-1b-q8-0"
    adventure.save()
    turn = act(adventure, alice)
    until(lambda: Turn.objects.get(pk=turn.pk).status == Status.TOLD, 60)
    assert Turn.objects.get(pk=turn.pk).narrator == "tale-0-1b-q8-0"
    assert len(files(worker.models)) == 2

    installed.remove(operator, "tale-0-1b-q8-0")
    until(lambda: not InstalledNarrator.objects.exists(), 20)
    assert files(worker.models) == []
    assert "tale-0-1b-q8-0" not in narration.narrators()
    turn = act(adventure, alice)
    assert Turn.objects.get(pk=turn.pk).narrator == "parrot"
