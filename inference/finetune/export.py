"""What a host needs to have a trained narrator tell: files, an entry, and a model card."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from inference.config import InferenceConfig
from inference.contract.sampling import SamplingParams
from inference.engines.host import load
from inference.finetune.base import Base, trainable
from inference.finetune.corpus import Adventure, files_of, read
from inference.finetune.outcome import ADAPTER, halve, merge_checkpoint, outcome_of
from inference.finetune.recipe import Recipe
from inference.finetune.report.making import as_entry
from inference.lab.weight_check import with_full_precision
from inference.models.export import environment
from inference.models.export import export as export_ir
from inference.models.store import ensure_model
from inference.narrators import Narrator, Reference

CHECKPOINT, IR = "checkpoint", "ir"
CARD, ENTRY, AGREEMENT = "README.md", "narrator.yaml", "agreement.json"
GREEDY_TOKENS = 24
PROMPTS = (
    "You open the door and look around. The room is",
    "Once upon a time, there was a little",
    "The old man puts the lamp on the table and says",
    "A, B, C, D, E, F, G, H, I, J, K, L, M, N,",
)

Show = Callable[[str], None]


def export(
    recipe: Recipe, base: Base, run: Path, report: Path | None, out: Path,
    config: InferenceConfig, show: Show,
) -> Narrator:  # fmt: skip
    """Write it all into `out`; the narrator as its entry has it. Raises RecipeError, ModelError.

    A checkpoint for transformers and anything that reads safetensors, a GGUF where the base is one,
    an IR for openvino where it is none and the environment that makes one is there.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    outcome = outcome_of(run, recipe, base, out)
    checkpoint = whole_checkpoint(recipe, base, run, out, config)
    tellers = {"transformers": as_transformers(outcome.narrator, checkpoint)}
    if base.is_gguf:
        tellers["openvino"] = as_gguf(outcome.narrator, recipe, out, config)
    elif environment(config.models_dir) is not None:
        export_ir(checkpoint, out / IR, "int8", config.models_dir)
        tellers["openvino"] = as_openvino(outcome.narrator, out / IR)
    else:
        show("no IR: `python -m inference.models.export` makes the environment that writes one")
    reference = surest_of(checkpoint)
    agreement = compare(tellers, config, show)
    (out / AGREEMENT).write_text(json.dumps(agreement, indent=1) + "\n", encoding="utf-8")
    wanted = tellers.get(base.narrator.engine, outcome.narrator)
    shown = wanted.model_copy(update={"reference": reference})
    (out / ENTRY).write_text(entry_of(shown, out), encoding="utf-8")
    (out / CARD).write_text(card(recipe, base, run, report, out, agreement), encoding="utf-8")
    return shown


def whole_checkpoint(
    recipe: Recipe, base: Base, run: Path, out: Path, config: InferenceConfig
) -> Path:
    """The narrator as a checkpoint's folder, with its tokenizer."""
    place = out / CHECKPOINT
    if place.is_dir():
        return place
    if recipe.train.method == "lora":
        merge_checkpoint(trainable(base, config.models_dir), run / ADAPTER, place)
        if not (out / ADAPTER).is_dir():
            halve(run / ADAPTER, out / ADAPTER)
    else:
        shutil.copytree(run / "model", place)
    return place


def as_transformers(narrator: Narrator, checkpoint: Path) -> Narrator:
    """The narrator with the exported checkpoint, for the transformers engine."""
    update = {"engine": "transformers", "model": str(checkpoint.absolute()), "adapter": ""}
    return changed(narrator, sha256=None, dtype=None, options={}, **update)


def as_openvino(narrator: Narrator, model: Path) -> Narrator:
    """The narrator with the exported model, for the openvino engine."""
    update = {"engine": "openvino", "model": str(model.absolute()), "adapter": ""}
    return changed(narrator, sha256=None, dtype=None, options={}, **update)


def as_gguf(narrator: Narrator, recipe: Recipe, out: Path, config: InferenceConfig) -> Narrator:
    """The merged GGUF beside the rest, made by what a pull does."""
    file = out / f"{recipe.export.name}.gguf"
    if narrator.adapter:
        plain = narrator.model_copy(update={"engine": "openvino"})
        shutil.copyfile(ensure_model(plain, config.models_dir), file)
    return as_openvino(narrator, file)


def changed(narrator: Narrator, **update: Any) -> Narrator:
    """The narrator with other settings, validated. Raises ValidationError."""
    return Narrator.model_validate(narrator.model_dump() | update)


# ---- the same words from every engine


def surest_of(checkpoint: Path) -> Reference | None:
    """What the checkpoint says greedily and is sure of; None where it is sure of nothing."""
    from inference.models.ir_maker import surest  # noqa: PLC0415  torch

    prompt, text = surest(str(checkpoint))
    return Reference(prompt=prompt, text=text) if text.strip() else None


def compare(tellers: Mapping[str, Narrator], config: InferenceConfig, show: Show) -> dict[str, Any]:
    """What each engine says greedily after some prompts, and for how many words it is the same."""
    said: dict[str, list[str]] = {}
    for engine, narrator in tellers.items():
        said[engine] = greedily(with_full_precision(narrator), config)
    first = said["transformers"]
    same = {
        engine: [common_words(one, other) for one, other in zip(first, each, strict=True)]
        for engine, each in said.items()
    }
    for engine, words in same.items():
        if engine != "transformers":
            whole = sum(len(text.split()) for text in first)
            show(f"{engine} says the first {sum(words)} of {whole} words as transformers does")
    return {"prompts": list(PROMPTS), "said": said, "same_words": same}


def greedily(narrator: Narrator, config: InferenceConfig) -> list[str]:
    """What a narrator says after each prompt when it takes the likeliest token."""
    engine = load(narrator, config)
    greedy = SamplingParams(max_tokens=GREEDY_TOKENS, temperature=0, repetition_penalty=1)
    told = []
    for prompt in PROMPTS:
        engine.submit(prompt, greedy)
        said = ""
        while engine.busy:
            said += "".join(text.text for text in engine.step())
        told.append(said)
    close = getattr(engine, "close", None)
    if close is not None:
        close()
    return told


def common_words(one: str, other: str) -> int:
    """How many words two texts have in common before they differ."""
    count = 0
    for mine, theirs in zip(one.split(), other.split(), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


# ---- what is written for people


def entry_of(narrator: Narrator, out: Path) -> str:
    """The narrator's entry for narrators.yaml, as text."""
    entry = as_entry(narrator)
    return (
        "# For narrators.yaml. The model's path is of the machine that made it: move the files to\n"
        "# MODELS_DIR, and name them as they are called there.\n"
        f"{yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=96)}"
    )


def card(
    recipe: Recipe, base: Base, run: Path, report: Path | None, out: Path,
    agreement: Mapping[str, Any],
) -> str:  # fmt: skip
    """What the model is: data, licences, parameters, figures, hashes."""
    adventures = [read(file) for folder in recipe.prepare.corpus for file in files_of(Path(folder))]
    metrics = read_json(run / "metrics.json")
    if report is not None:
        metrics |= read_json(report / "metrics.json")
    words = sum(each.words for each in adventures)
    lines = [
        f"# {recipe.export.title or recipe.export.name}",
        "",
        recipe.export.line,
        "",
        f"- **Base**: {base.narrator.model or base.model.name} (licence: "
        f"{recipe.export.licence or 'see the base'})",
        f"- **Data**: {len(adventures)} adventures, {words} words; licences: "
        f"{', '.join(sorted({each.licence for each in adventures}))}; "
        f"sha256 of all {digest(adventures)}",
        f"- **Method**: {recipe.train.method}, loss on replies only; "
        f"{recipe.prepare.held_out:.0%} of adventures held out",
        f"- **Told in**: the {base.narrator.format} format",
        "- **For**: text adventures in English, as the narrator of Grue. Small models make things "
        "up; nothing it says is advice.",
        "",
        "## Parameters",
        "",
        "```yaml",
        yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False).strip(),
        "```",
        "",
        "## Figures",
        "",
        *table_of(metrics),
        "",
        "## The same words from every engine",
        "",
        *agreement_lines(agreement),
        "",
        "## Files",
        "",
        "| file | sha256 |",
        "|---|---|",
        *(f"| {name} | {sum_} |" for name, sum_ in hashes(out)),
        "",
    ]
    return "\n".join(lines)


def table_of(metrics: Mapping[str, Any]) -> list[str]:
    """Metrics as the lines of a Markdown table."""
    return ["| | |", "|---|--:|", *(f"| {name} | {value} |" for name, value in metrics.items())]


def agreement_lines(agreement: Mapping[str, Any]) -> list[str]:
    """For each engine, how far its greedy words are those of transformers."""
    whole = [len(text.split()) for text in agreement["said"]["transformers"]]
    return [
        f"- {engine}: {sum(words)} of {sum(whole)} words before they differ"
        for engine, words in agreement["same_words"].items()
    ]


def digest(adventures: Sequence[Adventure]) -> str:
    """SHA-256 over the adventures' files, in the order of their names."""
    found = hashlib.sha256()
    for each in sorted(adventures, key=lambda each: each.file):
        found.update(Path(each.file).read_bytes())
    return found.hexdigest()


def hashes(out: Path) -> list[tuple[str, str]]:
    """Path and SHA-256 of every exported file but the model card."""
    found = []
    for file in sorted(path for path in out.rglob("*") if path.is_file() and path.name != CARD):
        with file.open("rb") as opened:
            sum_ = hashlib.file_digest(opened, "sha256").hexdigest()
        found.append((str(file.relative_to(out)), sum_))
    return found


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file; empty where there is no file."""
    if not file.is_file():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
