"""How the next word is chosen."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class SamplingParams(BaseModel):
    """Sampling of one reply. Names and meanings are those of vLLM and transformers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int = Field(default=120, ge=1, le=4096)
    temperature: float = Field(default=0.8, ge=0, le=5)  # 0 is greedy
    top_k: int = Field(default=0, ge=0)  # 0 is off
    top_p: float = Field(default=0.95, gt=0, le=1)
    min_p: float = Field(default=0, ge=0, lt=1)  # least share of the likeliest's chance; 0 is off
    repetition_penalty: float = Field(default=1.1, ge=1, le=2)
    # For each time that a word was told in this reply, and once for having been told. 0 is off.
    frequency_penalty: float = Field(default=0, ge=-2, le=2)
    presence_penalty: float = Field(default=0, ge=-2, le=2)
    seed: int | None = None
    # A reply ends before the first of these.
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), max_length=4)
