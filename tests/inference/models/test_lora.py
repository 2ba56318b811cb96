"""What fine-tuning made becomes part of a GGUF, with numpy and gguf alone."""

import json
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
gguf = pytest.importorskip("gguf")

from inference.models.gguf_rewrite import read_gguf, rewrite  # noqa: E402
from inference.models.lora import (  # noqa: E402
    AdapterError,
    adapter_path,
    changes_of_adapter,
    changes_of_checkpoint,
    check_adapter,
    permuted,
)
from inference.models.safetensors import tensors_of  # noqa: E402
from inference.models.store import (  # noqa: E402
    ModelError,
    adapter_file,
    ensure_model,
    model_path,
    recorded_model,
)
from inference.narrators import Narrator  # noqa: E402

LAYERS, HEADS, SHARED, HEAD, INNER, WORDS = 2, 4, 2, 16, 96, 64
WIDTH = HEADS * HEAD
SHAPES = {
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (SHARED * HEAD, WIDTH),
    "attn_v": (SHARED * HEAD, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (INNER, WIDTH),
    "ffn_up": (INNER, WIDTH),
    "ffn_down": (WIDTH, INNER),
}
MODULES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def a_llama(path: Path, kind: str = "F32", template: str = "") -> Path:
    """A llama with random weights, small enough for a test and whole enough for transformers."""
    dice = np.random.default_rng(3)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(SHARED)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(WORDS)
    writer.add_tokenizer_model("gpt2")
    letters = [chr(33 + number) for number in range(WORDS - 1)]
    writer.add_token_list([*letters, "AB"])
    writer.add_token_types([1] * WORDS)
    writer.add_token_merges(["A B"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    if template:
        writer.add_chat_template(template)

    def add(name, shape):
        values = dice.standard_normal(shape).astype(np.float32) / 8
        wanted = gguf.GGMLQuantizationType[kind if len(shape) > 1 else "F32"]
        writer.add_tensor(name, gguf.quants.quantize(values, wanted), raw_dtype=wanted)

    add("token_embd.weight", (WORDS, WIDTH))
    add("output_norm.weight", (WIDTH,))
    add("output.weight", (WORDS, WIDTH))
    for layer in range(LAYERS):
        add(f"blk.{layer}.attn_norm.weight", (WIDTH,))
        add(f"blk.{layer}.ffn_norm.weight", (WIDTH,))
        for name, shape in SHAPES.items():
            add(f"blk.{layer}.{name}.weight", shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_safetensors(path: Path, tensors: dict, dtype: str = "F32") -> None:
    header, data = {}, b""
    for name, values in tensors.items():
        as_written = values.astype({"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + len(as_written)],
        }
        data += as_written
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def an_adapter(folder: Path, rank: int = 2, alpha: float = 6, only=tuple(SHAPES), **more) -> Path:
    """A LoRA adapter as PEFT writes it, with random halves."""
    folder.mkdir()
    dice = np.random.default_rng(5)
    tensors = {}
    for layer in range(LAYERS):
        for name in only:
            place = f"base_model.model.model.layers.{layer}.{MODULES[name]}"
            outputs, inputs = SHAPES[name]
            tensors[f"{place}.lora_A.weight"] = dice.standard_normal((rank, inputs))
            tensors[f"{place}.lora_B.weight"] = dice.standard_normal((outputs, rank)) / 8
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": [MODULES[name].rpartition(".")[2] for name in only],
        **more,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def values_of(path: Path) -> dict:
    return {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        for tensor in read_gguf(path).tensors
    }


def merged(model: Path, adapter: Path, to: Path) -> Path:
    reader = read_gguf(model)
    rewrite(reader, to, lambda done, total: None, changes_of_adapter(adapter, reader))
    return to


def test_a_step_is_added_to_the_tensors_that_the_adapter_names(tmp_path):
    model = a_llama(tmp_path / "m.gguf")
    adapter = an_adapter(tmp_path / "lora", only=("ffn_up",))
    before = values_of(model)
    after = values_of(merged(model, adapter, tmp_path / "out.gguf"))
    halves = dict(tensors_of(adapter / "adapter_model.safetensors"))
    place = "base_model.model.model.layers.1.mlp.up_proj"
    step = halves[f"{place}.lora_B.weight"] @ halves[f"{place}.lora_A.weight"] * (6 / 2)
    name = "blk.1.ffn_up.weight"
    assert np.allclose(after[name], before[name] + step, atol=1e-5)
    changed = {each for each in before if not np.array_equal(before[each], after[each])}
    assert changed == {"blk.0.ffn_up.weight", name}


@pytest.mark.torch
def test_a_merged_model_is_the_one_that_peft_would_tell_with(tmp_path):
    """transformers undoes the permutation of q and k by itself: it is a witness of its own."""
    import torch
    from peft import PeftModel

    from inference.finetune.training.checkpoint import read_gguf as as_model

    model = a_llama(tmp_path / "m.gguf")
    adapter = an_adapter(tmp_path / "lora")
    told, _ = as_model(merged(model, adapter, tmp_path / "out.gguf"))
    base, _ = as_model(model)
    right = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
    wanted = right.state_dict()
    assert told.state_dict().keys() == wanted.keys()
    for name, values in told.state_dict().items():
        assert torch.allclose(values, wanted[name], atol=1e-5), name
    ids = torch.tensor([[5, 9, 30, 7, 11]])
    assert torch.allclose(told(ids).logits, right(ids).logits, atol=1e-4)


@pytest.mark.torch
def test_a_model_trained_as_a_whole_goes_into_the_gguf_too(tmp_path):
    import torch

    from inference.finetune.training.checkpoint import read_gguf as as_model

    model = a_llama(tmp_path / "m.gguf")
    trained, _ = as_model(model)
    with torch.no_grad():
        for values in trained.parameters():
            values.add_(torch.randn_like(values) / 10)
    trained.save_pretrained(tmp_path / "trained")
    reader = read_gguf(model)
    changes = changes_of_checkpoint(tmp_path / "trained", reader)
    rewrite(reader, tmp_path / "out.gguf", lambda done, total: None, changes)
    told, _ = as_model(tmp_path / "out.gguf")
    for name, values in trained.state_dict().items():
        assert torch.allclose(values, told.state_dict()[name], atol=1e-5), name


@pytest.mark.parametrize("dtype", ["F16", "F32"])
def test_halves_are_read_as_they_were_written(tmp_path, dtype):
    values = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
    write_safetensors(tmp_path / "a.safetensors", {"x": values}, dtype)
    (found,) = tensors_of(tmp_path / "a.safetensors")
    assert found[0] == "x"
    assert np.allclose(found[1], values, atol=1e-3)


# ---- pulled


def narrator(model: Path, adapter: str) -> Narrator:
    return Narrator(name="tales", line="x", engine="openvino", model=str(model), adapter=adapter)


def test_a_pull_merges_the_adapter_and_keeps_the_base(tmp_path):
    model = a_llama(tmp_path / "m.gguf", "Q8_0")
    adapter = an_adapter(tmp_path / "lora")
    models = tmp_path / "models"
    tales = narrator(model, str(adapter))
    path = ensure_model(tales, models)
    assert path.parent == models
    assert "lora" in path.name
    before, after = values_of(model), values_of(path)
    assert not np.allclose(before["blk.0.attn_q.weight"], after["blk.0.attn_q.weight"], atol=0.1)
    assert np.array_equal(before["token_embd.weight"], after["token_embd.weight"])
    assert model_path(tales, models) == path
    assert ensure_model(narrator(model, ""), models) == model


def test_another_adapter_of_the_same_name_is_merged_anew(tmp_path):
    model = a_llama(tmp_path / "m.gguf")
    adapter = an_adapter(tmp_path / "lora")
    models = tmp_path / "models"
    tales = narrator(model, str(adapter))
    first = values_of(ensure_model(tales, models))
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 1}))
    assert recorded_model(tales, models) is None
    second = values_of(ensure_model(tales, models))
    assert not np.allclose(first["blk.0.ffn_up.weight"], second["blk.0.ffn_up.weight"])


def test_what_came_with_grue_is_found_by_name(tmp_path):
    assert adapter_path("shipped:tales", tmp_path).parent.name == "adapters"
    assert adapter_path("mine", tmp_path) == tmp_path / "mine"


# ---- beside the model, for llama.cpp


def for_llama(model: Path, adapter: str) -> Narrator:
    return narrator(model, adapter).model_copy(update={"engine": "llama"})


def test_a_pull_lays_an_adapter_for_llama_beside_the_model_that_stays_as_it_is(tmp_path):
    model = a_llama(tmp_path / "m.gguf", "Q8_0")
    adapter = an_adapter(tmp_path / "lora", rank=2, alpha=6)
    tales = for_llama(model, str(adapter))
    assert ensure_model(tales, tmp_path / "models") == model
    made = adapter_file(tales, tmp_path / "models")
    check_adapter(made, model)
    reader = gguf.GGUFReader(made)
    assert reader.fields["adapter.lora.alpha"].contents() == pytest.approx(6)
    there = {tensor.name: tensor.data for tensor in reader.tensors}
    halves = dict(tensors_of(adapter / "adapter_model.safetensors"))
    place = "base_model.model.model.layers.1.self_attn.k_proj"
    assert np.allclose(there["blk.1.attn_k.weight.lora_a"], halves[f"{place}.lora_A.weight"])
    as_checkpoint = halves[f"{place}.lora_B.weight"]
    assert np.allclose(there["blk.1.attn_k.weight.lora_b"], permuted(as_checkpoint, SHARED))


def test_another_adapter_of_the_same_name_is_converted_anew(tmp_path):
    adapter = an_adapter(tmp_path / "lora")
    tales = for_llama(a_llama(tmp_path / "m.gguf"), str(adapter))
    models = tmp_path / "models"
    ensure_model(tales, models)
    first = adapter_file(tales, models)
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 1}))
    assert recorded_model(tales, models) is None
    ensure_model(tales, models)
    assert adapter_file(tales, models) != first


def test_an_adapter_of_another_model_is_not_laid_beside_this_one(tmp_path, monkeypatch):
    model = a_llama(tmp_path / "m.gguf")
    made = tmp_path / "models"
    fitting = for_llama(model, str(an_adapter(tmp_path / "fitting")))
    ensure_model(fitting, made)
    monkeypatch.setitem(SHAPES, "ffn_up", (INNER, WIDTH * 2))
    with pytest.raises(ModelError, match=r"narrator 'tales': .*another model"):
        ensure_model(for_llama(model, str(an_adapter(tmp_path / "lora"))), made)
    wider = a_llama(tmp_path / "wider.gguf")
    with pytest.raises(AdapterError, match=r"another model: blk\.0\.ffn_up\.weight is not its own"):
        check_adapter(adapter_file(fitting, made), wider)


def test_a_gguf_that_is_no_adapter_is_not_applied(tmp_path):
    model = a_llama(tmp_path / "m.gguf")
    with pytest.raises(AdapterError, match="not of a LoRA adapter"):
        check_adapter(model, model)


# ---- what does not go in, each in one line


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: (folder / "adapter_config.json").unlink(), "not the folder of a PEFT"),
        (lambda folder: (folder / "adapter_config.json").write_text("["), "not the folder of"),
        (
            lambda folder: (folder / "adapter_config.json").write_text('{"peft_type": "IA3"}'),
            "IA3 adapter: a plain LORA",
        ),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"x"), "damaged header"),
        (
            lambda folder: (folder / "adapter_model.safetensors").write_bytes(
                (folder / "adapter_model.safetensors").read_bytes()[:-9]
            ),
            "cut short",
        ),
    ],
)
def test_a_broken_adapter_is_refused_in_one_line(tmp_path, break_it, said):
    model = a_llama(tmp_path / "m.gguf")
    adapter = an_adapter(tmp_path / "lora")
    break_it(adapter)
    with pytest.raises(AdapterError, match=said) as caught:
        changes_of_adapter(adapter, read_gguf(model))
    assert "\n" not in str(caught.value)


def test_an_adapter_of_another_model_is_refused(tmp_path, monkeypatch):
    model = a_llama(tmp_path / "m.gguf")
    monkeypatch.setitem(SHAPES, "ffn_up", (INNER, WIDTH * 2))
    adapter = an_adapter(tmp_path / "lora")
    with pytest.raises(AdapterError, match="made for another model"):
        changes_of_adapter(adapter, read_gguf(model))
    with pytest.raises(ModelError, match=r"narrator 'tales': .*another model"):
        ensure_model(narrator(model, str(adapter)), tmp_path / "models")


def test_an_adapter_that_is_not_there_says_where_it_was_looked_for(tmp_path):
    model = a_llama(tmp_path / "m.gguf")
    with pytest.raises(ModelError, match="nowhere is not the folder of a PEFT adapter"):
        ensure_model(narrator(model, "nowhere"), tmp_path / "models")
