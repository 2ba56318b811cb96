"""The sampling parameters of a reply, and their limits."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_BIASES = 64
LONGEST_BIAS = 60  # characters
LARGEST_BIAS = 100  # logits: as good as never, or always
MOST_BREAKERS = 16
MOST_BANNED = 500
LONGEST_BANNED = 80  # characters
# A request travels through Redis with its story, in 256 KiB.
BANNED_BYTES = 24_000
LETTER = re.compile(r"[^\W_]")

# Settings that some engines do not support, and their names for players and hosts.
Setting = Literal[
    "stop",
    "top_k",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "dry",
    "xtc",
    "logit_bias",
]
SETTING_NAMES: dict[Setting, str] = {
    "stop": "stop strings",
    "top_k": "top-k",
    "min_p": "min-p",
    "typical_p": "typical-p",
    "repetition_penalty": "repetition penalty",
    "frequency_penalty": "frequency penalty",
    "presence_penalty": "presence penalty",
    "dry": "DRY",
    "xtc": "XTC",
    "logit_bias": "logit bias",
}


class SamplingParams(BaseModel):
    """Sampling of one reply. Names and meanings are those of vLLM, transformers and llama.cpp.

    Not every engine supports every setting: see `inference.engines.abilities`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int = Field(default=120, ge=1, le=4096)
    temperature: float = Field(default=0.8, ge=0, le=5)  # 0 is greedy
    top_k: int = Field(default=0, ge=0)  # 0 is off
    top_p: float = Field(default=0.95, gt=0, le=1)
    min_p: float = Field(default=0, ge=0, lt=1)  # share of the highest probability; 0 is off
    # Locally typical sampling (Meister et al. 2022): the probability mass to keep; 1 is off.
    typical_p: float = Field(default=1, gt=0, le=1)
    repetition_penalty: float = Field(default=1.1, ge=1, le=2)
    # Per occurrence of a token in this reply, and once for its first occurrence. 0 is off.
    frequency_penalty: float = Field(default=0, ge=-2, le=2)
    presence_penalty: float = Field(default=0, ge=-2, le=2)
    # DRY: a token that would lengthen a repetition of n tokens loses
    # multiplier * base ** (n - allowed_length) logits. A multiplier of 0 is off. No repetition
    # is counted across a breaker.
    dry_multiplier: float = Field(default=0, ge=0, le=5)
    dry_base: float = Field(default=1.75, ge=1, le=4)
    dry_allowed_length: int = Field(default=2, ge=1, le=64)
    dry_breakers: tuple[Annotated[str, Field(min_length=1, max_length=20)], ...] = Field(
        default=("\n", ":", '"', "*"), max_length=MOST_BREAKERS
    )
    # XTC: with this probability, all tokens above the threshold but the least likely of them are
    # excluded. 0 is off; only one token can be above a threshold over 0.5, so that is off too.
    xtc_probability: float = Field(default=0, ge=0, le=1)
    xtc_threshold: float = Field(default=0.1, ge=0, le=1)
    # Added to the logits of the first token of each text, in the middle of a line too.
    logit_bias: dict[
        Annotated[str, Field(min_length=1, max_length=LONGEST_BIAS, pattern=r"\S")],
        Annotated[float, Field(ge=-LARGEST_BIAS, le=LARGEST_BIAS)],
    ] = Field(default={}, max_length=MOST_BIASES)
    # Phrases that no reply may have, and whether the clichés of small models
    # (`inference.reply.worn`) are among them.
    banned: tuple[str, ...] = ()
    worn: bool = False
    # What was said and told lately: a reply does not say it again, where the engine avoids that for
    # free. Set by `inference.prompts.echoes` alone.
    echoes: tuple[str, ...] = ()
    seed: int | None = None
    # A reply ends before the first of these.
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), max_length=4)
    # Set by `inference.engines.bans` alone: a reply does not begin with these tokens.
    not_first: tuple[str, ...] = ()

    @field_validator("banned")
    @classmethod
    def can_be_banned(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        """Check the phrases and drop duplicates."""
        return checked_phrases(phrases)

    @model_validator(mode="after")
    def has_room(self) -> Self:
        """Refuse DRY without a breaker."""
        if self.dry_multiplier and not self.dry_breakers:
            raise ValueError('dry_breakers wants one at least: "\\n"')
        return self

    @property
    def asked(self) -> tuple[Setting, ...]:
        """The settings that are on and that an engine may not know."""
        on: dict[Setting, bool] = {
            "stop": bool(self.stop),
            "top_k": self.top_k > 0,
            "min_p": self.min_p > 0,
            "typical_p": self.typical_p < 1,
            "repetition_penalty": self.repetition_penalty != 1,
            "frequency_penalty": self.frequency_penalty != 0,
            "presence_penalty": self.presence_penalty != 0,
            "dry": self.dry_multiplier > 0,
            "xtc": self.xtc_probability > 0 and self.xtc_threshold <= 0.5,
            "logit_bias": bool(self.logit_bias),
        }
        return tuple(name for name, is_on in on.items() if is_on)


def checked_phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """Phrases to ban, without duplicates. Raises ValueError with what to change."""
    kept: dict[str, str] = {}
    for each in phrases:
        phrase = " ".join(each.split())
        if not LETTER.search(phrase):
            raise ValueError(f"“{phrase}” has no letters: a banned phrase is made of words")
        if len(phrase) > LONGEST_BANNED:
            raise ValueError(
                f"“{phrase[:30]}…” has {len(phrase)} characters: "
                f"a banned phrase has at most {LONGEST_BANNED}"
            )
        kept.setdefault(phrase.casefold(), phrase)
    if len(kept) > MOST_BANNED:
        raise ValueError(f"these are {len(kept)} banned phrases: {MOST_BANNED} is the most")
    size = sum(len(phrase.encode()) for phrase in kept.values())
    if size > BANNED_BYTES:
        raise ValueError(
            f"the banned phrases have {size} bytes together: {BANNED_BYTES} is the most"
        )
    return tuple(kept.values())
