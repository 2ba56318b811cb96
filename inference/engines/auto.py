"""Chooses the engine for `engine: auto`, with the reason, from the narrator's entry alone.

The choice is made when narrators.yaml is read, before a model is downloaded, so that all other code
sees a named engine. docs/decisions/llama-in-process.md has the figures.
"""

from pathlib import PurePosixPath
from typing import Literal

from inference.models.processor import LLAMA_NEEDS, lacks

Chosen = Literal["llama", "openvino"]


def chosen_engine(model: str) -> tuple[Chosen, str]:
    """The engine for a model, by its source, and the reason in words for hosts."""
    if PurePosixPath(model).suffix.lower() not in (".gguf", ".bin"):
        return "openvino", "a checkpoint is made into what openvino reads"
    if missing := lacks(LLAMA_NEEDS):
        return (
            "openvino",
            f"llama.cpp's build wants {', '.join(missing).upper()}, which this processor has not",
        )
    return (
        "llama",
        "it reads every family of GGUF and keeps its weights as they are: less memory than "
        "openvino's rewrite as Q8_0, and faster on the next turns of one to four stories; openvino "
        "reads several new stories at once faster",
    )
