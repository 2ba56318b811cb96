"""Trainings of the admin: begun, watched, stopped and gone on with. Their stages are short here."""

import json
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from game.models import Player, TrainingRun
from game.training import runs, tasks
from inference.finetune.training.progress import Step

pytestmark = pytest.mark.django_db
Status = TrainingRun.Status
STEP = Step(
    **{"step": 3, "steps": 55, "epoch": 0.1, "loss": 3.685, "held_out": 3.894},
    **{"tokens_a_second": 26.0, "seconds_left": 2397.0, "memory_mb": 4549, "at": 0.0},
)


@pytest.fixture
def operator(client, db):
    client.force_login(Player.objects.create_superuser("operator"))
    return client


@pytest.fixture
def run(db, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return TrainingRun.objects.create(name="Tales", recipe="base: smol")


@pytest.fixture
def sent(monkeypatch):
    """What was sent to the queue."""
    sent = []
    monkeypatch.setattr(tasks.train, "apply_async", lambda args, queue: sent.append((args, queue)))
    return sent


@pytest.fixture
def stage(monkeypatch, settings, tmp_path):
    """Has each stage run a Python program instead of manage.py."""

    def stage(program):
        (tmp_path / "manage.py").write_text(f"import sys, time, json, pathlib\n{program}\n")
        settings.BASE_DIR = tmp_path
        monkeypatch.setattr(runs, "POLL_SECONDS", 0.05)

    return stage


def changelist(client, **more):
    return client.post(reverse("admin:game_trainingrun_changelist"), more, follow=True)


def choose(client, run, action):
    return changelist(client, action=action, _selected_action=str(run.pk))


# ---- carried out


def test_a_run_goes_through_its_stages_and_is_done(run, stage, tmp_path):
    stage("(pathlib.Path(__file__).parent / 'ran').open('a').write(sys.argv[2] + ' ')")
    tasks.train(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.stage) == (Status.DONE, "export")
    assert run.message.endswith(f"finetune/{run.pk}/export")
    assert (tmp_path / "ran").read_text() == "prepare train evaluate export "
    assert (tmp_path / "finetune" / str(run.pk) / "params.yaml").read_text() == "base: smol"


def test_what_a_stage_says_last_is_why_it_failed(run, stage):
    stage("sys.exit('CommandError: data holds no adventures (*.txt)')")
    tasks.train(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.stage) == (Status.FAILED, "prepare")
    assert run.message == "data holds no adventures (*.txt)"


def test_two_workers_do_not_train_the_same(run):
    assert runs.claim(run.pk) is not None
    assert runs.claim(run.pk) is None


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_and_a_stop_is_heard(run, stage):
    line = json.dumps(vars(STEP))
    stage(
        "out = pathlib.Path(sys.argv[-1]) if sys.argv[2] == 'train' else None\n"
        "if out:\n"
        "    import signal\n"
        "    out.mkdir()\n"
        f"    (out / 'progress.jsonl').write_text({line!r})\n"
        "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
        "    time.sleep(60)\n"
    )

    def train():
        tasks.train(str(run.pk))
        connections.close_all()  # this thread's own

    worker = threading.Thread(target=train)
    worker.start()
    deadline = time.monotonic() + 60
    while not run.progress:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        run.refresh_from_db()
    assert run.status == Status.RUNNING and run.heard is not None
    assert run.progress["loss"] == STEP.loss
    runs.stop(run)
    worker.join(60)
    run.refresh_from_db()
    assert run.status == Status.STOPPED
    assert runs.restart(run)


def test_a_training_that_breaks_the_worker_is_not_left_running(run, monkeypatch):
    monkeypatch.setattr(runs, "carry_out", lambda run: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.train(str(run.pk))
    run.refresh_from_db()
    assert run.status == Status.FAILED and "ZeroDivisionError" in run.message


def test_one_whose_worker_is_gone_can_go_on(run):
    runs.claim(run.pk)
    assert not runs.restart(run)
    TrainingRun.objects.update(heard=timezone.now() - timedelta(minutes=10))
    run.refresh_from_db()
    assert runs.seems_lost(run)
    assert runs.restart(run)


# ---- in the admin


def test_a_superuser_begins_one(operator, sent, django_capture_on_commit_callbacks):
    page = operator.get(reverse("admin:game_trainingrun_add"))
    assert "base: smol" in page.content.decode(), "params.yaml to begin with"
    with django_capture_on_commit_callbacks(execute=True):
        operator.post(page.request["PATH_INFO"], {"name": "Tales", "recipe": "base: smol"})
    run = TrainingRun.objects.get()
    assert run.by.username == "operator" and run.status == Status.WAITING
    assert sent == [((str(run.pk),), "finetune")]


def test_a_wrong_recipe_is_refused_with_its_line(operator, sent):
    url = reverse("admin:game_trainingrun_add")
    page = operator.post(url, {"name": "x", "recipe": "train: {epoch: 3}"})
    assert "train.epoch: is not a setting that recipes know" in page.content.decode()
    assert not TrainingRun.objects.exists()


def test_a_queue_that_does_not_answer_is_said(
    operator, monkeypatch, django_capture_on_commit_callbacks
):
    def away(args, queue):
        raise ConnectionError

    monkeypatch.setattr(tasks.train, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        operator.post(
            reverse("admin:game_trainingrun_add"), {"name": "Tales", "recipe": "base: smol"}
        )
    run = TrainingRun.objects.get()
    assert run.status == Status.FAILED and "queue does not answer" in run.message


def test_its_state_is_seen(operator, run):
    runs.claim(run.pk)
    TrainingRun.objects.update(progress=vars(STEP), stage="train")
    page = operator.get(reverse("admin:game_trainingrun_changelist")).content.decode()
    for shown in ("running", "3 / 55", "3.685", "3.894", "39 min 57 s"):
        assert shown in page
    TrainingRun.objects.update(heard=timezone.now() - timedelta(minutes=10))
    page = operator.get(reverse("admin:game_trainingrun_changelist")).content.decode()
    assert "Its worker is gone" in page


def test_it_is_stopped_and_started_again_from_the_list(operator, run, sent):
    choose(operator, run, "stop")
    run.refresh_from_db()
    assert run.status == Status.STOPPED
    choose(operator, run, "start_again")
    run.refresh_from_db()
    assert run.status == Status.WAITING and len(sent) == 1
    page = choose(operator, run, "start_again").content.decode()
    assert "is already waiting, running or done" in page and len(sent) == 1


def test_staff_who_are_no_superusers_cannot_begin_one(client, db):
    client.force_login(Player.objects.create_user("helper", is_staff=True))
    assert client.get(reverse("admin:game_trainingrun_add")).status_code == 403
