"""Which engines can tell a model, and what memory that takes, judged by its file's header alone."""

import json
import struct
from collections import Counter
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from inference.models.gguf import TENSORS, Header, read_header
from inference.narrators import Narrator

# What openvino's GGUF reader knows, and of its tensors those that it loads as they stand in the
# file. It knows Q4_0 and some K-quants too, but distorts Q4_1 without a word, so everything not
# proven is rewritten as Q8_0.
FAMILIES = {"llama", "qwen2", "qwen3"}
FAITHFUL = {"F32", "F16", "Q8_0"}
# What transformers 5.23 reads of a GGUF and tells as a causal model
# (GGUF_SUPPORTED_ARCHITECTURES in its modeling_gguf_pytorch_utils.py).
TRANSFORMERS_FAMILIES = {
    *("bloom", "falcon", "gemma2", "gemma3", "gpt2", "gpt_oss", "lfm2", "llama", "mistral"),
    *("nemotron", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "stablelm", "starcoder2"),
}

CACHE_TOKENS = 16_384  # the engines' own choice, where options say nothing
# Bytes for a weight, and for a value in the cache. openvino keeps its cache as int8 with scales.
WEIGHT = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int8": 1.02, "int4": 0.6}
OPENVINO_CACHE = 1.25
# What an engine's process takes before its model, as measured: libraries, tokenizer, buffers.
EMPTY = {"openvino": 300e6, "llama": 250e6, "transformers": 700e6}


@dataclass(frozen=True)
class Compatibility:
    """What a model is, and the bytes of memory that each engine needs that can tell it."""

    what: str
    memory: dict[str, float]

    def lines(self) -> list[str]:
        """For people: what it is, and who can tell it."""
        able = [f"{engine} ({size / 1e9:.1f} GB of memory)" for engine, size in self.memory.items()]
        return [self.what, f"runs with: {', '.join(able) or NOBODY}"]


NOBODY = "no engine here; serve it with llama-server or another, and name that as engine: openai"


def check_compatibility(path: Path, narrator: Narrator) -> Compatibility:
    """Look at a GGUF, a checkpoint's folder, or a folder with an IR. Raises ValueError, OSError."""
    kept = int(narrator.options.get("cache_tokens", CACHE_TOKENS))
    if path.is_file():
        return of_gguf(read_header(path), path, narrator, kept)
    if (path / "openvino_model.xml").is_file():
        size = (path / "openvino_model.bin").stat().st_size
        return Compatibility(
            f"{path.name}: an IR of openvino", {"openvino": size + EMPTY["openvino"]}
        )
    return of_checkpoint(path, narrator, kept)


def of_gguf(header: Header, path: Path, narrator: Narrator, kept: int) -> Compatibility:
    """What a GGUF is, and the memory in bytes that each engine needs for it.

    `kept` is the size of the cache in tokens.
    """
    kinds = ", ".join(header.values)
    what = (
        f"{path.name}: a GGUF of the {header.family or 'unnamed'} family, "
        f"{header.parameters / 1e6:.0f} million weights ({kinds}), "
        f"{header.context} tokens of context"
    )
    # llama.cpp maps the file as it is, and keeps its cache as 16 bits, a part for each slot.
    cached = header.cache_values * narrator.context * narrator.slots * 2
    memory = {}
    if header.family in llama_families():
        memory["llama"] = path.stat().st_size + cached + EMPTY["llama"]
    if header.family in FAMILIES:
        weights = sum(count * bytes_as_read(kind) for kind, count in header.values.items())
        cache = header.cache_values * kept * OPENVINO_CACHE
        memory["openvino"] = weights + cache + EMPTY["openvino"]
    if header.family in TRANSFORMERS_FAMILIES and set(header.values) <= NAMES:
        each = WEIGHT[torch_dtype(narrator)]
        size = (header.parameters + header.cache_values * kept) * each
        memory["transformers"] = size + EMPTY["transformers"]
    return Compatibility(what, memory)


@cache
def llama_families() -> set[str]:
    """What llama.cpp knows, as its own package for files lists it."""
    from gguf.constants import MODEL_ARCH_NAMES  # noqa: PLC0415  brings numpy

    return set(MODEL_ARCH_NAMES.values())


NAMES = {name for name, _, _ in TENSORS.values()}


def bytes_as_read(kind: str) -> float:
    """For one weight, once what openvino distorts has been rewritten as Q8_0."""
    sizes = {name: size / block for name, block, size in TENSORS.values()}
    return sizes[kind if kind in FAITHFUL else "Q8_0"]


def torch_dtype(narrator: Narrator) -> str:
    """What transformers loads weights as, where that can be known without looking for a GPU."""
    return narrator.dtype if narrator.dtype in ("bfloat16", "float16") else "float32"


def of_checkpoint(path: Path, narrator: Narrator, kept: int) -> Compatibility:
    """The same for a checkpoint's folder. Raises ValueError for one that cannot be read."""
    try:
        config: dict[str, Any] = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is no checkpoint: its config.json cannot be read") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} is no checkpoint: its config.json is no object")
    kinds = weights_of(path)
    weights = sum(kinds.values())
    inner = config.get("text_config") or config
    cache = cache_values(inner) * kept
    context = inner.get("max_position_embeddings") or inner.get("n_positions") or "no limit of"
    what = (
        f"{path.name}: a checkpoint of the {config.get('model_type', 'unnamed')} family, "
        f"{weights / 1e6:.0f} million weights ({', '.join(kinds)}), {context} tokens of context"
    )
    exported = WEIGHT[
        narrator.dtype if narrator.engine == "openvino" and narrator.dtype else "int8"
    ]
    memory = {
        "openvino": weights * exported + cache * OPENVINO_CACHE + EMPTY["openvino"],
        "transformers": (weights + cache) * WEIGHT[torch_dtype(narrator)] + EMPTY["transformers"],
    }
    return Compatibility(what, memory)


def cache_values(config: dict[str, Any]) -> int:
    """How many numbers the cache holds for each token: keys and values of all layers."""
    layers = config.get("num_hidden_layers") or config.get("n_layer") or 0
    width = config.get("hidden_size") or config.get("n_embd") or 0
    heads = config.get("num_attention_heads") or config.get("n_head") or 1
    shared = config.get("num_key_value_heads") or heads
    return int(2 * layers * shared * (config.get("head_dim") or width // heads))


def weights_of(path: Path) -> dict[str, int]:
    """How many weights of each type the safetensors of a folder hold. Raises ValueError."""
    files = sorted(path.glob("*.safetensors"))
    if not files:
        pickled = any(path.glob("*.bin")) or any(path.glob("*.pt"))
        raise ValueError(
            f"{path} has no safetensors"
            + (": its weights are a pickle, which may run code; convert them" if pickled else "")
        )
    counted: Counter[str] = Counter()
    for each in files:
        try:
            with each.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header = json.loads(file.read(min(length, 100_000_000)))
            for name, tensor in header.items():
                if name != "__metadata__":
                    counted[tensor["dtype"]] += prod(tensor["shape"])
        except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{each} is no whole safetensors file") from error
    return dict(counted)
