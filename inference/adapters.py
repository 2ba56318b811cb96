"""What fine-tuning made, into a GGUF: an adapter's steps added to its tensors, or new tensors.

With numpy and the package gguf alone, so that a narrator can be pulled where no torch is. The
families are those that openvino reads from a GGUF; llama's q and k stand there permuted for its
rotary embedding (llama.cpp, convert_hf_to_gguf.py).
"""

import hashlib
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.safetensors_file import tensors_of

if TYPE_CHECKING:
    from gguf import GGUFReader

    from inference.gguf_files import Change
    from inference.safetensors_file import Floats

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
SHIPPED = Path(__file__).resolve().parent.parent / "data" / "adapters"
PERMUTED = {"llama": ("attn_q", "attn_k")}  # families, and their tensors that stand permuted

LAYER = re.compile(r"(?:.*\.)?layers\.(\d+)\.(.+?)(?:\.(lora_[AB]))?(\.weight|\.bias)")
INNER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
OUTER = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


class AdapterError(Exception):
    """Why an adapter does not go into a model, in one line."""


def adapter_path(named: str, models_dir: Path) -> Path:
    """Where an adapter lies: `shipped:NAME` came with Grue; else absolute or in MODELS_DIR."""
    if named.startswith("shipped:"):
        return SHIPPED / named.removeprefix("shipped:")
    return models_dir / Path(named).expanduser()


def digest_of_adapter(folder: Path) -> str:
    """The SHA-256 of what an adapter says and weighs. Raises AdapterError."""
    try:
        files = [(folder / name).read_bytes() for name in (CONFIG, WEIGHTS)]
    except OSError as error:
        raise AdapterError(
            f"{folder} is not the folder of a PEFT adapter: {error.strerror}"
        ) from error
    return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in files)).hexdigest()


def changes_of_adapter(folder: Path, reader: "GGUFReader") -> dict[str, "Change"]:
    """What a PEFT LoRA adapter does to the tensors of a GGUF. Raises AdapterError.

    A tensor W becomes W + B·A·alpha/rank (Hu et al. 2021), B and A being the adapter's.
    """
    config = read_config(folder)
    rank = int(config["r"])
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    halves: dict[str, dict[str, Floats]] = {}
    try:
        for name, values in tensors_of(folder / WEIGHTS):
            found = LAYER.fullmatch(name)
            if found is None or found[2] not in INNER or not found[3]:
                raise AdapterError(f"{folder} changes {name}, which no GGUF has a place for")
            halves.setdefault(f"blk.{found[1]}.{INNER[found[2]]}.weight", {})[found[3]] = values
    except (OSError, ValueError) as error:
        raise AdapterError(f"{folder}: {error}") from error
    there = {tensor.name: tuple(map(int, reversed(tensor.shape))) for tensor in reader.tensors}
    changes = {}
    for name, half in halves.items():
        if half.keys() != {"lora_A", "lora_B"}:
            raise AdapterError(f"{folder} has one half of what changes {name}")
        shape = (half["lora_B"].shape[0], half["lora_A"].shape[1])
        if there.get(name) != shape:
            raise AdapterError(f"{folder} was made for another model: {name} is not its own")
        changes[name] = adding(half["lora_A"], half["lora_B"], scale, permuting(name, reader))
    if not changes:
        raise AdapterError(f"{folder} changes nothing")
    return changes


def changes_of_checkpoint(folder: Path, reader: "GGUFReader") -> dict[str, "Change"]:
    """The tensors of a checkpoint that was trained as a whole. Raises AdapterError."""
    there = {tensor.name for tensor in reader.tensors}
    changes = {}
    try:
        for file in sorted(folder.glob("*.safetensors")):
            for name, values in tensors_of(file):
                place = place_of(name)
                if place in there:
                    changes[place] = replacing(values, permuting(place, reader))
    except (OSError, ValueError) as error:
        raise AdapterError(f"{folder}: {error}") from error
    missing = there - changes.keys() - {"rope_freqs.weight"}
    if missing:
        raise AdapterError(f"{folder} is of another model: it has no {min(missing)}")
    return changes


def place_of(name: str) -> str:
    """What a checkpoint's tensor is called in a GGUF; empty where it is not there."""
    found = LAYER.fullmatch(name)
    if found and found[2] in INNER:
        return f"blk.{found[1]}.{INNER[found[2]]}{found[4]}"
    return OUTER.get(name, "")


def read_config(folder: Path) -> dict[str, Any]:
    """The adapter_config.json of a plain LoRA adapter. Raises AdapterError."""
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdapterError(f"{folder} is not the folder of a PEFT adapter") from error
    odd = [name for name in ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save")]
    odd = [name for name in odd if config.get(name)]
    if kind != "LORA" or odd:
        what = f"a {kind} adapter" if kind != "LORA" else f"an adapter with {odd[0]}"
        raise AdapterError(f"{folder} is {what}: a plain LORA can be merged")
    return config


def permuting(name: str, reader: "GGUFReader") -> Callable[["Floats"], "Floats"]:
    """How a checkpoint's tensor stands in this GGUF."""
    family = str(reader.fields["general.architecture"].contents())
    inner = name.split(".")[2] if name.startswith("blk.") else ""
    if inner not in PERMUTED.get(family, ()):
        return lambda values: values
    key = "head_count_kv" if inner == "attn_k" else "head_count"
    heads = int(reader.fields[f"{family}.attention.{key}"].contents())
    return lambda values: permuted(values, heads)


def permuted(values: "Floats", heads: int) -> "Floats":
    """The rows of each head, two halves of a rotation, as pairs that stand beside each other."""
    rows = values.shape[0]
    split = values.reshape(heads, 2, rows // heads // 2, *values.shape[1:])
    return split.swapaxes(1, 2).reshape(values.shape)


def adding(
    a: "Floats", b: "Floats", scale: float, permute: Callable[["Floats"], "Floats"]
) -> "Change":
    return lambda values: values + permute((b @ a) * scale)


def replacing(new: "Floats", permute: Callable[["Floats"], "Floats"]) -> "Change":
    return lambda values: permute(new).reshape(values.shape)
