"""What a GGUF of the families that openvino reads would say, computed apart, with numpy alone.

An engine that reads a file's weights wrongly tells fluent nonsense, or only slightly worse stories.
So what it has told greedily is gone over once more here, in float32 and tensor by tensor: each
token must be the likeliest one, or nearly. One pass over the file, whatever its size; never more
than one tensor of a layer in memory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# What int8 caches and another order of sums move a score by, in nats.
NEAR = 1.0
# Share of tokens that must be near the likeliest: text that is split again may have other seams.
AGREEING = 0.8
ROWS = 8192  # of the vocabulary, scored at once

Fetch = Callable[[str], "Floats | None"]
"""A tensor's values by its name in the file; None where it has none of that name."""


class Unknown(Exception):
    """The file asks for arithmetic that is not known here. Its text says which."""


@dataclass(frozen=True)
class Shape:
    """What the file's metadata says of the model."""

    layers: int
    heads: int
    shared_heads: int  # of keys and values
    head_width: int
    epsilon: float
    base: float  # of the rotary embedding's frequencies
    interleaved: bool  # whether it turns neighbours; else the first half against the second


def shape_of(reader: "GGUFReader") -> Shape:
    """Raises Unknown, and KeyError where the file leaves out what every model of its kind has."""
    family = reader.fields["general.architecture"].contents()

    def given(name: str, default: Any = None) -> Any:
        field = reader.fields.get(f"{family}.{name}")
        if field is None and default is None:
            raise KeyError(f"{family}.{name}")
        return default if field is None else field.contents()

    if given("rope.scaling.type", "none") != "none":
        raise Unknown("a stretched context")
    if given("expert_count", 0):
        raise Unknown("a mixture of experts")
    heads = int(given("attention.head_count"))
    width = int(given("attention.key_length", int(given("embedding_length")) // heads))
    return Shape(
        layers=int(given("block_count")),
        heads=heads,
        shared_heads=int(given("attention.head_count_kv", heads)),
        head_width=width,
        epsilon=float(given("attention.layer_norm_rms_epsilon")),
        base=float(given("rope.freq_base", 10_000.0)),
        interleaved=family == "llama",
    )


def scores(shape: Shape, fetch: Fetch, ids: list[int]) -> "Floats":
    """What the model says after each of `ids`: [tokens, width], to be scored against words."""
    import numpy as np  # noqa: PLC0415  a web process does without

    x = needed(fetch, "token_embd.weight")[np.array(ids)]
    turn = rotation(shape, fetch, len(ids))
    for layer in range(shape.layers):
        at = f"blk.{layer}."
        x = x + attention(shape, fetch, at, normed(shape, fetch, f"{at}attn_norm.weight", x), turn)
        y = normed(shape, fetch, f"{at}ffn_norm.weight", x)
        gate = y @ needed(fetch, f"{at}ffn_gate.weight").T
        up = y @ needed(fetch, f"{at}ffn_up.weight").T
        with np.errstate(over="ignore"):  # exp of what is far below zero
            x = x + (gate / (1 + np.exp(-gate)) * up) @ needed(fetch, f"{at}ffn_down.weight").T
    found: Floats = normed(shape, fetch, "output_norm.weight", x)
    return found


def needed(fetch: Fetch, name: str) -> "Floats":
    """The tensor of this name. Raises Unknown where the model has none."""
    values = fetch(name)
    if values is None:
        raise Unknown(f"a model without {name}")
    return values


def normed(shape: Shape, fetch: Fetch, name: str, x: "Floats") -> "Floats":
    """Root mean square of the last axis, and the weights of `name`."""
    import numpy as np  # noqa: PLC0415

    size = np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(shape.epsilon))
    return np.asarray(x / size * needed(fetch, name), np.float32)


def rotation(shape: Shape, fetch: Fetch, tokens: int) -> "tuple[Floats, Floats]":
    """Cosines and sines of each place's angles: [tokens, half a head]."""
    import numpy as np  # noqa: PLC0415

    half = shape.head_width // 2
    frequency = shape.base ** (-np.arange(half, dtype=np.float64) / half)
    stretched = fetch("rope_freqs.weight")  # as Llama 3 has it
    if stretched is not None:
        frequency = frequency / stretched
    angles = np.arange(tokens)[:, None] * frequency[None, :]
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def turned(shape: Shape, x: "Floats", turn: "tuple[Floats, Floats]") -> "Floats":
    """Heads [heads, tokens, width], each pair turned by its place's angle."""
    import numpy as np  # noqa: PLC0415

    cosine, sine = turn
    half = shape.head_width // 2
    one, two = (x[..., 0::2], x[..., 1::2]) if shape.interleaved else (x[..., :half], x[..., half:])
    pair = (one * cosine - two * sine, two * cosine + one * sine)
    if shape.interleaved:
        return np.asarray(np.stack(pair, -1).reshape(x.shape), np.float32)
    return np.asarray(np.concatenate(pair, -1), np.float32)


def attention(
    shape: Shape, fetch: Fetch, at: str, x: "Floats", turn: "tuple[Floats, Floats]"
) -> "Floats":
    """One layer's attention for `x`, without the residual; both are [tokens, width].

    `at` is the prefix of the layer's tensors, `turn` comes from `rotation`. Raises Unknown.
    """
    import numpy as np  # noqa: PLC0415

    tokens = len(x)

    def heads(name: str, count: int) -> "Floats":
        values = x @ needed(fetch, f"{at}attn_{name}.weight").T
        bias = fetch(f"{at}attn_{name}.bias")  # qwen2 has some
        values = values if bias is None else values + bias
        each: Floats = values.reshape(tokens, count, shape.head_width)
        norm = f"{at}attn_{name}_norm.weight"
        if fetch(norm) is not None:  # qwen3 has some
            each = normed(shape, fetch, norm, each)
        return each.transpose(1, 0, 2)

    query = turned(shape, heads("q", shape.heads), turn)
    key = turned(shape, heads("k", shape.shared_heads), turn)
    value = heads("v", shape.shared_heads)
    times = shape.heads // shape.shared_heads
    key, value = key.repeat(times, 0), value.repeat(times, 0)
    weight = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(shape.head_width))
    weight = np.where(np.tri(tokens, dtype=bool), weight, -np.inf)
    weight = np.exp(weight - weight.max(-1, keepdims=True))
    weight /= weight.sum(-1, keepdims=True)
    told = (weight @ value).transpose(1, 0, 2).reshape(tokens, -1)
    found: Floats = told @ needed(fetch, f"{at}attn_output.weight").T
    return found


def reading(reader: "GGUFReader") -> Fetch:
    """The tensors of an open file as floats, one at a time."""
    from gguf.quants import dequantize  # noqa: PLC0415

    tensors: Mapping[str, Any] = {tensor.name: tensor for tensor in reader.tensors}

    def fetch(name: str) -> "Floats | None":
        tensor = tensors.get(name)
        if tensor is None:
            return None
        values: Floats = dequantize(tensor.data, tensor.tensor_type)
        return values

    return fetch


def behind(says: "Floats", words: "Floats", next_ids: list[int]) -> "Floats":
    """How far each of `next_ids` is behind the likeliest word, in nats.

    `says` [tokens, width] is what the model says before each, `words` [V, width] its vocabulary.
    """
    import numpy as np  # noqa: PLC0415

    best = np.full(len(says), -np.inf, np.float32)
    for first in range(0, len(words), ROWS):
        best = np.maximum(best, (says @ words[first : first + ROWS].T).max(-1))
    found: Floats = best - (says * words[np.array(next_ids)]).sum(-1)
    return found


def agreeing(path: Path, prompt: list[int], told: list[int]) -> tuple[int, int]:
    """How many of the tokens `told` greedily after `prompt` are right, and how many were looked at.

    Raises Unknown where the file's arithmetic is not known here.
    """
    from gguf import GGUFReader  # noqa: PLC0415

    reader = GGUFReader(path)
    try:
        shape = shape_of(reader)
    except KeyError as error:
        raise Unknown(f"a file without {error.args[0]}") from error
    fetch = reading(reader)
    ids = [*prompt, *told]
    says = scores(shape, fetch, ids[:-1])[len(prompt) - 1 :]
    words = fetch("output.weight")
    if words is None:
        words = needed(fetch, "token_embd.weight")
    return int((behind(says, words, told) < NEAR).sum()), len(told)
