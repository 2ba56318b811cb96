"""Which engine `engine: auto` stands for: a rule with reasons, by what the entry itself says.

It is settled when the list of narrators is read, before any model is here, so that everything else
sees an engine like any other. docs/decisions/llama-in-process.md has the figures behind it.
"""

from pathlib import PurePosixPath
from typing import Literal

from inference.models.processor import LLAMA_NEEDS, lacks

Chosen = Literal["llama", "openvino"]


def chosen_engine(model: str) -> tuple[Chosen, str]:
    """The engine for a model by its source, and why, in words for hosts."""
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
