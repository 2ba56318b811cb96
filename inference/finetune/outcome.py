"""What a training made, as a narrator that can be told with: for the report, and for hosts."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.finetune.base import Base
from inference.finetune.recipe import Recipe
from inference.finetune.trouble import RecipeError
from inference.models.gguf_rewrite import GGUFError, read_gguf, rewrite
from inference.models.lora import CONFIG, WEIGHTS, AdapterError, changes_of_checkpoint
from inference.narrators import Narrator

ADAPTER, MODEL = "adapter", "model"  # in a training's folder, by method


@dataclass(frozen=True)
class Outcome:
    """A narrator of a training, and the folder of its files."""

    narrator: Narrator
    folder: Path


def outcome_of(run: Path, recipe: Recipe, base: Base, folder: Path) -> Outcome:
    """Put what the narrator needs into `folder`. Raises RecipeError.

    For openvino and a GGUF base that is a GGUF; for anything else, a checkpoint's folder.
    """
    learned = run / (ADAPTER if recipe.train.method == "lora" else MODEL)
    if not learned.is_dir():
        raise RecipeError(
            f"{run} holds no finished training: `manage.py finetune train` comes first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if recipe.train.method == "lora" and (base.is_gguf or base.narrator.engine != "openvino"):
            return Outcome(with_adapter(learned, recipe, base, folder), folder)
        if base.is_gguf:
            return Outcome(as_gguf(learned, recipe, base, folder), folder)
    except (AdapterError, GGUFError) as error:
        raise RecipeError(str(error)) from error
    checkpoint = folder / "checkpoint"
    if recipe.train.method == "lora":
        merge_checkpoint(base.model, learned, checkpoint)
    elif not checkpoint.is_dir():
        shutil.copytree(learned, checkpoint)
    return Outcome(tuned(recipe, base, model=str(checkpoint.absolute())), folder)


def with_adapter(learned: Path, recipe: Recipe, base: Base, folder: Path) -> Narrator:
    """The base with the adapter, in half precision: half the size, and no word of it changes."""
    place = folder / ADAPTER
    halve(learned, place)
    return tuned(recipe, base, adapter=str(place.absolute()))


def as_gguf(learned: Path, recipe: Recipe, base: Base, folder: Path) -> Narrator:
    """The base's GGUF with every tensor that was trained."""
    file = folder / f"{recipe.export.name}.gguf"
    reader = read_gguf(base.model)
    rewrite(reader, file, lambda done, total: None, changes_of_checkpoint(learned, reader))
    return tuned(recipe, base, model=str(file.absolute()), sha256=None)


def tuned(recipe: Recipe, base: Base, **changed: Any) -> Narrator:
    """The base's entry under its new name. Its replies are begun as the base's are.

    It has learned to begin them itself, and tells more of what the player acts on where it does
    not: docs/evaluation.md.
    """
    wanted = recipe.export
    entry = base.narrator.model_dump() | {
        "name": wanted.name,
        "title": wanted.title,
        "line": wanted.line,
        "builtin": False,
        "reference": None,
        "revision": "",
        **changed,
    }
    return Narrator.model_validate(entry)


def halve(learned: Path, place: Path) -> None:
    """Copy an adapter, its weights as float16. Wants torch."""
    import torch  # noqa: PLC0415
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    place.mkdir(parents=True, exist_ok=True)
    halves = {name: each.to(torch.float16) for name, each in load_file(learned / WEIGHTS).items()}
    save_file(halves, place / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((learned / CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = None  # a path of the machine that trained it
    (place / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def merge_checkpoint(base: Path, adapter: Path, folder: Path) -> None:
    """A checkpoint with the adapter as part of its weights. Wants torch."""
    import torch  # noqa: PLC0415
    from peft import PeftModel  # noqa: PLC0415

    from inference.finetune.training.checkpoint import load_base, load_tokenizer  # noqa: PLC0415

    model = PeftModel.from_pretrained(load_base(base, torch.float32), str(adapter))
    model.merge_and_unload().save_pretrained(folder)
    load_tokenizer(base).save_pretrained(folder)
