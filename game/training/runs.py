"""A training from its start in the admin to its end: the only place where its row changes.

A run goes waiting → running → done, stopped or failed. Whoever takes it changes `waiting` in one
statement, so that two workers never train the same.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from game.models import TrainingRun
from inference.finetune.training.progress import Step, read_progress

logger = logging.getLogger(__name__)

Status = TrainingRun.Status
LOOK_EVERY = 2.0  # seconds between looks at a training
SILENT = timedelta(minutes=3)  # without a sign of life: its worker is gone
LEAVE = 60.0  # seconds that a training has to keep what it learned
GONE = "Its worker is gone. Start it again: it goes on where it was."


def folder_of(run: TrainingRun) -> Path:
    return Path(settings.DATA_DIR) / "finetune" / str(run.pk)


def take(run_id: UUID) -> TrainingRun | None:
    """The run, if it waits; it is this worker's then."""
    waiting = TrainingRun.objects.filter(pk=run_id, status=Status.WAITING)
    taken = waiting.update(status=Status.RUNNING, heard=Now(), message="", stop_asked=False)
    return TrainingRun.objects.get(pk=run_id) if taken else None


def begin_again(run: TrainingRun) -> bool:
    """Have it wait for a worker, unless it waits, runs or is done."""
    over = Q(status__in=[Status.FAILED, Status.STOPPED])
    silent = Q(status=Status.RUNNING, heard__lt=timezone.now() - SILENT)
    again = TrainingRun.objects.filter(over | silent, pk=run.pk)
    return bool(again.update(status=Status.WAITING, message="", ended=None, stop_asked=False))


def stop(run: TrainingRun) -> None:
    """Ask for its end. What it learned is kept, and it can go on later."""
    waiting = TrainingRun.objects.filter(pk=run.pk, status=Status.WAITING)
    if not waiting.update(status=Status.STOPPED, ended=Now()):
        TrainingRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(stop_asked=True)


def end(run: TrainingRun, status: str, message: str = "") -> None:
    TrainingRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(
        status=status, message=message[:500], ended=Now()
    )


def seems_lost(run: TrainingRun) -> bool:
    return run.status == Status.RUNNING and (
        run.heard is None or run.heard < timezone.now() - SILENT
    )


# ---- carrying it out


def carry_out(run: TrainingRun) -> None:
    """All stages, each in a process of its own: what torch holds goes with it."""
    folder = folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "params.yaml"
    recipe.write_text(run.recipe, encoding="utf-8")
    for stage, arguments in stages(folder):
        TrainingRun.objects.filter(pk=run.pk).update(stage=stage, heard=Now())
        status, said = run_stage(run, [stage, "--recipe", str(recipe), *arguments], folder)
        if status != Status.DONE:
            end(run, status, said)
            return
    end(run, Status.DONE, f"{folder / 'export'}")


def stages(folder: Path) -> Iterator[tuple[str, list[str]]]:
    samples, run, report = (str(folder / name) for name in ("samples", "run", "report"))
    yield "prepare", ["--out", samples]
    yield "train", ["--samples", samples, "--out", run]
    yield "evaluate", ["--samples", samples, "--run", run, "--out", report]
    yield "export", ["--run", run, "--report", report, "--out", str(folder / "export")]


def run_stage(run: TrainingRun, arguments: list[str], folder: Path) -> tuple[str, str]:
    """One stage; how it ended, and its last line where it failed."""
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "finetune", *arguments]
    output = folder / f"{arguments[0]}.log"
    with output.open("wb") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "GRUE_PARENT": str(os.getpid())},
        )
        try:
            stopped = watch(run, process, folder)
        finally:
            kill_and_wait(process)
    if stopped:
        return Status.STOPPED, "Stopped. Started again, it goes on where it was."
    if process.returncode:
        return Status.FAILED, last_line(output)
    return Status.DONE, ""


def watch(run: TrainingRun, process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    """Tell the row how it goes until it ends; True where somebody asked for the end."""
    while process.poll() is None:
        row = TrainingRun.objects.filter(pk=run.pk, status=Status.RUNNING)
        row.update(heard=Now(), progress=progress_of(folder))
        if not row.filter(stop_asked=False).exists():  # asked for, or the row is gone
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(LEAVE)
            return True
        time.sleep(LOOK_EVERY)
    TrainingRun.objects.filter(pk=run.pk).update(progress=progress_of(folder))
    return False


def kill_and_wait(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def progress_of(folder: Path) -> dict[str, float]:
    """The last step that a training noted; empty before the first."""
    last: Step | None = None
    for step in read_progress(folder / "run"):
        last = step
    return asdict(last) if last else {}


def last_line(output: Path) -> str:
    lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("CommandError: ") if lines else "It ended without a word."
