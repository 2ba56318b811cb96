"""What fine-tuning made, into a GGUF: an adapter's steps added to its tensors, or new tensors.

llama.cpp takes an adapter beside the model instead: `write_adapter` makes its GGUF of PEFT's.

With numpy and the package gguf alone, so that a narrator can be pulled where no torch is. The
families are those that openvino reads from a GGUF; llama's q and k stand there permuted for its
rotary embedding (llama.cpp, convert_hf_to_gguf.py).
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.models.gguf import Header, read_header
from inference.models.safetensors import tensors_of

if TYPE_CHECKING:
    from gguf import GGUFReader

    from inference.models.gguf_rewrite import Change
    from inference.models.safetensors import Floats

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
SHIPPED = Path(__file__).resolve().parents[2] / "data" / "adapters"
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


def digest_of_adapter(place: Path) -> str:
    """The SHA-256 of what an adapter says and weighs. Raises AdapterError."""
    try:
        if place.is_file():
            with place.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        files = [(place / name).read_bytes() for name in (CONFIG, WEIGHTS)]
    except OSError as error:
        raise AdapterError(
            f"{place} is not the folder of a PEFT adapter: {error.strerror}"
        ) from error
    return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in files)).hexdigest()


@dataclass(frozen=True)
class Lora:
    """A LoRA adapter (Hu et al. 2021): a tensor W becomes W + B·A·scale.

    `halves` are (A, B) by the name of the GGUF's tensor: A is rank x inputs, B outputs x rank.
    """

    scale: float
    halves: dict[str, tuple["Floats", "Floats"]]


def read_adapter(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> Lora:
    """A PEFT adapter for a GGUF whose tensors have these shapes. Raises AdapterError."""
    config = read_config(folder)
    rank = int(config["r"])
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    found: dict[str, dict[str, Floats]] = {}
    try:
        for name, values in tensors_of(folder / WEIGHTS):
            place = LAYER.fullmatch(name)
            if place is None or place[2] not in INNER or not place[3]:
                raise AdapterError(f"{folder} changes {name}, which no GGUF has a place for")
            found.setdefault(f"blk.{place[1]}.{INNER[place[2]]}.weight", {})[place[3]] = values
    except (OSError, ValueError) as error:
        raise AdapterError(f"{folder}: {error}") from error
    halves = {}
    for name, half in found.items():
        if half.keys() != {"lora_A", "lora_B"}:
            raise AdapterError(f"{folder} has one half of what changes {name}")
        if shapes.get(name) != (half["lora_B"].shape[0], half["lora_A"].shape[1]):
            raise AdapterError(f"{folder} was made for another model: {name} is not its own")
        halves[name] = (half["lora_A"], half["lora_B"])
    if not halves:
        raise AdapterError(f"{folder} changes nothing")
    return Lora(scale, halves)


def changes_of_adapter(folder: Path, reader: "GGUFReader") -> dict[str, "Change"]:
    """What a PEFT LoRA adapter does to the tensors of a GGUF. Raises AdapterError."""
    there = {tensor.name: tuple(map(int, reversed(tensor.shape))) for tensor in reader.tensors}
    lora = read_adapter(folder, there)
    return {
        name: adding(a, b, lora.scale, permuting(name, reader))
        for name, (a, b) in lora.halves.items()
    }


def write_adapter(folder: Path, model: Path, path: Path) -> None:
    """Make a GGUF that llama.cpp applies to `model` of a PEFT LoRA adapter. Raises AdapterError."""
    import numpy as np  # noqa: PLC0415  a web process does without
    from gguf import GGUFWriter  # noqa: PLC0415

    header = header_of(model)
    lora = read_adapter(folder, header.tensors)
    writer = GGUFWriter(path, header.family)
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    # llama.cpp divides by the rank, which is that of B.
    rank = next(iter(lora.halves.values()))[1].shape[1]
    writer.add_float32("adapter.lora.alpha", lora.scale * rank)
    for name, (a, b) in lora.halves.items():
        if heads := heads_permuted(name, header.family, header.number):
            b = permuted(b, heads)
        for half, values in (("lora_a", a), ("lora_b", b)):
            writer.add_tensor(f"{name}.{half}", np.ascontiguousarray(values, np.float32))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def check_adapter(path: Path, model: Path) -> None:
    """Raises AdapterError where a GGUF is no adapter for `model`: llama.cpp says less about it."""
    header, base = header_of(path), header_of(model)
    if header.keys.get("general.type") != "adapter" or header.keys.get("adapter.type") != "lora":
        raise AdapterError(f"{path} is a GGUF, but not of a LoRA adapter")
    if header.family != base.family:
        raise AdapterError(
            f"{path} was made for another model: it is for the {header.family} family, "
            f"{model.name} is of the {base.family} family"
        )
    names = {name.rpartition(".")[0] for name in header.tensors}
    for name in sorted(names):
        a, b = (header.tensors.get(f"{name}.{half}", ()) for half in ("lora_a", "lora_b"))
        if name == "token_embd.weight":  # both halves stand turned there
            a, b = tuple(reversed(b)), a
        if len(a) != 2 or len(b) != 2 or a[0] != b[1]:
            raise AdapterError(f"{path} has no whole halves of what changes {name}")
        if base.tensors.get(name) != (b[0], a[1]):
            raise AdapterError(f"{path} was made for another model: {name} is not its own")
    if not names:
        raise AdapterError(f"{path} changes nothing")


def header_of(path: Path) -> Header:
    """Raises AdapterError."""
    try:
        return read_header(path)
    except (OSError, ValueError) as error:
        raise AdapterError(str(error)) from error


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

    def number(key: str) -> int:
        return int(reader.fields[f"{family}.{key}"].contents())

    heads = heads_permuted(name, family, number)
    return lambda values: permuted(values, heads) if heads else values


def heads_permuted(name: str, family: str, number: Callable[[str], int]) -> int:
    """Of how many heads a tensor's rows stand permuted in a GGUF; 0 where they do not."""
    inner = name.split(".")[2] if name.startswith("blk.") else ""
    if inner not in PERMUTED.get(family, ()):
        return 0
    shared = number("attention.head_count_kv") if inner == "attn_k" else 0
    return shared or number("attention.head_count")


def permuted(values: "Floats", heads: int) -> "Floats":
    """The rows of each head, two halves of a rotation, as pairs that stand beside each other."""
    rows = values.shape[0]
    split = values.reshape(heads, 2, rows // heads // 2, *values.shape[1:])
    return split.swapaxes(1, 2).reshape(values.shape)


def adding(
    a: "Floats", b: "Floats", scale: float, permute: Callable[["Floats"], "Floats"]
) -> "Change":
    """A change that adds the product of the low-rank matrices, scaled, to a tensor."""
    return lambda values: values + permute((b @ a) * scale)


def replacing(new: "Floats", permute: Callable[["Floats"], "Floats"]) -> "Change":
    """A change that puts another tensor in its place, in the shape of the old one."""
    return lambda values: permute(new).reshape(values.shape)
