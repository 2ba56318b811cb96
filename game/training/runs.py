"""Carries out training runs. A TrainingRun changes nowhere else.

A run goes waiting → running → done, stopped or failed. A worker claims it with one conditional
update, so that two workers never train the same run.
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
POLL_SECONDS = 2.0  # between checks of a running stage
HEARTBEAT_TIMEOUT = timedelta(minutes=3)  # after which the run's worker counts as dead
STOP_SECONDS = 60.0  # for a stage to save its weights after SIGTERM
GONE = "Its worker is gone. Start it again: it goes on where it was."


def folder_of(run: TrainingRun) -> Path:
    """The folder with a run's files, which may not exist yet."""
    return Path(settings.DATA_DIR) / "finetune" / str(run.pk)


def claim(run_id: UUID) -> TrainingRun | None:
    """Claim a waiting run for this worker; None if it does not wait."""
    waiting = TrainingRun.objects.filter(pk=run_id, status=Status.WAITING)
    claimed = waiting.update(status=Status.RUNNING, heard=Now(), message="", stop_asked=False)
    return TrainingRun.objects.get(pk=run_id) if claimed else None


def restart(run: TrainingRun) -> bool:
    """Let a failed, stopped or lost run wait for a worker again. False for any other."""
    ended = Q(status__in=[Status.FAILED, Status.STOPPED])
    lost = Q(status=Status.RUNNING, heard__lt=timezone.now() - HEARTBEAT_TIMEOUT)
    found = TrainingRun.objects.filter(ended | lost, pk=run.pk)
    return bool(found.update(status=Status.WAITING, message="", ended=None, stop_asked=False))


def stop(run: TrainingRun) -> None:
    """Request the end of a run. Its weights are saved, and it can continue later."""
    waiting = TrainingRun.objects.filter(pk=run.pk, status=Status.WAITING)
    if not waiting.update(status=Status.STOPPED, ended=Now()):
        TrainingRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(stop_asked=True)


def end_run(run: TrainingRun, status: str, message: str = "") -> None:
    """Store how a running run ended."""
    TrainingRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(
        status=status, message=message[:500], ended=Now()
    )


def seems_lost(run: TrainingRun) -> bool:
    """Whether a running run had no heartbeat for HEARTBEAT_TIMEOUT."""
    return run.status == Status.RUNNING and (
        run.heard is None or run.heard < timezone.now() - HEARTBEAT_TIMEOUT
    )


# Carrying out a run


def carry_out(run: TrainingRun) -> None:
    """Run all stages, each in a process of its own, which frees the memory that torch holds."""
    folder = folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "params.yaml"
    recipe.write_text(run.recipe, encoding="utf-8")
    for stage, arguments in stages(folder):
        TrainingRun.objects.filter(pk=run.pk).update(stage=stage, heard=Now())
        status, output = run_stage(run, [stage, "--recipe", str(recipe), *arguments], folder)
        if status != Status.DONE:
            end_run(run, status, output)
            return
    end_run(run, Status.DONE, f"{folder / 'export'}")


def stages(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The stages in order, each with its arguments for `manage.py finetune`."""
    samples, run, report = (str(folder / name) for name in ("samples", "run", "report"))
    yield "prepare", ["--out", samples]
    yield "train", ["--samples", samples, "--out", run]
    yield "evaluate", ["--samples", samples, "--run", run, "--out", report]
    yield "export", ["--run", run, "--report", report, "--out", str(folder / "export")]


def run_stage(run: TrainingRun, arguments: list[str], folder: Path) -> tuple[str, str]:
    """Run one stage. Returns its status, and for a failure the last line of its output."""
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "finetune", *arguments]
    output = folder / f"{arguments[0]}.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
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
    """Store heartbeat and progress until the process ends. True if it was asked to stop."""
    while process.poll() is None:
        row = TrainingRun.objects.filter(pk=run.pk, status=Status.RUNNING)
        row.update(heard=Now(), progress=progress_of(folder))
        if not row.filter(stop_asked=False).exists():  # a stop was requested, or the row is gone
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            return True
        time.sleep(POLL_SECONDS)
    TrainingRun.objects.filter(pk=run.pk).update(progress=progress_of(folder))
    return False


def kill_and_wait(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process if it still runs, and reap it."""
    if process.poll() is None:
        process.kill()
    process.wait()


def progress_of(folder: Path) -> dict[str, float]:
    """The last step that the training recorded; empty before the first."""
    last: Step | None = None
    for step in read_progress(folder / "run"):
        last = step
    return asdict(last) if last else {}


def last_line(output: Path) -> str:
    """The last line of a log that is not blank."""
    lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("CommandError: ") if lines else "It ended without a word."
