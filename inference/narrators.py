"""Narrators by name, as narrators.yaml lists them: model, engine, prompt format, sampling."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.sampling import SamplingParams


class Narrator(BaseModel):
    """A named model with its engine, prompt format and sampling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    line: str = Field(max_length=200)  # what players read about it
    engine: Literal["openvino", "scripted"]
    model: str = ""  # `pypi:package==version/path/in/wheel`, or the path of a GGUF file
    sha256: str | None = None
    format: Literal["transcript", "chat"] = "transcript"
    context: int = Field(default=2048, ge=256)  # tokens: prompt and reply together
    slots: int = Field(default=16, ge=1, le=256)  # turns told at once
    step_seconds: int = Field(default=120, ge=1)  # a step that takes longer counts as hung
    sampling: SamplingParams = SamplingParams()
    options: dict[str, Any] = {}  # for the engine alone
