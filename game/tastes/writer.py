"""How a writer wants one adventure told: a preset or values of their own, and banned phrases."""

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

# What a writer may ask for: narrower than what engines take. Text beyond these is noise.
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
    """What an adventure's owner asks for. None is the narrator's own value.

    The values of the samplers count with the preset "custom" alone, the others always.
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
    def keeps_to_its_bounds(cls, value: float | None, info: Any) -> float | None:
        least, most = BOUNDS[info.field_name]
        if value is not None and not least <= value <= most:
            raise ValueError(f"is a number from {least} to {most}")
        return value

    @field_validator("banned")
    @classmethod
    def can_be_banned(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        return checked_phrases(phrases)

    @property
    def sets_temperature(self) -> bool:
        """Whether it says how surprising replies are, whatever its player likes elsewhere."""
        if self.preset == "custom":
            return self.temperature is not None
        return self.preset != "balanced"

    def values(self, own: SamplingParams) -> dict[str, Any]:
        """What it changes of a narrator's `own` sampling."""
        greedy = own.temperature == 0  # on purpose
        asked: dict[str, Any] = {}
        if self.preset == "careful":
            asked = {"min_p": max(own.min_p, 0.1), "xtc_probability": 0.0}
            asked["temperature"] = min(own.temperature, 0.5)
        elif self.preset == "wild":
            asked = {"min_p": 0.03, "dry_multiplier": 0.8}
            asked |= {"xtc_probability": 0.3, "xtc_threshold": 0.1}
            asked["temperature"] = 0.0 if greedy else max(own.temperature, 1.1)
        elif self.preset == "custom":
            asked = {name: getattr(self, name) for name in BOUNDS}
        asked |= {"max_tokens": self.max_tokens, "worn": self.worn}
        asked = {name: value for name, value in asked.items() if value is not None}
        if self.logit_bias:
            asked["logit_bias"] = {**own.logit_bias, **self.logit_bias}
        if self.banned:
            # The host's come first, and stay.
            kept = [*own.banned, *(each for each in self.banned if each not in own.banned)]
            asked["banned"] = tuple(kept)
        return {name: value for name, value in asked.items() if getattr(own, name) != value}


def settings_of(adventure: Adventure) -> WriterSettings:
    """What an adventure's owner asked for; the usual where what is stored is not understood."""
    try:
        return WriterSettings.model_validate(adventure.sampling)
    except ValidationError as problem:
        fields = [".".join(map(str, each["loc"])) for each in problem.errors()]
        logger.warning("adventure %s: its sampling is left out: %s", adventure.pk, fields)
        return WriterSettings()
