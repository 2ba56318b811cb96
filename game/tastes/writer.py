"""Sampling settings of an adventure, set by its owner: a preset or values, and banned phrases."""

import logging
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from game.models import Adventure
from inference.contract.sampling import (
    LARGEST_BIAS,
    LONGEST_BIAS,
    MOST_BIASES,
    SamplingParams,
    checked_phrases,
)

logger = logging.getLogger(__name__)

Preset = Literal["balanced", "careful", "wild", "custom"]

# Narrower than what engines accept: beyond these bounds the text is noise.
BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0.05, 1),
    "min_p": (0, 0.5),
    "repetition_penalty": (1, 1.5),
    "dry_multiplier": (0, 2),
    "xtc_probability": (0, 1),
    "xtc_threshold": (0.01, 0.5),
}
SHORTEST, LONGEST = 16, 1024  # tokens of a reply


class WriterSettings(BaseModel):
    """Sampling settings of an adventure. None means the narrator's own value.

    The sampler values apply with the preset "custom" only, the other fields always.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset = "balanced"
    temperature: float | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    dry_multiplier: float | None = None
    xtc_probability: float | None = None
    xtc_threshold: float | None = None
    max_tokens: int | None = Field(default=None, ge=SHORTEST, le=LONGEST)
    banned: tuple[str, ...] = ()
    worn: bool | None = None
    logit_bias: dict[
        Annotated[str, Field(min_length=1, max_length=LONGEST_BIAS, pattern=r"\S")],
        Annotated[float, Field(ge=-LARGEST_BIAS, le=LARGEST_BIAS)],
    ] = Field(default={}, max_length=MOST_BIASES)

    @field_validator(*BOUNDS)
    @classmethod
    def check_bounds(cls, value: float | None, info: Any) -> float | None:
        """Raises ValueError for a value out of BOUNDS."""
        least, most = BOUNDS[info.field_name]
        if value is not None and not least <= value <= most:
            raise ValueError(f"is a number from {least} to {most}")
        return value

    @field_validator("banned")
    @classmethod
    def check_banned(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        """Raises ValueError for phrases that engines cannot ban."""
        return checked_phrases(phrases)

    @property
    def sets_temperature(self) -> bool:
        """Whether the temperature is set here, so that the player's preference is ignored."""
        if self.preset == "custom":
            return self.temperature is not None
        return self.preset != "balanced"

    def values(self, own: SamplingParams) -> dict[str, Any]:
        """The fields of a narrator's `own` sampling that change, with their new values."""
        greedy = own.temperature == 0
        values: dict[str, Any] = {}
        if self.preset == "careful":
            values = {"min_p": max(own.min_p, 0.1), "xtc_probability": 0.0}
            values["temperature"] = min(own.temperature, 0.5)
        elif self.preset == "wild":
            values = {"min_p": 0.03, "dry_multiplier": 0.8}
            values |= {"xtc_probability": 0.3, "xtc_threshold": 0.1}
            values["temperature"] = 0.0 if greedy else max(own.temperature, 1.1)
        elif self.preset == "custom":
            values = {name: getattr(self, name) for name in BOUNDS}
        values |= {"max_tokens": self.max_tokens, "worn": self.worn}
        values = {name: value for name, value in values.items() if value is not None}
        if self.logit_bias:
            values["logit_bias"] = {**own.logit_bias, **self.logit_bias}
        if self.banned:
            # Phrases that the host banned stay banned, and come first.
            added = (each for each in self.banned if each not in own.banned)
            values["banned"] = (*own.banned, *added)
        return {name: value for name, value in values.items() if getattr(own, name) != value}


def settings_of(adventure: Adventure) -> WriterSettings:
    """The adventure's stored settings; the defaults, with a warning logged, if they are invalid."""
    try:
        return WriterSettings.model_validate(adventure.sampling)
    except ValidationError as problem:
        fields = [".".join(map(str, each["loc"])) for each in problem.errors()]
        logger.warning("adventure %s: its sampling is left out: %s", adventure.pk, fields)
        return WriterSettings()
