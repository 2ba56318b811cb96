"""How the next word is chosen."""

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

# What an engine may not know, and what players and hosts call it.
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
CALLED: dict[Setting, str] = {
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

    Not every engine knows every setting: `inference.engines.abilities` says which.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int = Field(default=120, ge=1, le=4096)
    temperature: float = Field(default=0.8, ge=0, le=5)  # 0 is greedy
    top_k: int = Field(default=0, ge=0)  # 0 is off
    top_p: float = Field(default=0.95, gt=0, le=1)
    min_p: float = Field(default=0, ge=0, lt=1)  # least share of the likeliest's chance; 0 is off
    # Locally typical sampling (Meister et al. 2022): how much of the chances is kept; 1 is off.
    typical_p: float = Field(default=1, gt=0, le=1)
    repetition_penalty: float = Field(default=1.1, ge=1, le=2)
    # For each time that a word was told in this reply, and once for having been told. 0 is off.
    frequency_penalty: float = Field(default=0, ge=-2, le=2)
    presence_penalty: float = Field(default=0, ge=-2, le=2)
    # DRY: a token that would lengthen a repetition of n tokens loses
    # multiplier * base ** (n - allowed_length) logits. A multiplier of 0 is off. No repetition
    # goes on beyond a breaker.
    dry_multiplier: float = Field(default=0, ge=0, le=5)
    dry_base: float = Field(default=1.75, ge=1, le=4)
    dry_allowed_length: int = Field(default=2, ge=1, le=64)
    dry_breakers: tuple[Annotated[str, Field(min_length=1, max_length=20)], ...] = Field(
        default=("\n", ":", '"', "*"), max_length=MOST_BREAKERS
    )
    # XTC: with this probability, all tokens above the threshold but the least likely of them are
    # left out. 0 is off; of a threshold above 0.5 there can be only one, so that is off too.
    xtc_probability: float = Field(default=0, ge=0, le=1)
    xtc_threshold: float = Field(default=0.1, ge=0, le=1)
    # Added to the logits of the first token of each text, in the middle of a line too.
    logit_bias: dict[
        Annotated[str, Field(min_length=1, max_length=LONGEST_BIAS, pattern=r"\S")],
        Annotated[float, Field(ge=-LARGEST_BIAS, le=LARGEST_BIAS)],
    ] = Field(default={}, max_length=MOST_BIASES)
    # Phrases that are never told, and whether those are that small models wear out
    # (`inference.reply.worn`).
    banned: tuple[str, ...] = ()
    worn: bool = False
    seed: int | None = None
    # A reply ends before the first of these.
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), max_length=4)
    # Set by `inference.engines.bans` alone: a reply does not begin with these tokens.
    not_first: tuple[str, ...] = ()

    @field_validator("banned")
    @classmethod
    def can_be_banned(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        return checked_phrases(phrases)

    @model_validator(mode="after")
    def has_room(self) -> Self:
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
    """Phrases to ban, each once. Raises ValueError with what a person should change."""
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
