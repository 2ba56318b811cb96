"""What a training takes of memory, before it begins. Pure.

Estimates. LoRA on SmolLM2-135M in bfloat16 on a CPU, 2,048 tokens a row, took 6.9 GB.
"""

from dataclasses import dataclass

GB = 1e9
# Bytes that a layer keeps of a token for the way back, for each value of its width, where a value
# has two bytes (Korthikanti et al. 2022, without the attention's matrix).
KEPT_A_LAYER = 34
KEPT_CHECKPOINTED = 2  # only what goes into a layer
# More where adapters learn: what goes into each linear layer, in float32, and its dropout. Whatever
# the values have: bytes for each value of the width.
KEPT_BY_ADAPTERS = 75
EMPTY = 0.7e9  # the libraries themselves, and the tokenizer
ADAM = 8  # two averages of float32 for each weight that learns
LOGITS = 5  # copies of the logits, in float32


@dataclass(frozen=True)
class Size:
    """Of a model and how it is trained."""

    parameters: int
    learning: int  # parameters that change
    layers: int
    width: int
    vocabulary: int
    weight_bytes: int  # of one weight in memory
    compute_bytes: int  # of one value that is computed
    tokens: int  # computed at once
    checkpointing: bool = False
    adapters: bool = False


@dataclass(frozen=True)
class Need:
    """Bytes, by what they are for."""

    weights: float
    learning: float  # gradients and Adam's averages
    values: float  # what the way back needs
    logits: float

    @property
    def sure(self) -> float:
        """What is taken whatever the rows are like."""
        return self.weights + self.learning

    @property
    def total(self) -> float:
        """Bytes of all parts together."""
        return self.sure + self.values + self.logits + EMPTY

    def __str__(self) -> str:
        return (
            f"{self.total / GB:.1f} GB (weights {self.weights / GB:.1f}, gradients and optimizer "
            f"{self.learning / GB:.1f}, values {self.values / GB:.1f}, logits "
            f"{self.logits / GB:.1f}, libraries {EMPTY / GB:.1f})"
        )


def need_of(size: Size) -> Need:
    """The memory of a training of this size, in bytes."""
    per_value = KEPT_A_LAYER / 2 * size.compute_bytes + size.adapters * KEPT_BY_ADAPTERS
    values = size.tokens * size.width * size.layers * per_value
    if size.checkpointing:
        kept = size.tokens * size.width * size.layers * KEPT_CHECKPOINTED / 2 * size.compute_bytes
        values = kept + values / max(1, size.layers)
    return Need(
        weights=size.parameters * size.weight_bytes,
        learning=size.learning * (4 + ADAM),
        values=values,
        logits=size.tokens * size.vocabulary * 4 * LOGITS,
    )


def checkpoint_bytes(size: Size) -> float:
    """One checkpoint on the disk: what learns, and the optimizer's state."""
    return size.learning * (4 + ADAM)
