"""Which sampling settings which engine heeds. Pure: the game asks too, and loads no engine."""

from collections.abc import Iterable
from typing import Literal

from inference.sampling import CALLED, SamplingParams, Setting

# What each engine cannot heed. Of `openai` only its server can say: see `dialects`.
CANNOT: dict[str, frozenset[Setting]] = {
    "llama": frozenset({"stop"}),
    "openvino": frozenset({"stop", "typical_p", "dry", "xtc", "logit_bias"}),
    "transformers": frozenset({"stop", "typical_p", "dry", "xtc", "logit_bias"}),
    "scripted": frozenset(),  # it heeds none: what it tells is written
}


def ignored_by(engine: str, sampling: SamplingParams) -> tuple[Setting, ...]:
    """The settings of `sampling` that are on, and that an engine is known not to heed."""
    cannot = CANNOT.get(engine, frozenset())
    return tuple(each for each in sampling.asked if each in cannot)


def known_by(engine: str) -> Literal["all", "some", "server"]:
    """How many of all settings an engine heeds; "server" where its server decides."""
    if engine == "openai":
        return "server"
    return "some" if CANNOT.get(engine, frozenset()) - {"stop"} else "all"


def names(settings: Iterable[Setting]) -> str:
    """Settings as people call them: "DRY, XTC"."""
    return ", ".join(CALLED[each] for each in settings)
