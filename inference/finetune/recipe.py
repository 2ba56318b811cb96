"""The recipe of a narrator: what params.yaml says, checked."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.finetune.split import HELD_OUT
from inference.finetune.trouble import RecipeError

Method = Literal["lora", "full"]


class Plain(BaseModel):
    """A part of a recipe: cannot be changed, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prepare(Plain):
    """Which adventures, and how they are cut into samples."""

    corpus: tuple[str, ...] = Field(default=("data/adventures",), min_length=1)
    window: int = Field(default=2048, ge=64)  # tokens of a sample
    held_out: float = Field(default=HELD_OUT, gt=0, lt=1)  # share of the adventures
    # Every so many turns of a path are learnt after their own prompt, where state, note or recalled
    # sentences make it another than that of the turn before.
    every: int = Field(default=1, ge=1, le=100)


class Lora(Plain):
    """The size of an adapter (Hu et al. 2021). It goes on every linear layer but the last."""

    rank: int = Field(default=16, ge=1, le=256)
    alpha: float = Field(default=32, gt=0)
    dropout: float = Field(default=0.05, ge=0, lt=1)


class Train(Plain):
    """How to train: method, learning rate, batches, evaluation, precision."""

    method: Method = "lora"
    lora: Lora = Lora()
    epochs: float = Field(default=3, gt=0, le=1000)
    learning_rate: float = Field(default=5e-4, gt=0, lt=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)  # share of all steps
    weight_decay: float = Field(default=0.01, ge=0)
    rows: int = Field(default=1, ge=1)  # packed rows computed at once
    rows_a_step: int = Field(default=4, ge=1)  # rows that one step of the optimizer learns from
    evaluations: int = Field(default=2, ge=1)  # an epoch, on what is held out
    patience: int = Field(default=3, ge=1)  # evaluations without gain that end the training
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = Field(default="", pattern=r"^[A-Za-z0-9:]*$")  # the first GPU, else the CPU
    threads: int = Field(default=0, ge=0)  # on a CPU; 0 is torch's choice
    checkpointing: bool = False  # computes parts again instead of keeping them: half the memory
    seed: int = 7

    @model_validator(mode="after")
    def rows_add_up(self) -> "Train":
        """Check that a step is a whole number of batches."""
        if self.rows_a_step % self.rows:
            raise ValueError("rows_a_step is a multiple of rows")
        return self


class Evaluate(Plain):
    """How much is told for the table: as `manage.py evaluate` has it. 0 of all leaves it out."""

    seeds: int = Field(default=2, ge=0)
    plays: int = Field(default=4, ge=0)
    turns: int = Field(default=20, ge=0)


class Export(Plain):
    """The name, title, description and licence of the trained narrator."""

    name: str = Field(default="tales", pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str = Field(default="", max_length=40)
    line: str = Field(default="Learned from adventures of this house.", max_length=200)
    licence: str = Field(default="", pattern=r"^[A-Za-z0-9.+-]*$")  # the base's


class Recipe(Plain):
    """All settings of a training, from the base to the export."""

    base: str = "smol"  # a narrator of narrators.yaml, or a checkpoint's folder
    format: Literal["transcript", "chat"] | None = None  # the narrator's where missing
    prepare: Prepare = Prepare()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    export: Export = Export()


def read_recipe(file: Path) -> Recipe:
    """The recipe in a YAML file. Raises RecipeError."""
    try:
        return parse_recipe(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise RecipeError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file} is not UTF-8") from error


def parse_recipe(text: str, called: str) -> Recipe:
    """The recipe in a YAML text; an error names the file as `called`. Raises RecipeError."""
    try:
        return Recipe.model_validate(yaml.safe_load(text) or {})
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError(f"{called}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise RecipeError(f"{called}: {complaint(error)}") from error


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong, with its place."""
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        what = "is not a setting that recipes know"
    return f"{place}: {what}" if place else what
