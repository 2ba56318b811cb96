"""Which engine supports which sampling settings. Pure: the game uses it without an engine."""

from collections.abc import Iterable

from inference.contract.sampling import SETTING_NAMES, SamplingParams, Setting

# What each engine does not support. For `openai` it depends on the server: see its `dialects`.
UNSUPPORTED: dict[str, frozenset[Setting]] = {
    "llama": frozenset({"stop"}),
    "openvino": frozenset({"stop", "typical_p", "dry", "xtc", "logit_bias"}),
    "transformers": frozenset({"stop", "typical_p", "dry", "xtc", "logit_bias"}),
    "scripted": frozenset(),  # its replies are fixed
}


# With every setting on that some engine does not support, to list what an engine ignores.
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
    """The settings of `sampling` that are on and that an engine does not support."""
    unsupported = UNSUPPORTED.get(engine, frozenset())
    return tuple(each for each in sampling.asked if each in unsupported)


def names(settings: Iterable[Setting]) -> str:
    """The names of settings for people: "DRY, XTC"."""
    return ", ".join(SETTING_NAMES[each] for each in settings)
