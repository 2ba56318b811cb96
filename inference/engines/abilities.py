"""Which sampling settings which engine heeds. Pure: the game asks too, and loads no engine."""

from collections.abc import Iterable

from inference.contract.sampling import CALLED, SamplingParams, Setting

# What each engine cannot heed. Of `openai` only its server can say: see `dialects`.
CANNOT: dict[str, frozenset[Setting]] = {
    "llama": frozenset({"stop"}),
    "openvino": frozenset({"stop", "typical_p", "dry", "xtc", "logit_bias"}),
    "transformers": frozenset({"stop", "typical_p", "dry", "xtc", "logit_bias"}),
    "scripted": frozenset(),  # it heeds none: what it tells is written
}


# With every setting on that an engine may not know, to ask one what it would ignore.
EVERYTHING = SamplingParams(
    top_k=10,
    min_p=0.1,
    typical_p=0.9,
    repetition_penalty=1.1,
    frequency_penalty=0.1,
    presence_penalty=0.1,
    dry_multiplier=0.8,
    xtc_probability=0.5,
    logit_bias={"lamp": -1},
    stop=("\n\n",),
)


def ignored_by(engine: str, sampling: SamplingParams) -> tuple[Setting, ...]:
    """The settings of `sampling` that are on, and that an engine is known not to heed."""
    cannot = CANNOT.get(engine, frozenset())
    return tuple(each for each in sampling.asked if each in cannot)


def names(settings: Iterable[Setting]) -> str:
    """Settings as people call them: "DRY, XTC"."""
    return ", ".join(CALLED[each] for each in settings)
