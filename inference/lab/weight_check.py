"""Checks that an engine reads a model's weights correctly, by the text that it generates."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.config import InferenceConfig
from inference.contract.sampling import SamplingParams
from inference.engines.base import Engine
from inference.engines.host import load
from inference.models import arithmetic
from inference.models.export import reference_of
from inference.models.store import model_path
from inference.narrators import Narrator, Reference

logger = logging.getLogger(__name__)

REFERENCE_TOKENS = 24
# Processors round differently, and one different token changes all that follow, so that only the
# first words are compared. Weights that are read wrongly give other text within a few words.
REFERENCE_WORDS = 5

# For a GGUF without a reference. Plain words: encoding them again gives the same tokens.
CHECK_PROMPT = "You open the door of the old mill and look around. On the table"
CHECK_TOKENS = 16


@dataclass(frozen=True)
class WeightCheck:
    """The result of a check that an engine reads a model's weights correctly."""

    problem: str = ""  # one line; empty where nothing is wrong
    confirmed: str = ""  # how it was confirmed; empty where there is nothing to compare with


def check_weights(narrator: Narrator, config: InferenceConfig) -> WeightCheck:
    """Compare a greedy reply with a reference, or with a separate computation from the file.

    Loads the model for as long as that takes. Raises ModelError, ValueError or RuntimeError.
    """
    if narrator.engine == "openai" or not narrator.model:
        return WeightCheck()
    engine = load(with_full_precision(narrator), config)
    path = model_path(narrator, config.models_dir)
    reference = narrator.reference or (reference_of(path) if path.is_dir() else None)
    if reference is not None:
        return check_by_reference(narrator, engine, reference)
    if narrator.engine == "openvino" and path.is_file():
        return check_by_arithmetic(narrator, engine, path)
    return WeightCheck()


def check_by_reference(narrator: Narrator, engine: Engine, reference: Reference) -> WeightCheck:
    """Compare with the narrator's reference, or with the checkpoint's from when it was exported."""
    text = generate_greedily(engine, reference.prompt)
    expected = " ".join(reference.text.split()[:REFERENCE_WORDS])
    if " ".join(text.split()).startswith(expected):
        return WeightCheck(confirmed="says what it should")
    return WeightCheck(
        f"narrator {narrator.name!r} says {text.strip()[:60]!r} where "
        f"{reference.text.strip()[:60]!r} is right: its weights are not read as they are meant"
    )


def check_by_arithmetic(narrator: Narrator, engine: Any, path: Path) -> WeightCheck:
    """Compare the engine's greedy tokens of a GGUF with those that numpy computes."""
    text = generate_greedily(engine, CHECK_PROMPT, CHECK_TOKENS)
    prompt = engine.ids(CHECK_PROMPT)
    new = engine.ids(CHECK_PROMPT + text)[len(prompt) :]
    if not new:
        return WeightCheck(f"narrator {narrator.name!r} says nothing after {CHECK_PROMPT!r}")
    try:
        matching, compared = arithmetic.agreeing(path, prompt, new)
    except arithmetic.Unknown as unknown:
        logger.info("narrator %s: not proved: %s is not computed apart", narrator.name, unknown)
        return WeightCheck()
    if matching >= arithmetic.AGREEING * compared:
        return WeightCheck(confirmed=f"says what its file says ({matching} of {compared} tokens)")
    return WeightCheck(
        f"narrator {narrator.name!r} says {text.strip()[:60]!r}, and its file says otherwise "
        f"({matching} of {compared} tokens are right): its weights are not read as they are meant"
    )


def with_full_precision(narrator: Narrator) -> Narrator:
    """The narrator with float32 arithmetic, in which nothing is rounded for speed.

    On a processor with AMX, openvino computes in bfloat16: the reply differs from the reference
    then, though the weights are right.
    """
    if narrator.engine != "openvino":
        return narrator
    return narrator.model_copy(update={"options": {**narrator.options, "precision": "f32"}})


def generate_greedily(engine: Engine, prompt: str, tokens: int = REFERENCE_TOKENS) -> str:
    """The text after `prompt` when each token is the most likely one; `tokens` at most."""
    engine.submit(prompt, SamplingParams(max_tokens=tokens, temperature=0, repetition_penalty=1))
    text = ""
    while engine.busy:
        text += "".join(each.text for each in engine.step())
    return text
