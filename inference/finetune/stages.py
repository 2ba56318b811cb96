"""The stages of dvc.yaml, each a function: from a recipe and folders to files. Torch is theirs."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.config import InferenceConfig
from inference.finetune.base import Base, base_of, trainable
from inference.finetune.prepare import Form
from inference.finetune.recipe import Recipe
from inference.finetune.training.progress import read_progress
from inference.finetune.trouble import RecipeError

Show = Callable[[str], None]


@dataclass(frozen=True)
class Stages:
    """A recipe at work. Raises FinetuneError, ModelError and others, in one line each."""

    recipe: Recipe
    config: InferenceConfig
    show: Show

    @property
    def base(self) -> Base:
        """The model to train. Raises Broken where it cannot be used."""
        return base_of(self.recipe, self.config)

    def form(self) -> Form:
        """How the narrator that learns reads."""
        base, window = self.base, self.recipe.prepare.window
        if base.is_gguf:
            from inference.engines.host import load  # noqa: PLC0415  heavy

            engine = load(base.narrator, self.config)
            fits = min(window, engine.context_tokens)
            return Form(base.narrator, engine.count, engine.render_chat, fits)
        return form_of_checkpoint(base, window)

    def train(
        self,
        samples: Path,
        out: Path,
        metrics: Path | None = None,
        curve: Path | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> dict[str, float]:
        """Train on samples and write checkpoints to `out`; `stopped` is asked after each step.

        Returns the metrics, which also go to `metrics` as JSON, and the curve of losses to `curve`.
        """
        from inference.finetune.training.run import Task, train  # noqa: PLC0415  torch

        base = self.base
        task = Task(
            base=trainable(base, self.config.models_dir),
            samples=samples,
            format=base.narrator.format,
            window=self.recipe.prepare.window,
            train=self.recipe.train,
            out=out,
        )
        found = train(task, self.show, stopped)
        write_json(metrics, found)
        write_curve(curve, out)
        return found

    def evaluate(self, samples: Path, run: Path, out: Path, metrics: Path | None = None) -> None:
        """Compare base and trained model, and write the report to `out`."""
        from inference.finetune.report.making import make_report  # noqa: PLC0415  torch

        found = make_report(self.recipe, self.base, samples, run, out, self.config, self.show)
        write_json(metrics, found)

    def export(self, run: Path, report: Path | None, out: Path) -> None:
        """Write the trained narrator and its entry for narrators.yaml to `out`."""
        from inference.finetune.export import export  # noqa: PLC0415  torch

        narrator = export(self.recipe, self.base, run, report, out, self.config, self.show)
        self.show(f"{narrator.name} lies in {out}; its entry for narrators.yaml in narrator.yaml")


def form_of_checkpoint(base: Base, window: int) -> Form:
    """With the tokenizer beside the checkpoint, and no more tokens than it has positions."""
    from inference.finetune.training.checkpoint import load_tokenizer  # noqa: PLC0415

    tokenizer = load_tokenizer(base.model)
    config: dict[str, Any] = json.loads((base.model / "config.json").read_text(encoding="utf-8"))
    positions = config.get("max_position_embeddings") or config.get("n_positions") or window
    if base.narrator.format == "chat" and not tokenizer.chat_template:
        raise RecipeError(f"{base.model} has no chat template: format: transcript")

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    def render_chat(messages: list[Any], begun: str) -> str:
        said = [{"role": each.role, "content": each.content} for each in messages]
        rendered = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        return f"{rendered}{begun}"

    return Form(base.narrator, count, render_chat, min(window, int(positions)))


def write_json(file: Path | None, found: dict[str, float]) -> None:
    """Write an object to a file with sorted keys; nothing without a file."""
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_curve(file: Path | None, run: Path) -> None:
    """The losses by step, as `dvc plots` reads them."""
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["step", "loss", "held_out"])
        writer.writerows([step.step, step.loss, step.held_out or ""] for step in read_progress(run))
