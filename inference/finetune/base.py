"""What a narrator is made of: the base that a recipe names, found and made trainable."""

from dataclasses import dataclass
from pathlib import Path

from inference.config import InferenceConfig
from inference.finetune.recipe import Recipe
from inference.finetune.trouble import RecipeError
from inference.models.store import ModelError, ensure_model, local_source
from inference.narrators import Narrator, NarratorsError, UnknownNarrator, load_narrators

TRAINABLE = "trainable"  # in MODELS_DIR: checkpoints made of GGUFs


@dataclass(frozen=True)
class Base:
    """The narrator that learns, and the file or folder of its model."""

    narrator: Narrator
    model: Path

    @property
    def is_gguf(self) -> bool:
        """Whether the base is a GGUF file, and not a checkpoint's folder."""
        return self.model.is_file()


def base_of(recipe: Recipe, config: InferenceConfig) -> Base:
    """The narrator that the recipe names, or one made up around a checkpoint's folder.

    Of a narrator that has learned before, its model without the adapter: what is trained learns
    from the beginning, or two runs would never be the same. Its model is fetched where it is
    missing. Raises RecipeError.
    """
    for folder in (Path(recipe.base).expanduser(), config.models_dir / recipe.base):
        if (folder / "config.json").is_file():
            return Base(around(folder.absolute(), recipe), folder.absolute())
    try:
        narrator = load_narrators(config.narrators_file).get(recipe.base)
    except UnknownNarrator as error:
        raise RecipeError(f"base: {error}, and no checkpoint's folder of that name") from error
    except NarratorsError as error:
        raise RecipeError(str(error)) from error
    if recipe.format and recipe.format != narrator.format:
        raise RecipeError(f"base: narrator {narrator.name!r} reads {narrator.format}")
    if narrator.engine not in ("openvino", "transformers"):
        raise RecipeError(f"base: narrator {narrator.name!r} has no model here to train")
    plain = narrator.model_copy(update={"adapter": "", "reference": None})
    return Base(plain, model_of(plain, config.models_dir))


def model_of(narrator: Narrator, models_dir: Path) -> Path:
    """A GGUF or a checkpoint's folder. Raises RecipeError."""
    try:
        if ":" not in narrator.model:
            own = local_source(narrator, models_dir)
            if (own / "config.json").is_file():
                return own.absolute()
        if narrator.model.startswith("hf:"):  # as it comes, not as an IR
            narrator = narrator.model_copy(update={"engine": "transformers"})
        return ensure_model(narrator, models_dir).absolute()
    except ModelError as error:
        raise RecipeError(f"base: {error}") from error


def around(folder: Path, recipe: Recipe) -> Narrator:
    """A narrator for a checkpoint that no narrators file names: a transcript's, unless it says."""
    return Narrator(
        name="base",
        line="-",
        engine="transformers",
        model=str(folder),
        format=recipe.format or "transcript",
        context=max(256, recipe.prepare.window),
    )


def trainable(base: Base, models_dir: Path) -> Path:
    """The checkpoint's folder that training begins with. Wants torch."""
    from inference.finetune.training.checkpoint import checkpoint_of  # noqa: PLC0415

    return checkpoint_of(base.model, models_dir / TRAINABLE / base.model.stem)
