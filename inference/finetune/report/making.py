"""The evaluate stage: measure, have both narrators tell, write it down."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from inference.config import InferenceConfig
from inference.finetune.base import Base, trainable
from inference.finetune.outcome import ADAPTER, MODEL, outcome_of
from inference.finetune.recipe import Evaluate, Recipe
from inference.finetune.report.page import draw, page
from inference.finetune.training.progress import read_progress
from inference.finetune.trouble import RecipeError
from inference.lab.evaluation.runs import Run, read
from inference.lab.evaluation.scores import Figures
from inference.narrators import Narrator

ROOT = Path(__file__).resolve().parents[3]
Show = Callable[[str], None]


def make_report(
    recipe: Recipe, base: Base, samples: Path, run: Path, out: Path, config: InferenceConfig,
    show: Show,
) -> dict[str, float]:  # fmt: skip
    """Write report.html with its plots into `out`; the metrics. Raises RecipeError and others of
    training."""
    from inference.finetune.report.held_out import measure  # noqa: PLC0415  torch

    out.mkdir(parents=True, exist_ok=True)
    learned = run / (ADAPTER if recipe.train.method == "lora" else MODEL)
    outcome = outcome_of(run, recipe, base, out / "narrator")
    held_out = measure(
        trainable(base, config.models_dir),
        learned,
        samples / f"{base.narrator.format}-held-out.jsonl",
        recipe.prepare.window,
        recipe.train,
        show,
    )
    runs = told_by_both(base.narrator, outcome.narrator, recipe.evaluate, out, show)
    parts = columns(*runs) if runs else {}
    pictures = draw(list(read_progress(run)), held_out, out)
    title = f"{outcome.narrator.name}, and {base.narrator.name} that it was made of"
    (out / "report.html").write_text(page(title, held_out, parts, pictures), encoding="utf-8")
    metrics = {
        "held_out_loss_base": held_out.before.loss,
        "held_out_loss": held_out.after.loss,
        "perplexity_base": round(held_out.before.perplexity, 3),
        "perplexity": round(held_out.after.perplexity, 3),
    }
    for part, (before, after) in parts.items():
        for name, value in after.items():
            if value is not None:
                metrics[f"{part}.{name}"] = round(value, 4)
            if (old := before.get(name)) is not None:
                metrics[f"{part}.{name}_base"] = round(old, 4)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    return metrics


def columns(before: Run, after: Run) -> dict[str, tuple[Figures, Figures]]:
    """The figures of both runs, for the parts that both have."""
    return {
        part: (before.columns[part], after.columns[part])
        for part in before.columns
        if part in after.columns
    }


def told_by_both(
    base: Narrator, tuned: Narrator, how: Evaluate, out: Path, show: Show
) -> tuple[Run, Run] | None:
    """Both narrators' tables; None where nothing is to be told. Raises RecipeError."""
    if not how.seeds and not (how.plays and how.turns):
        return None
    narrators = {"narrators": [as_entry(base), as_entry(tuned)]}
    file = out / "narrators.yaml"
    file.write_text(yaml.safe_dump(narrators, sort_keys=False), encoding="utf-8")
    found = []
    for narrator in (base, tuned):
        show(f"{narrator.name} tells")
        found.append(evaluated(narrator.name, file, how, out / narrator.name))
    return found[0], found[1]


def evaluated(name: str, file: Path, how: Evaluate, folder: Path) -> Run:
    """`manage.py evaluate` in a process of its own: an engine is loaded once in one."""
    command = [sys.executable, str(ROOT / "manage.py"), "evaluate", name, "--file", str(file)]
    command += ["--seeds", str(how.seeds), "--plays", str(how.plays), "--turns", str(how.turns)]
    done = subprocess.run(
        [*command, "--save", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise RecipeError(f"{name} could not be evaluated: {lines[-1] if lines else 'no word'}")
    return read(folder)


def as_entry(narrator: Narrator) -> dict[str, object]:
    """A narrator as a narrators file has it, without what it leaves as it is."""
    entry: dict[str, object] = narrator.model_dump(mode="json", exclude_defaults=True)
    return entry
